"""CPU time of a process tree, from `/proc/PID/task/TID/schedstat` (nanoseconds on a CPU, proc(5))."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LATENCY = Path("/dev/cpu_dma_latency")


@contextmanager
def awake() -> Iterator[None]:
    """Keep idle cores polling instead of asleep (Linux, Documentation/power/pm_qos_interface.rst).

    To wake a core costs whoever sends to it: up to a sixth of a call in a virtual machine. Whether the load's core
    sleeps depends on how long it waited, so that a slower subject would pay for more than its own work.
    """
    try:
        request = LATENCY.open("wb", buffering=0)
    except OSError:
        yield
        return
    with request:
        # In force while it is open.
        request.write(struct.pack("i", 0))
        yield


def tree(pid: int) -> tuple[int, ...]:
    """`pid` and all its descendants that run now."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            found.extend(tree(int(child)))
    return tuple(found)


def spent_ns(pids: tuple[int, ...]) -> int:
    """CPU time that `pids` have used so far, all threads together; processes that are gone count as zero."""
    total = 0
    for pid in pids:
        for stat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(stat.read_text().split()[0])
            except OSError:
                continue
    return total
