"""Differences of rendered files as text: unified, bounded, secrets masked. Pure.

Nothing here is computed for a plan that nobody wants to read: policy.json of a thousand PBXs is long.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxgate.engines.base import File
    from voxgate.plan.desired import Desired

#: What fits on a few screens; more is read with `diff` in the history.
SHOWN_LINES = 200
#: Beyond this the matcher, quadratic in the worst case, would take seconds.
MATCHED_LINES = 2_000


@dataclass(frozen=True, slots=True)
class FileDiff:
    """`text` is a unified difference, at most `SHOWN_LINES` lines and one that counts the rest."""

    engine: str
    path: str
    text: str


def file_diffs(before: Desired | None, after: Desired) -> tuple[FileDiff, ...]:
    """The difference of each file of each engine, those of engines and files that go included."""
    olds, news = (
        {(state.name, file.path): file for state in desired.engines for file in state.files} if desired else {}
        for desired in (before, after)
    )
    keys = dict.fromkeys((*news, *olds))
    texts = ((key, _text(f"{key[0]}/{key[1]}", olds.get(key), news.get(key))) for key in keys)
    return tuple(FileDiff(engine, path, text) for (engine, path), text in texts if text)


def _text(name: str, old: File | None, new: File | None) -> str:
    was, now = (file.content if file else b"" for file in (old, new))
    if old and new and was == now:
        return ""
    if any(file.secret for file in (old, new) if file):
        return f"{name}: changes (secret, not shown)"
    try:
        lines = unified(was.decode().splitlines(), now.decode().splitlines(), name if old else "", name if new else "")
    except UnicodeDecodeError:
        return f"{name}: changes (not text: {len(was)} -> {len(now)} bytes)"
    if len(lines) > SHOWN_LINES:
        lines = [*lines[:SHOWN_LINES], f"... {len(lines) - SHOWN_LINES} more lines"]
    return "\n".join(lines)


def unified(old: list[str], new: list[str], old_name: str, new_name: str) -> list[str]:
    """Like `diff -u`; beyond `MATCHED_LINES` differing lines, all old ones and then all new ones.

    An empty name stands for a file that is not there.
    """
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if max(len(old), len(new)) - head - tail <= MATCHED_LINES:
        # The equal head and tail are the context's; three lines of them are enough.
        start, end = max(0, head - 3), max(0, tail - 3)
        cut_old, cut_new = old[start : len(old) - end], new[start : len(new) - end]
        lines = list(
            difflib.unified_diff(cut_old, cut_new, old_name or "/dev/null", new_name or "/dev/null", lineterm="")
        )
        return [_shifted(line, start) for line in lines]
    gone, came = old[head : len(old) - tail], new[head : len(new) - tail]
    title = f"@@ -{head + 1},{len(gone)} +{head + 1},{len(came)} @@"
    files = [f"--- {old_name or '/dev/null'}", f"+++ {new_name or '/dev/null'}"]
    return [*files, title, *(f"-{line}" for line in gone), *(f"+{line}" for line in came)]


def _shifted(line: str, by: int) -> str:
    """A hunk's title with its line numbers counted from the head of the file instead of from the cut."""
    if not by or not line.startswith("@@ -"):
        return line
    _, old, new, _ = line.split(" ")
    numbers = []
    for part in (old, new):
        first, _, count = part[1:].partition(",")
        numbers.append(f"{part[0]}{int(first) + by}" + (f",{count}" if count else ""))
    return f"@@ {numbers[0]} {numbers[1]} @@"
