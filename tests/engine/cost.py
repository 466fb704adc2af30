"""What a process takes of memory and CPU while something happens."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cpu import spent_ns

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Cost:
    """MiB more than before, and microseconds of CPU for each of what was counted; known at the end."""

    mib: float = 0.0
    us: float = 0.0


@contextmanager
def measured(pid: int, count: int) -> Iterator[Cost]:
    """Of the process `pid`, for each of `count`."""
    status = Path(f"/proc/{pid}/status")

    def held_kib() -> int:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))

    cost = Cost()
    kib, ns = held_kib(), spent_ns((pid,))
    yield cost
    cost.mib, cost.us = (held_kib() - kib) / 1024, (spent_ns((pid,)) - ns) / count / 1000
