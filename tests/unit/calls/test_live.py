"""The ledger of running calls, and what is done with it: a new Kamailio is told, dead calls are forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from voxgate.calls.ledger import Ledger, call_id_of
from voxgate.calls.live import LiveCalls
from voxgate.errors import EngineError, PeerError
from voxgate_sip.limits import Place, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWERED = Place(1, 1_700_000_000, ("pbx:hq",)).text()
RINGING = Place(1, 0, ("pbx:hq", "from:192.0.2.1")).text()


def part(boot: str, sweep: int, calls: dict[str, str], *, index: int = 0, of: int = 1) -> dict[str, object]:
    """One datagram as the script's sweeper sends it."""
    items = [[key, text] for key, text in calls.items()]
    return {"event": "calls", "boot": boot, "sweep": sweep, "part": index, "of": of, "calls": items}


def test_a_list_counts_when_all_its_parts_are_there() -> None:
    ledger = Ledger()
    assert not ledger.told(part("b1", 1, {"a|1": ANSWERED}, index=1, of=2))
    assert ledger.calls == {}
    assert ledger.told(part("b1", 1, {"b|1": RINGING}, of=2))
    assert ledger.calls == {"a|1": ANSWERED, "b|1": RINGING}
    assert (ledger.used(), list(ledger.answered())) == ({"pbx:hq": 2, "from:192.0.2.1": 1}, ["a|1"])
    assert not ledger.told(part("b1", 2, {"c|1": ANSWERED}, of=2))
    assert ledger.told(part("b1", 3, {}))
    assert ledger.calls == {}


@pytest.mark.parametrize(
    "event",
    [
        {},
        part("b1", 1, {}, index=1),
        part("b1", 1, {}, of=10**6),
        {**part("b1", 1, {}), "calls": "a"},
        {**part("b1", 1, {}), "boot": 1},
    ],
)
def test_what_is_no_list_is_dropped(event: dict[str, object]) -> None:
    assert not Ledger().told(event)


def test_entries_that_are_no_calls_are_left_out() -> None:
    ledger = Ledger()
    assert ledger.told({**part("b1", 1, {"a|1": ANSWERED}), "calls": [["a|1", ANSWERED], ["b|1", "x"], 7, ["c"]]})
    assert ledger.calls == {"a|1": ANSWERED}


def test_a_call_id_may_hold_the_sign_between_it_and_the_tag() -> None:
    assert call_id_of(key_of("a|b@host", "tag")) == "a|b@host"


@dataclass
class Engines:
    """Kamailio and rtpengine in one: notes what it is told; knows the calls in `media`."""

    media: set[str] = field(default_factory=set)
    told: list[tuple[str, ...]] = field(default_factory=list)
    silent: bool = False

    async def call(self, method: str, *params: str | int) -> object:
        if self.silent:
            raise PeerError("kamailio: no answer")
        self.told.append((method, *map(str, params)))
        if method == "htable.get":
            return {"item": {"name": params[1], "value": "a record"}}
        return None

    async def request(self, command: str, arguments: Mapping[str, str] | None = None) -> Mapping[str, object]:
        call_id = (arguments or {})["call-id"]
        self.told.append((command, call_id))
        if call_id not in self.media:
            raise EngineError("rtpengine", "Unknown call-id")
        return {"result": "ok"}


def test_a_new_kamailio_is_told_of_the_answered_calls_of_the_former_and_their_records() -> None:
    engines = Engines()
    live = LiveCalls(engines, engines)
    live.told(part("b1", 9, {"a|1": ANSWERED, "b|1": RINGING}))
    asyncio.run(live.adopt())
    assert engines.told == []
    for _ in range(2):
        asyncio.run(live.remember())
    assert engines.told == [("htable.get", "calls", "a")]
    engines.told.clear()
    live.told(part("b2", 1, {"c|1": RINGING}))
    engines.silent = True
    with pytest.raises(PeerError):
        asyncio.run(live.adopt())
    engines.silent = False
    live.told(part("b2", 2, {"c|1": RINGING}))
    asyncio.run(live.adopt())
    assert engines.told == [("htable.sets", "places", "a|1", ANSWERED), ("htable.sets", "calls", "a", "a record")]
    assert live.ledger.calls == {"a|1": ANSWERED, "c|1": RINGING}
    asyncio.run(live.adopt())
    assert len(engines.told) == 2


@pytest.mark.parametrize("early", [False, True], ids=["with its list", "a turn before it"])
def test_a_record_that_comes_with_its_call_is_known_at_once(*, early: bool) -> None:
    engines = Engines()
    live = LiveCalls(engines, engines)
    live.kept({"calls": [["a|1", "sent"], ["gone|1", "sent"], 5, ["b"]]})
    if early:
        asyncio.run(live.remember())
    live.told(part("b1", 1, {"a|1": ANSWERED}))
    asyncio.run(live.remember())
    live.told(part("b2", 1, {}))
    asyncio.run(live.adopt())
    assert engines.told == [("htable.sets", "places", "a|1", ANSWERED), ("htable.sets", "calls", "a", "sent")]


def test_a_kamailio_that_dies_right_after_its_list_leaves_calls_that_can_be_ended() -> None:
    engines = Engines()
    live = LiveCalls(engines, engines)
    live.kept({"calls": [["a|1", "sent"]]})
    live.told(part("b1", 1, {"a|1": ANSWERED}))
    live.told(part("b2", 1, {}))
    asyncio.run(live.adopt())
    assert ("htable.sets", "calls", "a", "sent") in engines.told


def test_a_call_that_rtpengine_knows_nothing_of_twice_is_forgotten() -> None:
    engines = Engines({"a"})
    live = LiveCalls(engines, engines)
    live.told(part("b1", 1, {"a|1": ANSWERED, "b|1": ANSWERED, "c|1": RINGING}))
    for now in (0, 5, 11, 12):
        asyncio.run(live.ask(now))
    assert engines.told == [("query", "a"), ("query", "b")]
    asyncio.run(live.ask(22))
    assert engines.told[-2:] == [("htable.delete", "places", "b|1"), ("htable.delete", "calls", "b")]
    assert list(live.ledger.calls) == ["a|1", "c|1"]
