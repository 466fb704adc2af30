"""What is printed: tables for people, JSON for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from ipaddress import ip_address
from pathlib import Path

import pytest

from voxgate.cli.output import print_json, print_table


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Row:
    at: datetime
    where: Path
    colour: Colour


def test_json_holds_times_in_utc_and_values_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    print_json({"row": Row(at, Path("/run"), Colour.RED), "address": ip_address("::1")})
    assert json.loads(capsys.readouterr().out) == {
        "row": {"at": "2025-12-31T23:30:00Z", "where": "/run", "colour": "red"},
        "address": "::1",
    }


def test_what_has_no_form_in_json_is_a_bug() -> None:
    with pytest.raises(TypeError):
        print_json({"x": object()})


def test_a_table_shows_text_as_it_is_in_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "what"), [("hq", "[bold]no markup[/bold] :warning:"), ("long", "x" * 150)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["name", "what"],
        ["hq", "[bold]no", "markup[/bold]", ":warning:"],
        ["long", "x" * 150],
    ]
