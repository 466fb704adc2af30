"""Accounts of PBXs at providers: what Kamailio tells of them becomes a table, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from voxgate.supervise.pbx_accounts import MOST, REFUSED, PbxAccounts

START = datetime(2026, 1, 1, tzinfo=UTC)
TOLD: dict[str, Any] = {"trunk": "carrier", "pbx": "hq", "user": "0555", "lasts": 60, "reason": ""}


class Clock:
    """Stands until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def told(*events: dict[str, Any], after: timedelta = timedelta(0)) -> tuple[tuple[str, str], ...]:
    clock = Clock()
    accounts = PbxAccounts(clock)
    for event in events:
        accounts.report(event)
    clock.now += after
    return tuple((one.user, one.reason) for one in accounts.listed())


def test_an_account_is_listed_until_it_ends() -> None:
    assert told(TOLD) == (("0555", ""),)
    assert told(TOLD, after=timedelta(seconds=60)) == ()
    assert told(TOLD, {**TOLD, "lasts": 0}) == ()


def test_a_refusal_takes_its_place_and_is_shown_for_a_while() -> None:
    refused = {**TOLD, "lasts": 0, "reason": "403 No"}
    assert told(TOLD, refused) == (("0555", "403 No"),)
    assert told(TOLD, refused, after=REFUSED) == ()
    assert told(refused, TOLD) == (("0555", ""),)


@pytest.mark.parametrize("change", [{"lasts": -1}, {"lasts": 10**9}, {"lasts": "60"}, {"user": 5}, {"pbx": None}])
def test_what_is_no_event_counts_for_nothing(change: dict[str, Any]) -> None:
    assert told({**TOLD, **change}) == ()


def test_the_oldest_make_room() -> None:
    assert len(told(*({**TOLD, "user": str(number)} for number in range(MOST + 5)))) == MOST


def test_the_panel_says_it_to_people_and_programs() -> None:
    accounts = PbxAccounts(lambda: START)
    accounts.report(TOLD)
    panel = accounts.panel()
    assert panel.rows == (("hq", "carrier", "0555", "registered", "2026-01-01T00:01:00Z", "-"),)
    assert panel.data[0]["state"] == "registered"
