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
    """The phone calls a number that renegotiates; then the PBX calls the phone and hangs up."""
    user = f"{host}-{transport}"
    async with phone(office, Party(host, transport, user, DOMAINS[pbx])) as opened:
        assert (await opened.register()).code == 200
        first = await opened.dial("602")
        await asyncio.sleep(2)
        await first.bye()
        office.pbxs[pbx].command(call=user, talk_s=0.7)
        async with asyncio.timeout(15):
            second = await opened.incoming.get()
            await second.ended.wait()
        ends = [first.ended_by, second.ended_by]
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
    assert (outcome.reinvites, outcome.ended_by) == (1, ["us", "them"])
    address = node(office.net.topology, pbx)
    shown = {name for name, found in outcome.seen.items() if address in found}
    # The Via of the PBX stands in its requests, its Contact in both kinds of messages; SDP is the edge's in any case.
    assert shown == ({"Via", "Contact"} if pbx == SHOWN else set())
    allowed = (f"{address} in Via", f"{address} in Contact") if pbx == SHOWN else ()
    assert [text for text in outcome.violations if not text.startswith(allowed)] == []
