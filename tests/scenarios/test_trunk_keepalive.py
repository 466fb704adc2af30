"""A provider is asked whether it is there, by the edge as it looks from outside, and gets no calls while it is not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import BRANCH, Setting, Stage, stage
from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST, PORT, HALL = "provider", 5066, "pbx-branch"
TRUNK: dict[str, Any] = {"addresses": [BEHIND_NAT.host(HOST).ipv4()], "port": PORT, "pbxs": ["branch"]}
SETTING = Setting(
    BEHIND_NAT,
    more={"health": {"interval_seconds": 1}, "trunks": {"carrier": TRUNK}},
    options={HALL: ("--trunk", f"sip:{EDGE_LAN}")},
)
SOON_S = 60


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    with stage(SETTING, folders()) as made:
        yield made


def provider(office: Stage) -> Phone:
    there = office.net.host(HOST).ipv4()
    edge = Hop("udp", EDGE_PUBLIC, 5060)
    return Phone(Line("provider", EDGE_PUBLIC, edge, there, port=PORT), office.net.maker(HOST))


async def until_it_is(office: Stage, flags: str) -> None:
    """`flags` as Kamailio writes them: AP is up and asked, IP is down and asked."""
    for _ in range(SOON_S * 2):
        lines = (await asyncio.to_thread(office.edge.kamailio, "dispatcher.list")).out.splitlines()
        at = next(number for number, line in enumerate(lines) if BEHIND_NAT.host(HOST).ipv4() in line)
        if lines[at + 1].split() == ["FLAGS:", flags]:
            return
        await asyncio.sleep(0.5)
    pytest.fail(f"the provider is not {flags} within {SOON_S} s")


def test_a_provider_that_answers_gets_calls_and_one_that_is_gone_gets_none(office: Stage) -> None:
    async def scene() -> None:
        here = office.net.host("phone-lan").ipv4()
        desk = Line("desk", BRANCH, office.way("phone-lan", "udp"), here, port=5068)
        async with Phone(desk, office.net.maker("phone-lan")) as phone:
            assert (await phone.register()).code == 200
            await until_it_is(office, "IP")
            # The PBX is told 503, and a 503 of a PBX reaches its caller as 500 (RFC 3261 section 16.7 step 6).
            assert (await phone.dial("0301234")).ended_by == "500"
            async with provider(office) as carrier:
                await until_it_is(office, "AP")
                assert carrier.witness.seen["Via"] == {EDGE_PUBLIC}
                call = await phone.dial("0301234")
                assert call.ended_by == ""
                assert await call.bye() == 200

    asyncio.run(scene())
