"""coturn's tables become what the document says, whatever they held before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from voxgate.config.secrets import Secret
from voxgate.config.turn import Turn
from voxgate.engines.turn_tables import DATABASE, TABLES, key_of, tables_of
from voxgate.errors import HostError
from voxgate.supervise.turn_database import fill

if TYPE_CHECKING:
    from pathlib import Path


def rows(folder: Path, table: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        return sorted(database.execute(f"SELECT * FROM {table}"))  # noqa: S608


def write(folder: Path, turn: Turn, credentials: str) -> None:
    (folder / TABLES).write_bytes(tables_of(turn, credentials, "r", ()))
    # Where coturn is not installed there is no such group.
    fill(folder, group="")


def test_accounts_secrets_peers_and_quotas(tmp_path: Path) -> None:
    turn = Turn.model_validate({"accounts": {"a": Secret("one"), "b": Secret("two")}, "peers": ["172.16.0.0/30"]})
    write(tmp_path, turn, "accounts")
    assert rows(tmp_path, "turnusers_lt") == [("r", "a", key_of("a", "r", "one")), ("r", "b", key_of("b", "r", "two"))]
    assert rows(tmp_path, "allowed_peer_ip") == [("r", "172.16.0.0-172.16.0.3")]
    assert ("r", "user-quota", "20") in rows(tmp_path, "turn_realm_option")

    again = Turn.model_validate({"accounts": {"b": Secret("other")}, "quota": {"per_user": 3}})
    write(tmp_path, again, "accounts")
    assert rows(tmp_path, "turnusers_lt") == [("r", "b", key_of("b", "r", "other"))]
    assert rows(tmp_path, "allowed_peer_ip") == []
    assert ("r", "user-quota", "3") in rows(tmp_path, "turn_realm_option")


def test_secrets_are_those_of_their_own_server_alone(tmp_path: Path) -> None:
    turn = Turn.model_validate({"accounts": {"a": Secret("one")}, "shared_secret": [Secret("it's"), Secret("y")]})
    write(tmp_path, turn, "rest")
    assert rows(tmp_path, "turn_secret") == [("r", "it's"), ("r", "y")]
    assert rows(tmp_path, "turnusers_lt") == []
    write(tmp_path, turn, "accounts")
    assert rows(tmp_path, "turn_secret") == []


def test_a_database_of_somebody_else_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database at all, but long enough to be one" * 40)
    (tmp_path / TABLES).write_bytes(tables_of(Turn(), "none", "r", ()))
    with pytest.raises(HostError, match="remove it"):
        fill(tmp_path, group="")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / DATABASE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match="is a link"):
        write(tmp_path, Turn(), "none")
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_nobody_but_coturn_may_read_it(tmp_path: Path) -> None:
    write(tmp_path, Turn(), "none")
    assert (tmp_path / DATABASE).stat().st_mode & 0o007 == 0


def test_the_key_is_that_of_rfc_8489() -> None:
    # The example of coturn's own documentation of its tables.
    assert key_of("gorst", "north.gov", "hero") == "7da2270ccfa49786e0115366d3a3d14d"
