"""Puts `tables.json` into the SQLite tables that a running coturn looks into; it writes nothing there itself.

coturn asks for accounts and secrets with each new session, and reads peers and quotas every few seconds; allocations
that exist go on with what they were given.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from voxgate.engines.coturn import USER
from voxgate.engines.turn_tables import DATABASE, TABLES
from voxgate.errors import HostError
from voxgate.host import files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: coturn's own schema (schema.sql of its Debian package), as far as it is asked for; it makes the rest by itself.
_SCHEMA = {
    "turnusers_lt": "realm varchar(127) default '', name varchar(512), hmackey char(128), PRIMARY KEY (realm,name)",
    "turn_secret": "realm varchar(127) default '', value varchar(127), primary key (realm,value)",
    "allowed_peer_ip": "realm varchar(127) default '', ip_range varchar(256), primary key (realm,ip_range)",
    "turn_realm_option": (
        "realm varchar(127) default '', opt varchar(32), value varchar(128), primary key (realm,opt)"
    ),
}
_WAIT_S = 5.0


def fill(folder: Path, group: str = USER) -> None:
    """Make the database in an engine's folder say what `tables.json` beside it says. Raises HostError."""
    wanted = rows_of(json.loads(files.read(folder / TABLES)))
    path = folder / DATABASE
    if path.is_symlink():
        # coturn's user may make files there: what root writes must not end up elsewhere.
        raise HostError(f"{path} is a link", "remove it: it is made anew")
    if not path.exists():
        # coturn may read it, and take the locks that reading takes.
        files.write(path, b"", group=group, mode=0o660)
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as database:
            _bring_to(database, wanted)
    except sqlite3.Error as error:
        raise HostError(f"{path} could not be written: {error}", "remove it: it is made anew") from error


def _bring_to(database: sqlite3.Connection, wanted: Mapping[str, set[tuple[str, ...]]]) -> None:
    # What it holds is derived: losing it with the power costs nothing, and readers wait less.
    database.execute("PRAGMA synchronous=OFF")
    database.execute("BEGIN IMMEDIATE")
    for table, columns in _SCHEMA.items():
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        held = {tuple(map(str, row)) for row in database.execute(f"SELECT * FROM {table}")}  # noqa: S608 - ours
        for row in held - wanted[table]:
            where = " AND ".join(f"{name}=?" for name in _names(columns))
            database.execute(f"DELETE FROM {table} WHERE {where}", row)  # noqa: S608 - names of ours
        for row in wanted[table] - held:
            marks = ",".join("?" * len(row))
            database.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608 - names of ours
    database.execute("COMMIT")


def _names(columns: str) -> list[str]:
    return [part.split()[0] for part in columns.split(", ") if not part.lower().startswith("primary")]


def rows_of(tables: Mapping[str, object]) -> dict[str, set[tuple[str, ...]]]:
    """The rows of each table for a document of `engines.turn_tables`."""
    match tables:
        case {
            "realm": str() as realm,
            "accounts": dict() as accounts,
            "secrets": list() as secrets,
            "peers": list() as peers,
            "options": dict() as options,
        }:
            return {
                "turnusers_lt": {(realm, user, key) for user, key in accounts.items()},
                "turn_secret": {(realm, secret) for secret in secrets},
                "allowed_peer_ip": {(realm, peers) for peers in peers},
                "turn_realm_option": {(realm, name, str(value)) for name, value in options.items()},
            }
    raise HostError("tables.json is not what Voxgate wrote", "apply the configuration again")
