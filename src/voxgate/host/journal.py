"""A file of lines that only grows at its end and never beyond its room: the older half goes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from voxgate.errors import HostError
from voxgate.host.files import FILE_MODE

if TYPE_CHECKING:
    from pathlib import Path


class Journal:
    """Appends to `path`; when half of the room is used, that becomes `path` with `.1` behind it, and a new one begins.

    `most_bytes` is the room for both; it may be changed.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.path = path
        self.most_bytes = most_bytes
        self._descriptor = -1
        self._size = 0

    def append(self, lines: bytes) -> None:
        """Write whole lines. Raises HostError; the next call tries again."""
        try:
            if self._descriptor < 0:
                self._open()
            elif self._size and self._size + len(lines) > self.most_bytes // 2:
                self.close()
                self.path.replace(self.path.with_name(self.path.name + ".1"))
                self._open()
            while lines:
                written = os.write(self._descriptor, lines)
                self._size += written
                lines = lines[written:]
        except OSError as error:
            self.close()
            advice = "make room on the disk, or see to the folder"
            raise HostError(f"{self.path} cannot be written: {error.strerror}", advice) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, FILE_MODE)
        self._size = os.fstat(self._descriptor).st_size
