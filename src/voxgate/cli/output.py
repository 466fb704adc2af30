"""What verbs print: tables for people, JSON for programs; colours on a terminal only."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from voxgate.errors import Problem

_PIPE_WIDTH = 240  # without a terminal nobody wraps lines: wide enough that rich does not


def console(*, error: bool = False) -> Console:
    """A console on the present standard output (or error), plain when it is no terminal."""
    stream = sys.stderr if error else sys.stdout
    return Console(
        file=stream, highlight=False, markup=False, soft_wrap=True, width=None if stream.isatty() else _PIPE_WIDTH
    )


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table with one line for each row; a cell is text, never markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def print_problem(problem: Problem, label: str = "", style: str = "") -> None:
    """`file:line: key: message` and the advice below it, to standard error."""
    first, _, advice = str(problem).partition("\n")
    out = console(error=True)
    out.print(Text(f"{label}{first}", style=style))
    out.print(Text(advice))


def print_json(value: object) -> None:
    """`value` as one JSON document: dataclasses as objects, times as RFC 3339 in UTC, enums by value."""
    print(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Enum():
            return value.value
        case Path() | IPv4Address() | IPv6Address() | IPv4Network() | IPv6Network():
            return str(value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return asdict(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")
