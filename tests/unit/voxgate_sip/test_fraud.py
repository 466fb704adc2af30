"""The toll-fraud guard's decision: prefixes, classes, nights, minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.offices import policy
from tests.unit.voxgate_sip.shared import Shared
from voxgate_sip.fraud import ALL, Finding, Guard, Night, at_night, judge, longest, number_of
from voxgate_sip.limits import place_of
from voxgate_sip.policy import dumps, loads

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = Night(22 * 60, 6 * 60, "Europe/Berlin", ("dear",))
GUARD = Guard(
    refuse=True,
    verdicts={"00": False, "0049": True, "+": False, "+49": True, "+49900": False},
    classes={"00": "abroad", "0039": "dear", "+39": "dear", "0900": "dear"},
    calls={"dear": 1},
    metered=("dear",),
    nights=(),
)


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("0049 (30) 12-34.5", "004930123" + "45"),
        ("+4930;phone-context=example.com", "+4930"),
        ("%30%30%34%39", "0049"),
        ("%2B49", "+49"),
        ("alice", "alice"),
        ("0" * 99, "0" * 40),
        ("", ""),
    ],
)
def test_a_number_is_what_is_dialled_however_it_is_written(user: str, number: str) -> None:
    assert number_of(user) == number


@pytest.mark.parametrize(
    ("number", "prefix"), [("0039", "0039"), ("003", "00"), ("00391", "0039"), ("04", ""), ("", ""), ("+39", "+39")]
)
def test_the_longest_prefix_counts(number: str, prefix: str) -> None:
    assert longest(number, GUARD.classes) == prefix


@pytest.mark.parametrize(
    ("user", "found"),
    [
        ("0044123", Finding("denied-destination", "abroad", "0044123")),
        ("004930", Finding("", "abroad", "004930")),
        ("+4990012", Finding("denied-destination", "", "+4990012")),
        ("+4930", Finding("", "", "+4930")),
        ("0900123", Finding("", "dear", "0900123")),
        ("201", Finding("", "", "201")),
        ("alice", Finding("", "", "alice")),
    ],
)
def test_denied_and_allowed_prefixes_and_classes_are_found(user: str, found: Finding) -> None:
    assert judge(GUARD, user, 0, lambda _: False) == found


def test_a_class_that_has_spent_its_minutes_is_found_and_only_metered_classes_are_asked() -> None:
    assert judge(GUARD, "0900", 0, lambda name: name == "dear").reason == "minutes-spent"
    asked: list[str] = []

    def spent(name: str) -> bool:
        asked.append(name)
        return True

    assert judge(GUARD, "004930", 0, spent).reason == ""
    assert asked == []


@pytest.mark.parametrize(
    ("night", "time", "holds"),
    [
        (NIGHT, "2026-01-10T21:59", False),
        (NIGHT, "2026-01-10T22:00", True),
        (NIGHT, "2026-01-11T05:59", True),
        (NIGHT, "2026-01-11T06:00", False),
        (NIGHT, "2026-07-10T22:00", True),  # summer time: another offset, the same clock on the wall
        (replace(NIGHT, start=60, end=120), "2026-01-10T01:30", True),
        (replace(NIGHT, start=60, end=120), "2026-01-10T02:00", False),
        (replace(NIGHT, start=60, end=60), "2026-01-10T01:00", False),
    ],
)
def test_a_night_is_a_time_on_the_clock_of_its_zone(night: Night, time: str, *, holds: bool) -> None:
    assert at_night(night, at(time)) is holds


def test_a_night_in_another_zone_is_at_another_time() -> None:
    assert at_night(NIGHT, at("2026-01-10T17:30", "America/New_York"))
    assert not at_night(replace(NIGHT, zone="America/New_York"), at("2026-01-10T23:00"))


def test_at_night_its_classes_are_found() -> None:
    guard = replace(GUARD, nights=(NIGHT,))
    assert judge(guard, "0900", at("2026-01-10T23:00"), lambda _: False).reason == "night"
    assert judge(guard, "0900", at("2026-01-10T12:00"), lambda _: False).reason == ""
    assert judge(guard, "004930", at("2026-01-10T23:00"), lambda _: False).reason == ""


def test_a_guard_survives_the_policy_document_and_a_zone_that_is_not_there_does_not() -> None:
    made = policy(fraud={"office": replace(GUARD, nights=(NIGHT,))})
    assert loads(dumps(made)).fraud == made.fraud
    with pytest.raises((ValueError, KeyError)):
        loads(dumps(made).replace("Europe/Berlin", "Mars/Olympus"))


def guarded(folder: Path, guard: Guard) -> tuple[Edge, Shared]:
    edge = Edge(folder, media=True, fraud={"office": guard})
    shared = Shared(edge.fake)
    edge.fake.variables |= {"$ft": "f", "$cs": 1}
    edge.fake.answers["tm.t_check_trans"] = -1
    return edge, shared


def test_a_call_that_the_guard_does_not_like_is_refused(tmp_path: Path) -> None:
    edge, shared = guarded(tmp_path, GUARD)
    assert edge.pbx(rU="0044123").said("sl.send_reply") == [(403, "Forbidden")]
    assert edge.said("htable.sht_inc") == [("refused", "fraud-denied-destination:office")]
    assert "places" not in shared.tables


def test_or_only_told(tmp_path: Path) -> None:
    edge, shared = guarded(tmp_path, replace(GUARD, refuse=False))
    assert edge.pbx(rU="0044123").done()[-1] == "tm.t_relay"
    (text,) = shared.tables["places"].values()
    assert place_of(text) == (1, 0, ("pbx:office", "class:office/abroad"), "0044123")


def test_calls_of_a_class_are_limited_together_with_all_others(tmp_path: Path) -> None:
    edge, shared = guarded(tmp_path, GUARD)
    assert edge.pbx(rU="0900123").done()[-1] == "tm.t_relay"
    assert edge.pbx(rU="+39123", ci="b").said("sl.send_reply") == [(403, "Forbidden")]
    assert edge.pbx(rU="0900124", ci="c").said("sl.send_reply") == [(503, "Service Unavailable")]
    assert edge.pbx(rU="200", ci="d").done()[-1] == "tm.t_relay"
    assert (shared.used("class:office/dear"), shared.used("pbx:office")) == (1, 2)


def test_spent_minutes_stand_in_shared_memory(tmp_path: Path) -> None:
    edge, shared = guarded(tmp_path, GUARD)
    shared.tables["spent"] = {"office/dear": "1"}
    assert edge.pbx(rU="0900123").said("sl.send_reply") == [(403, "Forbidden")]
    assert edge.said("htable.sht_inc") == [("refused", "fraud-minutes-spent:office")]


def test_calls_to_the_pbx_are_not_its_guards_business(tmp_path: Path) -> None:
    edge, shared = guarded(tmp_path, GUARD)
    assert edge.phone(rU="0044123").done()[-1] == "tm.t_relay"
    assert "places" not in shared.tables


WHOLE = replace(GUARD, metered=("dear", ALL), calls={"dear": 1, ALL: 5}, verdicts={"00": False, "112": True})


@pytest.mark.parametrize(
    ("user", "paid", "spent", "reason", "classes"),
    [
        ("030", True, (), "", (ALL,)),
        ("030", True, (ALL,), "minutes-spent", (ALL,)),
        ("030", False, (ALL,), "", ()),
        ("112", True, (ALL,), "", ()),
        ("0900", True, (), "", ("dear", ALL)),
        ("0900", True, ("dear",), "minutes-spent", ("dear", ALL)),
    ],
)
def test_all_calls_through_trunks_have_a_budget_but_those_that_are_allowed_by_name(
    user: str, spent: tuple[str, ...], reason: str, classes: tuple[str, ...], *, paid: bool
) -> None:
    found = judge(WHOLE, user, 0.0, lambda name: name in spent, paid=paid)
    assert (found.reason, found.classes) == (reason, classes)


def test_without_a_budget_nothing_counts_for_it() -> None:
    assert judge(GUARD, "030", 0.0, lambda _: True, paid=True).classes == ()


@pytest.mark.parametrize("guard", [replace(WHOLE, metered=()), replace(WHOLE, calls={})], ids=["calls", "minutes"])
def test_a_budget_for_all_calls_is_one_of_calls_or_of_minutes(guard: Guard) -> None:
    assert judge(guard, "030", 0.0, lambda _: False, paid=True).classes == (ALL,)


def test_what_is_denied_is_told_so_though_its_minutes_are_spent_too() -> None:
    assert judge(WHOLE, "00881", 0.0, lambda _: True, paid=True).reason == "denied-destination"
