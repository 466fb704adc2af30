"""The newest lines of the log, for those who look. Bounded in number and, because lines are, in size."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from voxgate.supervise.engine_lines import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.supervise.log import Record
    from voxgate.supervise.log_filter import LogFilter

MOST: Final = 5000
_LONGEST: Final = 2000
SET_UP: Final = "admin_set_up_once"


class LogRing:
    """Takes lines from any thread; is read in the edge's loop."""

    def __init__(self, most: int = MOST) -> None:
        self._lines: deque[Record] = deque(maxlen=most)

    def add(self, record: Record) -> None:
        """One more; the oldest goes. The line with the first administrator's token is for the log alone."""
        if record.event != SET_UP:
            self._lines.append(record)

    def newest(self, wanted: LogFilter, limit: int) -> list[dict[str, Any]]:
        """Those that are wanted, the newest first."""
        found: list[dict[str, Any]] = []
        for record in self._backwards():
            if not wanted.takes(record.unit, record.level):
                continue
            line = line_of(record)
            if wanted.wants(line):
                found.append(line)
                if len(found) >= limit:
                    break
        return found

    def _backwards(self) -> Iterator[Record]:
        # A copy: another thread may add meanwhile.
        return reversed(self._lines.copy())


def line_of(record: Record) -> dict[str, Any]:
    """As JSON has it; texts are cleaned, for they may come from strangers."""
    fields = {key: clean(value, _LONGEST) if isinstance(value, str) else value for key, value in record.fields}
    return {
        **fields,
        "time": record.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.level,
        "unit": record.unit,
        "event": record.event,
        "message": clean(record.message, _LONGEST),
    }
