"""The books of the toll-fraud guard, and what is done by them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.calls.test_hangup import PHONE_TO_PBX
from voxgate.calls.ending import Ending
from voxgate.calls.ledger import Ledger
from voxgate.calls.spending import MOST_ALERTS, MOST_DESTINATIONS, Books, Budget, books_of
from voxgate.calls.tollfraud import TollFraud, watched_of
from voxgate.config.model import Config
from voxgate.errors import EngineError
from voxgate_sip.limits import Place

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.host.clock import Clock

T0 = 1_700_000_040  # the beginning of a minute
DEAR = Budget("hq", "dear", 2, 10, 20)


def test_seconds_are_counted_once_however_often_the_books_are_kept() -> None:
    books = Books()
    for now in range(T0, T0 + 301, 2):
        books.tick(
            {"a": ("hq/dear", T0), "b": ("hq/dear", T0 + 120)} if now >= T0 + 120 else {"a": ("hq/dear", T0)}, now
        )
    assert books.used_minutes("hq/dear", 3600, T0 + 300) == pytest.approx(5 + 3)


def test_a_call_that_is_seen_late_is_counted_from_its_answer_and_a_gap_is_no_loss() -> None:
    books = Books()
    books.tick({"a": ("hq/dear", T0)}, T0 + 90)
    books.tick({"a": ("hq/dear", T0)}, T0 + 630)
    assert books.used_minutes("hq/dear", 3600, T0 + 630) == pytest.approx(10.5)


def test_an_hour_and_a_day_roll_on() -> None:
    books = Books()
    books.tick({"a": ("hq/dear", T0)}, T0 + 720)
    assert books.is_spent(DEAR, T0 + 720)
    books.tick({}, T0 + 722)
    assert not books.is_spent(DEAR, T0 + 720 + 3600)
    assert books.is_spent(replace(DEAR, minutes_day=12), T0 + 720 + 3600)
    books.tick({}, T0 + 2 * 86400)
    assert books.minutes["hq/dear"] == {}


def test_a_limit_of_nothing_is_no_limit() -> None:
    books = Books()
    books.tick({"a": ("hq/dear", T0)}, T0 + 6000)
    assert not books.is_spent(Budget("hq", "dear", 0, 0, 0), T0 + 6000)


def test_an_alert_is_worth_a_line_when_it_is_new_and_goes_after_a_day() -> None:
    books = Books()
    assert [books.alert("hq", "night", "to 0044", T0 + at) for at in (0, 2, 1800, 1800 + 3600)] == [
        True, False, False, True,
    ]  # fmt: skip
    (alert,) = books.alerts.values()
    assert (alert.first_s, alert.last_s, alert.count) == (T0, T0 + 5400, 4)
    books.tick({}, T0 + 5400 + 86400)
    assert books.alerts == {}


def test_everything_has_a_bound() -> None:
    books = Books()
    for number in range(MOST_ALERTS + 50):
        books.alert("hq", "night", f"to {number}", T0 + number)
    for number in range(MOST_DESTINATIONS + 5):
        assert books.is_new("hq", str(number), T0 + number)
    assert (len(books.alerts), len(books.seen["hq"])) == (MOST_ALERTS, MOST_DESTINATIONS)
    assert not books.is_new("hq", str(MOST_DESTINATIONS), T0)


def test_books_are_read_back_and_nonsense_is_not() -> None:
    books = Books()
    books.tick({"a": ("hq/dear", T0)}, T0 + 90)
    books.alert("hq", "night", "to 0044", T0)
    books.is_new("hq", "0044", T0)
    again = books_of(json.loads(json.dumps(books.to_json())))
    assert (again.minutes, again.alerts, again.seen) == (books.minutes, books.alerts, books.seen)
    for wrong in (1, {}, {"minutes": {"a": 1}, "alerts": [], "seen": {}}, {"minutes": {}, "alerts": [1], "seen": {}}):
        with pytest.raises(ValueError, match=r"."):
            books_of(wrong)


@dataclass
class Wall:
    """A clock on the wall."""

    now_s: float = T0

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)


@dataclass
class Kamailio:
    """Knows one call."""

    told: list[tuple[str, ...]] = field(default_factory=list)

    async def call(self, method: str, *params: str | int) -> object:
        self.told.append((method, *map(str, params[:2])))
        if method == "htable.get":
            if params[1] != "abc@10.0.0.50":
                raise EngineError("kamailio", "no such key")
            return {"item": {"value": PHONE_TO_PBX}}
        return None


def config(**fraud: Any) -> Config:
    """One PBX with a guard and a class of its own."""
    classes = {"dear": {"prefixes": ["00"], "calls": 1, "minutes_per_hour": 1}}
    pbxs = {"hq": {"names": ["example.com"], "nodes": ["172.16.0.10"], "fraud": {"classes": classes, **fraud}}}
    return Config.model_validate({"edge": {"domain": "edge.example.com"}, "pbxs": pbxs})


def watch(folder: Path, rpc: Kamailio, **fraud: Any) -> TollFraud:
    """A guard that watches one call to London."""
    place = Place(1, T0, ("pbx:hq", "class:hq/dear"), "0044207")
    ledger = Ledger(calls={"abc@10.0.0.50|tag": place.text()})
    clock: Any = Wall()
    made = TollFraud(ledger, rpc, _clock(clock), folder / "fraud.json", ending=Ending(rpc))
    made.load()
    made.follow(watched_of(config(**fraud)))
    return made


def _clock(clock: Any) -> Clock:
    made: Clock = clock
    return made


@pytest.mark.parametrize(
    ("fraud", "told"),
    [
        ({}, []),
        ({"end_running": True}, []),
        ({"mode": "refuse"}, [("htable.sets", "spent", "hq/dear")]),
        (
            {"mode": "refuse", "end_running": True},
            [
                ("htable.sets", "spent", "hq/dear"),
                ("htable.get", "calls", "abc@10.0.0.50"),
                *2 * [("tm.t_uac_start", "BYE", "sip")],
                ("htable.delete", "calls", "abc@10.0.0.50"),
                ("htable.delete", "places", "abc@10.0.0.50"),
            ],
        ),
    ],
    ids=["alert", "alert never ends calls", "refuse", "refuse and end"],
)
def test_above_its_minutes_a_class_is_told_refused_ended(
    tmp_path: Path, fraud: dict[str, Any], told: list[tuple[str, ...]]
) -> None:
    rpc = Kamailio()
    guard = watch(tmp_path, rpc, **fraud)
    asyncio.run(guard.tick(T0 + 58))
    assert rpc.told == []
    asyncio.run(guard.tick(T0 + 61))
    heads = [(method, first, rest.partition(":")[0].partition("|")[0]) for method, first, rest in rpc.told]
    assert heads == told
    assert {alert.kind for alert in guard.alerts()} == {"calls-at-once", "minutes-spent"}
    ((budget, calls, hour, day),) = guard.spending()
    assert (budget.name, calls, round(hour * 60), round(day * 60)) == ("dear", 1, 61, 61)


def test_the_first_call_to_a_destination_is_told_once_even_over_a_restart(tmp_path: Path) -> None:
    guard = watch(tmp_path, Kamailio(), new_destination_digits=4)
    asyncio.run(guard.tick(T0 + 2))
    assert [(alert.kind, alert.about) for alert in guard.alerts() if alert.kind == "new-destination"] == [
        ("new-destination", "to 0044")
    ]
    guard.books.alerts.clear()
    guard.save()
    again = watch(tmp_path, Kamailio(), new_destination_digits=4)
    asyncio.run(again.tick(T0 + 4))
    assert [alert.kind for alert in again.alerts()] == ["calls-at-once"]
    assert again.books.minutes == {"hq/dear": {T0 // 60: pytest.approx(4, abs=2.1)}}


def test_books_that_cannot_be_read_do_not_stop_the_edge(tmp_path: Path) -> None:
    (tmp_path / "fraud.json").write_text("{")
    assert watch(tmp_path, Kamailio()).books.minutes == {}


def test_what_kamailio_found_is_an_alert(tmp_path: Path) -> None:
    guard = watch(tmp_path, Kamailio())
    for event in ({"pbx": "hq", "reason": "night", "number": "0044207123"}, {"pbx": 1}):
        guard.told(event)
    assert [(alert.pbx, alert.kind, alert.about) for alert in guard.alerts()] == [("hq", "night", "to 004420")]


def test_all_calls_have_a_budget_beside_the_classes(tmp_path: Path) -> None:
    rpc = Kamailio()
    guard = watch(tmp_path, rpc, mode="refuse", minutes_per_hour=3, calls=1)
    place = Place(1, T0, ("pbx:hq", "class:hq/dear", "class:hq/*"), "0044207")
    guard._ledger.calls = {"abc@10.0.0.50|tag": place.text()}
    asyncio.run(guard.tick(T0 + 90))
    assert rpc.told == [("htable.sets", "spent", "hq/dear")]
    asyncio.run(guard.tick(T0 + 185))
    assert rpc.told[-1] == ("htable.sets", "spent", "hq/*")
    assert {(one.kind, one.about) for one in guard.alerts()} >= {
        ("calls-at-once", "all calls"),
        ("minutes-spent", "all calls"),
        ("minutes-spent", "class dear"),
    }
    assert [round(minutes) for budget, _, minutes, _ in guard.spending() if budget.name == "*"] == [3]
