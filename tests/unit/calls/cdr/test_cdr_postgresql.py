"""What goes into a database: rows that it can take, whoever wrote the texts; connections are bounded and safe."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from voxgate.calls.cdr import postgresql
from voxgate.calls.cdr.value import Attempt, Cdr, Stream, ended
from voxgate.config.records import Postgresql
from voxgate.config.secrets import Secret
from voxgate.errors import PeerError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CALL = Cdr("c\0", "t", NOON, answer=NOON + timedelta(seconds=2), caller="'); DROP TABLE x --\0", codecs=("PCMU",))


def target(**changes: Any) -> Postgresql:
    given = {"host": "db.example.com", "database": "calls", "user": "voxgate", "password": Secret("river"), **changes}
    return Postgresql.model_validate(given)


def test_a_row_has_every_column_and_no_character_that_the_database_cannot_hold() -> None:
    cdr = ended(
        replace(CALL, attempts=(Attempt("hq", "sip:\0a"),), from_caller=Stream(7, 1.5)), NOON + timedelta(seconds=9)
    )
    row = postgresql.row(cdr)
    assert set(row) == set(postgresql._COLUMNS)
    assert (row["call_id"], row["caller"]) == ("c?", "'); DROP TABLE x --?")
    assert (row["start_time"], row["duration_s"], row["billable_s"]) == (NOON, 9, 7)
    assert json.loads(row["codecs"]) == ["PCMU"]
    assert json.loads(row["attempts"]) == [{"target": "hq", "uri": "sip:?a", "outcome": ""}]
    assert json.loads(row["from_caller"])["lost_percent"] == 1.5


def test_a_connection_is_verified_bounded_in_time_and_uses_nobody_elses_files() -> None:
    told = postgresql._parameters(target())
    assert (told["sslmode"], told["connect_timeout"], told["passfile"]) == ("verify-full", 5, "/dev/null")
    assert "statement_timeout=15000" in told["options"]
    assert told["password"] == "river"  # noqa: S105
    assert "river" not in repr(target())
    assert postgresql._parameters(target(tls="off", password=None)).keys() == told.keys() - {"password"}


def test_who_cannot_be_reached_is_a_peer_that_is_away() -> None:
    with pytest.raises(PeerError, match="PostgreSQL at /nonexistent"):
        postgresql.Database(target(host="/nonexistent")).put([CALL])


@pytest.mark.parametrize(
    "wrong",
    [
        {"table": "x; DROP TABLE y"},
        {"table": "Cdr"},
        {"table": "a.b.c"},
        {"host": "db example"},
        {"host": "db sslmode=disable"},
        {"host": ""},
        {"database": ""},
        {"database": "a\nb"},
        {"tls": "maybe"},
        {"port": 0},
    ],
)
def test_what_is_no_database_is_an_error_of_the_configuration(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        target(**wrong)
