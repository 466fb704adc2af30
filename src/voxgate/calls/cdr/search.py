"""What is looked for among records, and the question to SQLite that finds it by an index alone. Pure.

A page is found in two steps: the numbers of its records from one index, in the order of the page, then these records
themselves. What begins where the page before ended (`cursor`) costs as much as the first page does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voxgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from voxgate.calls.cdr.value import Cdr

#: Records in one page at most.
MOST_IN_PAGE: Final = 1000
#: Each in the order of time. `cdr_find` holds all that a question may name: whatever has no index of its own, or is
#: looked for by a part of a number, is read from it without touching the records, which are thirty times as large.
INDEXES: Final = """
CREATE UNIQUE INDEX IF NOT EXISTS cdr_call ON cdr (call_id, tag, start);
CREATE INDEX IF NOT EXISTS cdr_find ON cdr (start, id, pbx, trunk, direction, state, code, caller, callee, source);
CREATE INDEX IF NOT EXISTS cdr_of_pbx ON cdr (pbx, start);
CREATE INDEX IF NOT EXISTS cdr_of_caller ON cdr (caller, start);
CREATE INDEX IF NOT EXISTS cdr_of_callee ON cdr (callee, start);
CREATE INDEX IF NOT EXISTS cdr_of_source ON cdr (source, start);
CREATE INDEX IF NOT EXISTS cdr_open ON cdr (state) WHERE state <> 'ended';
DROP INDEX IF EXISTS cdr_start;
DROP INDEX IF EXISTS cdr_pbx;
DROP INDEX IF EXISTS cdr_caller;
DROP INDEX IF EXISTS cdr_callee;
DROP INDEX IF EXISTS cdr_source;
"""
_NEWEST: Final = "ORDER BY start DESC, id DESC"
#: The narrowest first.
_INDEX_OF: Final = {"call_id": "cdr_call", "source": "cdr_of_source", "pbx": "cdr_of_pbx"}
_EQUAL: Final = ("pbx", "trunk", "source", "direction", "call_id", "state", "code")
_NUMBER: Final = re.compile(r"\*?[^*%]{1,64}\*?")
_CURSOR: Final = re.compile(r"(\d{1,10}\.\d{1,9})-(\d{1,18})")

Statement = tuple[str, tuple[Any, ...]]


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


def page_of(found: list[Cdr], limit: int) -> Page:
    """The page in what `statement` with this limit has found: one more says that there are more."""
    page = tuple(found[:limit])
    return Page(page, f"{page[-1].start.timestamp()!r}-{page[-1].id}" if len(found) > limit else "")


def limit_of(query: Query) -> int:
    """How many records its page holds at most."""
    return min(max(query.limit, 1), MOST_IN_PAGE)


def statement(query: Query) -> Statement:
    """`(SQL, values)` that give id and record of a page and of one more. Raises UsageError where it is no query."""
    most = limit_of(query) + 1
    where, values = _conditions(query)
    if not query.number:
        ids, given = _ids(_index(query), where), (*values, most)
    elif "*" in _number(query.number):
        pattern = query.number.replace("\\", "\\\\").replace("_", "\\_").replace("*", "%")
        part = "(caller LIKE ? ESCAPE '\\' OR callee LIKE ? ESCAPE '\\')"
        ids, given = _ids("cdr_find", f"{where} AND {part}"), (*values, pattern, pattern, most)
    else:
        # Two indexes, each in the order of time, rather than one answer that had to be sorted.
        halves = [_ids(f"cdr_of_{who}", f"{who} = ? AND {where}") for who in ("caller", "callee")]
        both = " UNION ".join(f"SELECT * FROM ({half})" for half in halves)  # noqa: S608 - our words
        half_values = (query.number, *values, most)
        ids = f"SELECT id, start FROM ({both}) {_NEWEST} LIMIT ?"  # noqa: S608 - our words
        given = (*half_values, *half_values, most)
    return f"SELECT id, record FROM cdr WHERE id IN (SELECT id FROM ({ids})) {_NEWEST}", given  # noqa: S608 - our words


def is_number(number: str) -> Callable[[str], bool]:
    """Whether a caller or a callee is it; `*` as in a query. Raises UsageError where it is none."""
    begin, star, end = _number(number).lower().partition("*")
    if not star:
        return number.__eq__
    if not begin and end.endswith("*"):
        return lambda text: end[:-1] in text.lower()
    return lambda text: text.lower().startswith(begin) and text.lower().endswith(end)


def _number(number: str) -> str:
    if not _NUMBER.fullmatch(number):
        raise UsageError(f"{number!r} is no number\n    write 0555159400, or with `*` at its begin or end: 0555*")
    return number


def _ids(index: str, where: str) -> str:
    # Said which index: SQLite's guess depends on statistics that nobody keeps for it.
    return f"SELECT id, start FROM cdr INDEXED BY {index} WHERE {where} {_NEWEST} LIMIT ?"  # noqa: S608 - our words


def _index(query: Query) -> str:
    return next((index for column, index in _INDEX_OF.items() if getattr(query, column)), "cdr_find")


def _conditions(query: Query) -> tuple[str, tuple[Any, ...]]:
    parts: list[Statement] = [(f"{column} = ?", (value,)) for column in _EQUAL if (value := getattr(query, column))]
    if query.since:
        parts.append(("start >= ?", (query.since.timestamp(),)))
    if query.until:
        parts.append(("start < ?", (query.until.timestamp(),)))
    if query.answered is not None:
        parts.append((f"code {'=' if query.answered else '<>'} 200", ()))
    if query.cursor:
        found = _CURSOR.fullmatch(query.cursor)
        if not found:
            raise UsageError("the cursor is none that a page has given")
        parts.append(("(start, id) < (?, ?)", (float(found[1]), int(found[2]))))
    # An index wants a condition on its first column.
    words = " AND ".join(["start > 0", *(words for words, _ in parts)])
    return words, tuple(value for _, values in parts for value in values)
