"""Calls from and to providers: recognised by address, led by number, heard on both ends."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import BRANCH, Stage, stage
from lab.peers.agent import Script, perform
from lab.topologies import BEHIND_NAT, DMZ
from tests.scenarios.scene import Party, Report, check_clean
from tests.scenarios.scene import phone as phone_of
from tests.scenarios.trunk_office import (
    BRANCH_HZ,
    CARRIER_HZ,
    PHONE_HZ,
    PORTS,
    REFUSES_PORT,
    WAITS,
    carrier,
    heard,
    setting,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Stage]:
    with stage(setting(request.param), folders()) as made:
        yield made


@pytest.mark.parametrize("late_offer", [False, True], ids=["offer", "late offer"])
@pytest.mark.parametrize("reinvite", [None, 0.7], ids=["plain", "re-INVITE"])
@pytest.mark.parametrize("number", ["0555159412", "+49555159412"])
def test_a_call_from_the_provider_reaches_the_pbx_of_its_number(
    office: Stage, number: str, reinvite: float | None, *, late_offer: bool
) -> None:
    before = len(office.pbxs["pbx-branch"].events("heard", user="carrier"))

    async def play() -> Report:
        async with carrier(office) as phone:
            return await perform(
                phone,
                Script(call=number, talk_s=1.8, register=False, late_offer=late_offer, reinvite_after_s=reinvite),
            )

    report = asyncio.run(play())
    check_clean(report)
    heard(report, BRANCH_HZ)
    assert office.pbxs["pbx-branch"].events("invite")[-1]["to"] == "0555159412"
    assert office.pbxs["pbx-branch"].heard("carrier", after=before).tone_hz == CARRIER_HZ


def out(office: Stage, number: str, script: Script | None = None, **setup: Any) -> tuple[Report, Report]:
    """A LAN phone has the branch's PBX call `number`: reports of the phone and of the provider."""

    async def play() -> tuple[Report, Report]:
        party = Party("phone-lan", "udp", f"u{next(PORTS)}", BRANCH, setup={"tone_hz": PHONE_HZ})
        async with phone_of(office, party) as phone, carrier(office, **setup) as there:
            theirs = asyncio.create_task(perform(there, WAITS))
            ours: Report = await perform(phone, script or Script(call=number, talk_s=1.8))
            if not ours["calls"] or not ours["calls"][0]["answered"]:
                theirs.cancel()
                return ours, {}
            return ours, await theirs

    return asyncio.run(play())


@pytest.mark.parametrize(
    "script",
    [
        Script(call="0301234", talk_s=1.8),
        Script(call="0301234", talk_s=1.8, late_offer=True),
        Script(call="0301234", talk_s=2.2, reinvite_after_s=0.7),
    ],
    ids=["plain", "late offer", "re-INVITE"],
)
def test_a_call_of_a_pbx_goes_out_through_the_provider(office: Stage, script: Script) -> None:
    ours, theirs = out(office, "0301234", script)
    check_clean(ours)
    check_clean(theirs)
    (call,) = ours["calls"]
    assert call["tone_hz"] == CARRIER_HZ
    heard(theirs, PHONE_HZ)


def test_who_hangs_up_first_does_not_matter(office: Stage) -> None:
    async def play() -> tuple[Report, Report]:
        party = Party("phone-lan", "udp", f"u{next(PORTS)}", BRANCH, setup={"tone_hz": PHONE_HZ})
        async with phone_of(office, party) as phone, carrier(office) as there:
            theirs = asyncio.create_task(perform(there, Script(talk_s=1.0, register=False)))
            return await perform(phone, Script(call="0301234", hang_up="them")), await theirs

    ours, theirs = asyncio.run(play())
    check_clean(ours)
    check_clean(theirs)
    assert (ours["calls"][0]["ended_by"], theirs["calls"][0]["ended_by"]) == ("them", "us")


def test_a_pbx_that_is_silent_is_followed_by_the_next(office: Stage) -> None:
    async def play() -> Report:
        async with carrier(office) as phone:
            return await perform(phone, Script(call="0555201", talk_s=1.5, register=False))

    report = asyncio.run(play())
    check_clean(report)
    heard(report, BRANCH_HZ)


def test_a_call_out_goes_on_to_the_next_trunk_and_the_attempts_are_told(office: Stage) -> None:
    async def play() -> tuple[Report, Report]:
        party = Party("phone-lan", "udp", f"u{next(PORTS)}", BRANCH, setup={"tone_hz": PHONE_HZ})
        async with (
            phone_of(office, party) as phone,
            carrier(office) as there,
            carrier(office, REFUSES_PORT, refuse=503) as refuses,
        ):
            theirs = asyncio.create_task(perform(there, WAITS))
            ours = await perform(phone, Script(call="07011234", talk_s=1.5))
            assert refuses.incoming.get_nowait().ended_by == "503"
            return ours, await theirs

    ours, theirs = asyncio.run(play())
    check_clean(ours)
    check_clean(theirs)
    heard(theirs, PHONE_HZ)
    told = re.findall(
        r"trunk_attempt_failed way=out owner=branch target=(\w+) uri=\S+ outcome=(\w+) attempt=(\d)", office.edge.text()
    )
    assert told[-2:] == [("silent", "timeout", "1"), ("refuses", "503", "2")]


def test_a_refusal_that_is_not_declared_reaches_the_pbx(office: Stage) -> None:
    ours, _ = out(office, "0301234", refuse=486)
    assert ours["calls"][0]["ended_by"] == "486"


def test_a_pbx_that_may_not_use_a_trunk_gets_403(office: Stage) -> None:
    async def play() -> Report:
        async with (
            phone_of(office, Party("phone-lan", "udp", "noone", "example.com")) as phone,
            carrier(office) as there,
        ):
            ours = await perform(phone, Script(call="0301234"))
            assert there.incoming.empty()
            assert not [event for event in there.events if event.startswith("invited")]
            return ours

    assert asyncio.run(play())["calls"][0]["ended_by"] == "403"
