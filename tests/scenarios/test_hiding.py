"""Topology hiding for one PBX and not for the other, on one edge: who sees which addresses; calls work all the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lab.demo.stage import BRANCH, HQ, Setting, Stage, node, stage
from lab.topologies import BEHIND_NAT, DMZ
from tests.scenarios.scene import Party, at_once, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HIDDEN, SHOWN = "pbx-hq-a", "pbx-branch"
DOMAINS = {HIDDEN: HQ, SHOWN: BRANCH}
PHONES = (("phone-home", "udp"), ("phone-home", "tls"), ("phone-hotel", "tcp"), ("phone-six", "udp"))


@dataclass(frozen=True)
class Outcome:
    """What a phone saw while it called, was called, and the PBX renegotiated."""

    violations: list[str]
    seen: dict[str, list[str]]
    reinvites: int
    ended_by: list[str]


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Stage]:
    topology = request.param
    pbxs = {
        "hq": {"names": [HQ], "nodes": [node(topology, HIDDEN)]},
        "branch": {"names": [BRANCH], "nodes": [node(topology, SHOWN)], "topology_hiding": False},
    }
    options = dict.fromkeys(DOMAINS, ("--reinvite-after", "0.7"))
    with stage(Setting(topology, pbxs=pbxs, options=options), folders()) as made:
        yield made


async def both_ways(office: Stage, pbx: str, host: str, transport: str) -> Outcome:
    """The phone calls a number that renegotiates; then the PBX calls the phone, twice, and each hangs up once."""
    user = f"{host}-{transport}"
    async with phone(office, Party(host, transport, user, DOMAINS[pbx])) as opened:
        assert (await opened.register()).code == 200
        first = await opened.dial("602")
        await asyncio.sleep(2)
        await first.bye()
        ends = [first.ended_by]
        for talk_s, ours in ((0.7, False), (30, True)):
            office.pbxs[pbx].command(call=user, talk_s=talk_s)
            async with asyncio.timeout(20):
                call = await opened.incoming.get()
                if ours:
                    await call.reinvite()
                    await call.bye()
                await call.ended.wait()
            ends.append(call.ended_by)
        return Outcome(opened.witness.violations, opened.witness.report(), first.reinvites, ends)


@pytest.fixture(scope="module")
def outcomes(office: Stage) -> dict[tuple[str, str, str], Outcome]:
    jobs = {(pbx, host, way): both_ways(office, pbx, host, way) for pbx in DOMAINS for host, way in PHONES}
    return asyncio.run(at_once(jobs))


@pytest.mark.parametrize("pbx", DOMAINS)
@pytest.mark.parametrize(("host", "transport"), PHONES)
def test_only_the_pbx_that_does_not_mind_shows_its_address(
    office: Stage, outcomes: dict[tuple[str, str, str], Outcome], pbx: str, host: str, transport: str
) -> None:
    outcome = outcomes[pbx, host, transport]
    assert (outcome.reinvites, outcome.ended_by) == (1, ["us", "them", "us"])
    address = node(office.net.topology, pbx)
    shown = {name for name, found in outcome.seen.items() if address in found}
    # In calls of the PBX its address stands in From, and in To of what it answers; SDP is the edge's in any case.
    assert shown == ({"Via", "Contact", "From", "To"} if pbx == SHOWN else set())
    allowed = tuple(f"{address} in {name}" for name in shown)
    assert [text for text in outcome.violations if not text.startswith(allowed)] == []


@pytest.mark.usefixtures("outcomes")
@pytest.mark.parametrize("pbx", DOMAINS)
def test_the_pbx_finds_its_own_words_in_every_answer(office: Stage, pbx: str) -> None:
    assert office.pbxs[pbx].events("dialled", code=200)
    assert office.pbxs[pbx].events("garbage") == []
