"""Who did what when: one JSON object a line, in a file that lasts.

    {"time": RFC 3339 UTC, "who": "alice" | "token:ops" | "root", "from": address or "", "action": "pbxs.set",
     "target": text, "result": "done" | "refused" | "failed", "detail": text, "generation": N or null}

Neither passwords nor tokens nor secrets ever get here; texts of strangers are made harmless by JSON and bounded.
"""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Final

from voxgate.errors import HostError
from voxgate.host.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.host.clock import Clock

log = logging.getLogger(__name__)

#: Some 200,000 lines; the older half goes when it is full.
ROOM_BYTES: Final = 64 << 20
_LONGEST: Final = 500


class Audit:
    """The file in `folder`; may be written from any thread."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.path = folder / "audit.log"
        self._journal = Journal(self.path, ROOM_BYTES)
        self._clock = clock
        self._lock = threading.Lock()

    def write(
        self,
        who: str,
        action: str,
        target: str = "",
        *,
        address: str = "",
        result: str = "done",
        detail: str = "",
        generation: int | None = None,
    ) -> None:
        """One line; what cannot be written is told in the log."""
        line = {
            "time": self._clock.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "who": who[:_LONGEST],
            "from": address,
            "action": action,
            "target": target[:_LONGEST],
            "result": result,
            "detail": detail[:_LONGEST],
            "generation": generation,
        }
        with self._lock:
            try:
                self._journal.append(json.dumps(line).encode() + b"\n")
            except HostError as error:
                log.error("audit_not_written action=%s error=%s", action, error)  # noqa: TRY400

    def latest(self, most: int) -> list[dict[str, object]]:
        """The newest entries, the newest first. Reads the file's end alone."""
        lines: list[bytes] = []
        for path in (self.path, self.path.with_name(self.path.name + ".1")):
            if len(lines) < most and path.exists():
                lines += reversed(_tail(path, most - len(lines)))
        return [entry for line in lines if (entry := _entry(line)) is not None]


def _tail(path: Path, most: int) -> list[bytes]:
    room = most * 2048
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - room))
        content = file.read(room)
    lines = content.splitlines()
    return lines[1 if size > room else 0 :][-most:]


def _entry(line: bytes) -> dict[str, object] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
