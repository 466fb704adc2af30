"""Call records on disk: one SQLite file, written in batches by one writer, searched page by page.

Methods block: whoever has a loop calls them from a thread. Records that are open are there as well, so that nothing is
lost when the edge itself dies. What still waits for a server or a database stands in a table of its own.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from voxgate.calls.cdr.search import INDEXES, limit_of, page_of, statement
from voxgate.calls.cdr.value import State, cdr_of
from voxgate.host.database import open_database, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from voxgate.calls.cdr.search import Page, Query
    from voxgate.calls.cdr.value import Cdr

#: Records that wait for a server at most; the oldest give way.
MOST_SPOOLED: Final = 100_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS cdr (id INTEGER PRIMARY KEY AUTOINCREMENT, call_id TEXT NOT NULL, tag TEXT NOT NULL,
    start REAL NOT NULL, state TEXT NOT NULL, direction TEXT NOT NULL, pbx TEXT NOT NULL, trunk TEXT NOT NULL,
    caller TEXT NOT NULL, callee TEXT NOT NULL, source TEXT NOT NULL, code INTEGER NOT NULL, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (place TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (place, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spool (id INTEGER PRIMARY KEY);
INSERT OR IGNORE INTO waiting SELECT 'push', id FROM spool;
DROP TABLE spool;
CREATE TABLE IF NOT EXISTS alive (one INTEGER PRIMARY KEY, at REAL NOT NULL);
"""
_PUT: Final = """
INSERT INTO cdr (call_id, tag, start, state, direction, pbx, trunk, caller, callee, source, code, record)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (call_id, tag, start) DO UPDATE SET state = excluded.state, pbx = excluded.pbx,
    code = excluded.code, record = excluded.record
"""
_WAIT: Final = "INSERT OR IGNORE INTO waiting SELECT ?, id FROM cdr WHERE call_id = ? AND tag = ? AND start = ?"


class Store:
    """One file, which only its owner may read. Raises HostError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._db = open_database(path, _SCHEMA + INDEXES)

    def close(self) -> None:
        """Write what is still in memory."""
        with self._lock:
            self._db.close()

    def write(self, records: Iterable[Cdr], now: datetime, *, places: Iterable[str] = ()) -> None:
        """All of them or none; the edge lived `now`. Finished ones wait for each of `places`. Raises HostError."""
        with self._lock, transaction(self._db, self._path):
            for cdr in records:
                self._db.execute(_PUT, _row(cdr))
                for place in places if cdr.state is State.ENDED else ():
                    self._db.execute(_WAIT, (place, cdr.call_id, cdr.caller_tag, cdr.start.timestamp()))
            self._db.execute("INSERT OR REPLACE INTO alive VALUES (1, ?)", (now.timestamp(),))

    def alive(self) -> datetime | None:
        """When the edge that wrote last was last known to live."""
        rows = self._rows("SELECT at FROM alive")
        return datetime.fromtimestamp(rows[0][0], UTC) if rows else None

    def left_open(self) -> list[Cdr]:
        """What is not finished."""
        return self._records("SELECT id, record FROM cdr WHERE state <> 'ended' ORDER BY start")

    def search(self, query: Query) -> Page:
        """A page. Raises UsageError where the query is none."""
        return page_of(self._records(*statement(query)), limit_of(query))

    def record(self, number: int) -> Cdr | None:
        """The record of that number."""
        return next(iter(self._records("SELECT id, record FROM cdr WHERE id = ?", (number,))), None)

    def spooled(self, place: str, most: int) -> list[Cdr]:
        """Finished records that wait for a place, the oldest first."""
        question = "SELECT id, record FROM waiting JOIN cdr USING (id) WHERE place = ? ORDER BY id LIMIT ?"
        return self._records(question, (place, most))

    def unspool(self, place: str, records: Sequence[Cdr]) -> None:
        """They have arrived there. Raises HostError."""
        self._change([("DELETE FROM waiting WHERE place = ? AND id = ?", (place, cdr.id)) for cdr in records])

    def prune(self, now: datetime, keep: timedelta, most: int) -> None:
        """Forget what is older than `keep`, and the oldest above `most`. Raises HostError."""
        newest = "(SELECT max(id) FROM cdr)"
        self._change(
            [
                ("DELETE FROM cdr WHERE start < ? AND state = 'ended'", ((now - keep).timestamp(),)),
                (f"DELETE FROM cdr WHERE id <= {newest} - ? AND state = 'ended'", (most,)),  # noqa: S608 - our own words
                ("DELETE FROM waiting WHERE id NOT IN (SELECT id FROM cdr)", ()),
                ("DELETE FROM waiting WHERE id <= (SELECT max(id) FROM waiting) - ?", (MOST_SPOOLED,)),
            ]
        )

    def _change(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        with self._lock, transaction(self._db, self._path):
            for statement, values in statements:
                self._db.execute(statement, values)

    def _records(self, query: str, values: tuple[Any, ...] = ()) -> list[Cdr]:
        return [replace(cdr_of(json.loads(record)), id=number) for number, record in self._rows(query, values)]

    def _rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, closing(self._db.execute(query, values)) as cursor:
            return cursor.fetchall()


def _row(cdr: Cdr) -> tuple[Any, ...]:
    record = json.dumps(cdr.to_json(), separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace").decode()
    return (
        *(cdr.call_id, cdr.caller_tag, cdr.start.timestamp(), cdr.state.value, cdr.direction.value, cdr.pbx),
        *(cdr.trunk, cdr.caller, cdr.callee, cdr.source, cdr.sip_code, record),
    )
