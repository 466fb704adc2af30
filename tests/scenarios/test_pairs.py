"""Phones call each other through the PBX: the edge stands twice in between, with another side each time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import Setting, Stage, stage
from lab.peers.agent import Script
from lab.topologies import BEHIND_NAT, DMZ
from tests.scenarios.scene import Party, Report, at_once, check_clean, check_hears, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CALLER_HZ, CALLEE_HZ = 440, 1250
PAIRS = (
    ("phone-home", "phone-lan"),
    ("phone-lan", "phone-home"),
    ("phone-six", "phone-lan"),
    ("phone-lan", "phone-six"),
    ("phone-hotel", "phone-home"),
    ("phone-six", "phone-hotel"),
)
TRANSPORTS = (("udp", "udp"), ("tls", "tcp"))
"""Of caller and callee."""
WAITS = Script(hang_up="them")
PLAYS: dict[str, tuple[Script, Script]] = {
    "the caller hangs up": (Script(talk_s=2), WAITS),
    "the callee hangs up": (WAITS, Script(talk_s=2)),
    "late offer": (Script(talk_s=1.5, late_offer=True), WAITS),
    "the caller renegotiates": (Script(talk_s=2.0, reinvite_after_s=0.7), WAITS),
    "the callee renegotiates": (WAITS, Script(talk_s=2.0, reinvite_after_s=0.7)),
}
DISTANT = (("phone-home", "phone-lan"), ("phone-lan", "phone-hotel"))


@dataclass
class Office:
    """A network whose scenes run all at once, when the first of them is asked for."""

    stage: Stage
    reports: dict[Any, tuple[Report, Report]] = field(default_factory=dict)

    def scene(self, key: tuple[str, str, str, str, str]) -> tuple[Report, Report]:
        if not self.reports:
            keys = [(*pair, *way, "the caller hangs up") for pair in PAIRS for way in TRANSPORTS]
            keys += [(*pair, *way, play) for pair in DISTANT for way in TRANSPORTS for play in PLAYS]
            # Two halves: all of them at once are more than two cores do without loss.
            for start in range(2):
                jobs = {one: self._play(one, number) for number, one in enumerate(dict.fromkeys(keys))}
                part = dict(list(jobs.items())[start::2])
                for job in jobs.keys() - part.keys():
                    jobs[job].close()
                self.reports |= asyncio.run(at_once(part))
        return self.reports[key]

    async def _play(self, key: tuple[str, str, str, str, str], number: int) -> tuple[Report, Report]:
        caller, callee, way, back, play = key
        script, theirs = PLAYS[play]
        return await together(
            self.stage,
            Party(caller, way, f"a{number}", setup={"tone_hz": CALLER_HZ}),
            Party(callee, back, f"b{number}", setup={"tone_hz": CALLEE_HZ}),
            script,
            theirs,
        )


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Office]:
    with stage(Setting(request.param), folders()) as made:
        yield Office(made)


@pytest.mark.parametrize("way", TRANSPORTS, ids="-".join)
@pytest.mark.parametrize("pair", PAIRS, ids="-to-".join)
def test_two_phones_hear_each_other_wherever_they_are(
    office: Office, pair: tuple[str, str], way: tuple[str, str]
) -> None:
    caller, callee = office.scene((*pair, *way, "the caller hangs up"))
    check_clean(caller)
    check_clean(callee)
    check_hears(office.stage, pair[0], caller, CALLEE_HZ, 0.8)
    check_hears(office.stage, pair[1], callee, CALLER_HZ, 0.8)


@pytest.mark.parametrize("play", PLAYS)
@pytest.mark.parametrize("way", TRANSPORTS, ids="-".join)
@pytest.mark.parametrize("pair", DISTANT, ids="-to-".join)
def test_either_side_may_end_renegotiate_or_offer_late(
    office: Office, pair: tuple[str, str], way: tuple[str, str], play: str
) -> None:
    caller, callee = office.scene((*pair, *way, play))
    check_clean(caller)
    check_clean(callee)
    first = check_hears(office.stage, pair[0], caller, CALLEE_HZ, 0.8)
    second = check_hears(office.stage, pair[1], callee, CALLER_HZ, 0.8)
    ended = ("them", "us") if PLAYS[play][0] is WAITS else ("us", "them")
    assert (first["ended_by"], second["ended_by"]) == ended
    assert second["reinvites"] == (1 if play == "the caller renegotiates" else 0)
    assert first["reinvites"] == (1 if play == "the callee renegotiates" else 0)


@pytest.mark.parametrize("way", TRANSPORTS, ids="-".join)
@pytest.mark.parametrize("pair", DISTANT, ids="-to-".join)
def test_who_is_on_hold_hears_nothing_meanwhile(office: Office, pair: tuple[str, str], way: tuple[str, str]) -> None:
    caller, callee = asyncio.run(
        together(
            office.stage,
            Party(pair[0], way[0], "holder", setup={"tone_hz": CALLER_HZ}),
            Party(pair[1], way[1], "held", setup={"tone_hz": CALLEE_HZ}),
            Script(talk_s=3.0, hold_after_s=0.8),
            WAITS,
        )
    )
    check_clean(caller)
    check_clean(callee)
    (heard,), (sent,) = caller["calls"], callee["calls"]
    assert (heard["tone_hz"], sent["tone_hz"]) == (CALLEE_HZ, CALLER_HZ)
    # The holder sends all the time and hears nothing for one of three seconds.
    assert 1.5 <= heard["seconds"] <= 2.4
    assert sent["seconds"] >= 2.6
    assert sent["reinvites"] == 2


@pytest.mark.parametrize("way", TRANSPORTS, ids="-".join)
@pytest.mark.parametrize("pair", PAIRS, ids="-to-".join)
def test_a_call_that_is_withdrawn_stops_ringing(office: Office, pair: tuple[str, str], way: tuple[str, str]) -> None:
    caller, callee = asyncio.run(
        together(
            office.stage,
            Party(pair[0], way[0], "hasty"),
            Party(pair[1], way[1], "slow", setup={"ring_s": None}),
            Script(cancel_after_s=0.5),
            WAITS,
        )
    )
    check_clean(caller)
    check_clean(callee)
    assert {"provisional 180", "cancel 200", "invite 487"} <= set(caller["events"])
    assert callee["calls"][0]["ended_by"] == "cancelled"


@pytest.mark.parametrize("code", [486, 603])
def test_a_refusal_reaches_the_caller_as_it_is(office: Office, code: int) -> None:
    caller, _ = asyncio.run(
        together(
            office.stage,
            Party("phone-home", "udp", "hopeful"),
            Party("phone-lan", "udp", "busy", setup={"refuse": code}),
            Script(),
            WAITS,
        )
    )
    check_clean(caller)
    assert caller["calls"][0]["ended_by"] == str(code)
