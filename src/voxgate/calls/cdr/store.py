"""Call records on disk: one SQLite file, written in batches by one writer, searched page by page.

Methods block: whoever has a loop calls them from a thread. Records that are open are there as well, so that nothing is
lost when the edge itself dies. What is still to be pushed to a server stands in a table of its own.
"""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from voxgate.calls.cdr.value import Cdr, State, cdr_of
from voxgate.errors import UsageError
from voxgate.host.database import open_database, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

#: Records in one page at most.
MOST_IN_PAGE: Final = 1000
#: Records that wait for a server at most; the oldest give way.
MOST_SPOOLED: Final = 100_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS cdr (id INTEGER PRIMARY KEY AUTOINCREMENT, call_id TEXT NOT NULL, tag TEXT NOT NULL,
    start REAL NOT NULL, state TEXT NOT NULL, direction TEXT NOT NULL, pbx TEXT NOT NULL, trunk TEXT NOT NULL,
    caller TEXT NOT NULL, callee TEXT NOT NULL, source TEXT NOT NULL, code INTEGER NOT NULL, record TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS cdr_call ON cdr (call_id, tag, start);
CREATE INDEX IF NOT EXISTS cdr_start ON cdr (start);
CREATE INDEX IF NOT EXISTS cdr_pbx ON cdr (pbx, start);
CREATE INDEX IF NOT EXISTS cdr_caller ON cdr (caller);
CREATE INDEX IF NOT EXISTS cdr_callee ON cdr (callee);
CREATE INDEX IF NOT EXISTS cdr_source ON cdr (source);
CREATE INDEX IF NOT EXISTS cdr_open ON cdr (state) WHERE state <> 'ended';
CREATE TABLE IF NOT EXISTS spool (id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS alive (one INTEGER PRIMARY KEY, at REAL NOT NULL);
"""
_PUT: Final = """
INSERT INTO cdr (call_id, tag, start, state, direction, pbx, trunk, caller, callee, source, code, record)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (call_id, tag, start) DO UPDATE SET state = excluded.state, pbx = excluded.pbx,
    code = excluded.code, record = excluded.record
"""
_SPOOL: Final = "INSERT OR IGNORE INTO spool SELECT id FROM cdr WHERE call_id = ? AND tag = ? AND start = ?"
_NUMBER: Final = re.compile(r"\*?[^*%]{1,64}\*?")
_CURSOR: Final = re.compile(r"(\d{1,10}\.\d{1,9})-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; empty is everything. `number` is a caller or a callee, `*` at its begin or end is anything.

    `state` is open, answered, ended or empty; `answered` True or False for calls that were, or not. `cursor` is
    `Page.cursor` of the page before.
    """

    since: datetime | None = None
    until: datetime | None = None
    pbx: str = ""
    trunk: str = ""
    number: str = ""
    source: str = ""
    direction: str = ""
    call_id: str = ""
    state: str = ""
    answered: bool | None = None
    code: int = 0
    limit: int = 100
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Records, the newest first; `cursor` leads to the next page and is empty on the last."""

    records: tuple[Cdr, ...]
    cursor: str = ""


class Store:
    """One file, which only its owner may read. Raises HostError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._db = open_database(path, _SCHEMA)

    def close(self) -> None:
        """Write what is still in memory."""
        with self._lock:
            self._db.close()

    def write(self, records: Iterable[Cdr], now: datetime, *, spool: bool = False) -> None:
        """All of them or none; the edge lived `now`. With `spool`, finished ones wait there. Raises HostError."""
        with self._lock, transaction(self._db, self._path):
            for cdr in records:
                self._db.execute(_PUT, _row(cdr))
                if spool and cdr.state is State.ENDED:
                    self._db.execute(_SPOOL, (cdr.call_id, cdr.caller_tag, cdr.start.timestamp()))
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
        where, values = _conditions(query)
        limit = min(max(query.limit, 1), MOST_IN_PAGE)
        found = self._records(
            f"SELECT id, record FROM cdr WHERE {where} ORDER BY start DESC, id DESC LIMIT ?",  # noqa: S608 - our own words
            (*values, limit + 1),
        )
        more = len(found) > limit
        page = tuple(found[:limit])
        return Page(page, f"{page[-1].start.timestamp()!r}-{page[-1].id}" if more else "")

    def record(self, number: int) -> Cdr | None:
        """The record of that number."""
        return next(iter(self._records("SELECT id, record FROM cdr WHERE id = ?", (number,))), None)

    def spooled(self, most: int) -> list[Cdr]:
        """Finished records that wait for a server, the oldest first."""
        return self._records("SELECT cdr.id, record FROM spool JOIN cdr USING (id) ORDER BY id LIMIT ?", (most,))

    def unspool(self, records: Sequence[Cdr]) -> None:
        """They have arrived, or need not. Raises HostError."""
        self._change([("DELETE FROM spool WHERE id = ?", (cdr.id,)) for cdr in records])

    def prune(self, now: datetime, keep: timedelta, most: int) -> None:
        """Forget what is older than `keep`, and the oldest above `most`. Raises HostError."""
        newest = "(SELECT max(id) FROM cdr)"
        self._change(
            [
                ("DELETE FROM cdr WHERE start < ? AND state = 'ended'", ((now - keep).timestamp(),)),
                (f"DELETE FROM cdr WHERE id <= {newest} - ? AND state = 'ended'", (most,)),  # noqa: S608 - our own words
                ("DELETE FROM spool WHERE id NOT IN (SELECT id FROM cdr)", ()),
                ("DELETE FROM spool WHERE id <= (SELECT max(id) FROM spool) - ?", (MOST_SPOOLED,)),
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


def _conditions(query: Query) -> tuple[str, list[Any]]:
    parts: list[tuple[str, tuple[Any, ...]]] = [("1", ())]
    columns = ("pbx", "trunk", "source", "direction", "call_id", "state", "code")
    parts += [(f"{column} = ?", (wanted,)) for column in columns if (wanted := getattr(query, column))]
    if query.since:
        parts.append(("start >= ?", (query.since.timestamp(),)))
    if query.until:
        parts.append(("start < ?", (query.until.timestamp(),)))
    if query.answered is not None:
        parts.append((f"code {'=' if query.answered else '<>'} 200", ()))
    if query.number:
        parts.append(_number(query.number))
    if query.cursor:
        found = _CURSOR.fullmatch(query.cursor)
        if not found:
            raise UsageError("the cursor is none that a page has given")
        start, number = float(found[1]), int(found[2])
        parts.append(("(start < ? OR (start = ? AND id < ?))", (start, start, number)))
    return " AND ".join(words for words, _ in parts), [value for _, values in parts for value in values]


def _number(number: str) -> tuple[str, tuple[Any, ...]]:
    if not _NUMBER.fullmatch(number):
        raise UsageError(f"{number!r} is no number\n    write 0555159400, or with `*` at its begin or end: 0555*")
    if "*" not in number:
        return "(caller = ? OR callee = ?)", (number, number)
    pattern = number.replace("\\", "\\\\").replace("_", "\\_").replace("*", "%")
    return "(caller LIKE ? ESCAPE '\\' OR callee LIKE ? ESCAPE '\\')", (pattern, pattern)
