"""Tables for people, and further parts of `voxgate status`: what only some edges have. Pure.

In JSON it stands under its key, as a list of objects; for people as a table with a head. Nothing to say, no table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Budget(Protocol):
    """A destination class and what it may use; 0 is no limit."""

    @property
    def pbx(self) -> str:
        """The PBX that calls."""

    @property
    def name(self) -> str:
        """The class."""

    @property
    def calls(self) -> int:
        """At the same time."""

    @property
    def minutes_hour(self) -> int:
        """In 60 minutes."""

    @property
    def minutes_day(self) -> int:
        """In 24 hours."""


class Alert(Protocol):
    """What the toll-fraud guard tells; times are epoch seconds."""

    @property
    def pbx(self) -> str:
        """The PBX that calls."""

    @property
    def kind(self) -> str:
        """What it is."""

    @property
    def about(self) -> str:
        """Where to."""

    @property
    def first_s(self) -> int:
        """When it was raised first."""

    @property
    def last_s(self) -> int:
        """When it was raised last."""

    @property
    def count(self) -> int:
        """How often."""


@dataclass(frozen=True, slots=True)
class Panel:
    """`rows` are cells for people under `head`; `data` the same for programs. `flaws`: what a person must see to."""

    key: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    data: tuple[dict[str, object], ...]
    flaws: tuple[str, ...] = ()


def limits_panel(limits: Mapping[str, tuple[int, int]], used: Mapping[str, int]) -> Panel:
    """Used and allowed calls of everyone who is limited by name; `from` (requesters) has no row."""
    rows, data = [], []
    for subject, (calls, rate) in sorted(limits.items()):
        kind, _, name = subject.partition(":")
        if not name:
            continue
        now = used.get(subject, 0)
        rows.append((f"{kind} {name}", f"{now} of {calls or 'any'}", str(rate or "any")))
        data.append(
            {
                "kind": kind,
                "name": name,
                "calls": now,
                "calls_limit": calls or None,
                "calls_per_second_limit": rate or None,
            }
        )
    return Panel("limits", ("limited", "calls", "per second at most"), tuple(rows), tuple(data))


def spending_panel(spending: Iterable[tuple[Budget, int, float, float]]) -> Panel:
    """Each destination class with its calls, and its minutes in the last hour and in the last day."""
    rows, data = [], []
    for budget, calls, hour, day in spending:
        cells = [f"{used:.0f} of {limit or 'any'}" for used, limit in _pairs(budget, calls, hour, day)]
        rows.append((budget.pbx, budget.name, *cells))
        data.append(
            {
                "pbx": budget.pbx,
                "class": budget.name,
                "calls": calls,
                "minutes_last_hour": round(hour, 1),
                "minutes_last_day": round(day, 1),
            }
        )
    return Panel("spending", ("PBX", "class", "calls", "minutes, hour", "minutes, day"), tuple(rows), tuple(data))


def alerts_panel(alerts: Iterable[Alert]) -> Panel:
    """What the toll-fraud guard tells."""
    rows, data = [], []
    for alert in alerts:
        first, last = _time(alert.first_s), _time(alert.last_s)
        rows.append((alert.pbx, alert.kind, alert.about, str(alert.count), last))
        data.append(
            {
                "pbx": alert.pbx,
                "kind": alert.kind,
                "about": alert.about,
                "count": alert.count,
                "first": first,
                "last": last,
            }
        )
    return Panel("alerts", ("alert of PBX", "what", "about", "times", "last"), tuple(rows), tuple(data))


def _pairs(budget: Budget, calls: int, hour: float, day: float) -> tuple[tuple[float, int], ...]:
    return (calls, budget.calls), (hour, budget.minutes_hour), (day, budget.minutes_day)


def _time(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def section(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A table with aligned columns and an empty line before it; without rows, nothing."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    pairs = (zip(row, widths, strict=True) for row in (head, *rows))
    return ["", *("  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in pairs)]
