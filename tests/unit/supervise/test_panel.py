"""Limits in `voxgate status`."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.supervise.test_status import GOOD
from voxgate.supervise.panel import limits_panel


def test_status_shows_used_and_allowed_of_everyone_who_is_limited_by_name() -> None:
    panel = limits_panel({"pbx:hq": (60, 5), "pbx:branch": (0, 2), "from": (9, 0)}, {"pbx:hq": 7, "from:192.0.2.1": 3})
    status = replace(GOOD, panels=(panel,))
    table = [line.split() for line in status.to_table().splitlines()]
    assert ["pbx", "hq", "7", "of", "60", "5"] in table
    assert ["pbx", "branch", "0", "of", "any", "2"] in table
    assert status.to_json()["limits"] == [
        {"kind": "pbx", "name": "branch", "calls": 0, "calls_limit": None, "calls_per_second_limit": 2},
        {"kind": "pbx", "name": "hq", "calls": 7, "calls_limit": 60, "calls_per_second_limit": 5},
    ]


def test_without_limits_there_is_no_table() -> None:
    assert replace(GOOD, panels=(limits_panel({}, {}),)).to_table() == GOOD.to_table()
