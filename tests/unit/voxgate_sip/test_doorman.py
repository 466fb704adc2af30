"""Who is never too fast, and how often it is told that somebody is."""

from __future__ import annotations

from tests.unit.voxgate_sip.offices import INSIDE
from tests.unit.voxgate_sip.test_guarding import HYGIENE, REQUEST, Door
from tests.unit.voxgate_sip.test_trunk_calls import CARRIER
from voxgate_sip.doorman import MOST_SOURCES

PROVIDER = "192.0.2.9"


def told(door: Door) -> int:
    return door.fake.args_of("htable.sht_inc").count(("refused", "too-fast"))


def test_a_provider_is_never_too_fast_and_says_what_it_likes() -> None:
    door = Door((CARRIER,))
    assert door.admitted(2000, PROVIDER) == 2000
    calls = REQUEST._replace(source=PROVIDER, received_on=INSIDE, agent=HYGIENE.agents[0])
    assert not door.doorman.turns_away(calls)
    assert Door().doorman.turns_away(calls)
    assert Door().admitted(2000, PROVIDER) < 2000


def test_who_is_too_fast_is_told_once_a_second() -> None:
    door = Door()
    door.admitted(2000)
    assert told(door) == 1
    door.now += 0.9
    door.admitted(2000)
    assert told(door) == 1
    door.now += 0.1
    door.admitted(2000)
    assert told(door) == 2


def test_a_flood_of_sources_that_are_too_fast_does_not_grow() -> None:
    door = Door(rate=1)
    for number in range(MOST_SOURCES + 10):
        source = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}9"
        assert door.admitted(5, source) == 3
        assert len(door.doorman._told_at) <= MOST_SOURCES
