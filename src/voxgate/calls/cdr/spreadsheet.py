"""Call records as a table for spreadsheets: one line each, always the same columns. Pure."""

from __future__ import annotations

import csv
import re
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from voxgate.calls.cdr.value import COLUMNS, STREAM_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Cells that a spreadsheet would take for a formula; numbers of phones begin with `+`, too.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"\+?[0-9]+")
#: Streams have a column for each figure.
_NAMES: Final = tuple(
    f"{name}_{inner}" if inner else name for name in COLUMNS for inner in STREAM_COLUMNS.get(name, ("",))
)


def head() -> str:
    """The first line, its end included."""
    return _lines([_NAMES])


def table(records: Iterable[Mapping[str, Any]]) -> str:
    """A line for each record (`Cdr.to_json`)."""
    return _lines(_cells(record) for record in records)


def _cells(record: Mapping[str, Any]) -> list[str]:
    cells = []
    for name in COLUMNS:
        value = record.get(name)
        inner = STREAM_COLUMNS.get(name)
        if inner:
            cells += [_cell((value or {}).get(one)) for one in inner]
        else:
            cells.append(_cell(value))
    return cells


def _cell(value: Any) -> str:
    """As text. What a stranger's phone sent is no formula: a spreadsheet would carry it out."""
    match value:
        case None:
            return ""
        case [{"target": _}, *_]:
            text = " ".join(f"{one['target']}={one['uri']}={one['outcome']}" for one in value)
        case list() | tuple():
            text = " ".join(map(str, value))
        case str():
            text = value
        case _:
            return str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def _lines(rows: Iterable[Iterable[str]]) -> str:
    out = StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
