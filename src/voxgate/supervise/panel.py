"""A further part of `voxgate status`: what only some edges have, as a table. Pure.

In JSON it stands under its key, as a list of objects; for people as a table with a head. Nothing to say, no table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Panel:
    """`rows` are cells for people under `head`; `data` the same for programs."""

    key: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    data: tuple[dict[str, object], ...]


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
