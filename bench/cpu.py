"""CPU time of a process tree, from `/proc/PID/task/TID/schedstat` (nanoseconds on a CPU, proc(5))."""

from __future__ import annotations

from pathlib import Path


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
