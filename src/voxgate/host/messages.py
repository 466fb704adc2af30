"""Messages of a program that quotes strangers, made of its single writes, so that no text can begin one. Pure.

Engines write what packets hold into their log, line ends and all. In a stream of lines, a packet could bring a line
that accuses somebody else. Here the kernel tells where each write began and which process wrote it (unix(7),
SOCK_SEQPACKET and SCM_CREDENTIALS). What is left to decide is which write begins a message.

glibc's printf to an unbuffered stream writes a long message in parts, full ones and a last: of 8192 bytes up to
2.36, of 128 since 2.37. So the write after one that may have been full may be the rest of it, whatever it says.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from voxgate.host.launch import LONGEST_LINE_BYTES

#: Divides the size of every full part.
PART_BYTES: Final = 128
#: What stands before bytes that may not be the beginning of what a process wrote. No engine begins a message so.
CONTINUED: Final = b"(continued by %d) "
#: Processes whose last write is remembered; there are a few dozen.
_MOST_WRITERS: Final = 1024


@dataclass(slots=True)
class _Writer:
    """One process. `full`: its last write may have been a part; `rest`: what of a message is not told yet."""

    full: bool = False
    rest: bytearray = field(default_factory=bytearray)


class MessageCutter:
    """All processes of one program."""

    def __init__(self, limit_bytes: int = LONGEST_LINE_BYTES) -> None:
        self._limit = limit_bytes
        self._writers: OrderedDict[int, _Writer] = OrderedDict()

    def feed(self, writer: int, data: bytes) -> bytes | None:
        """The message that a write completes, without its line end; what exceeds the limit is left out.

        `writer` is the process; 0 is none that the kernel knows here, and nothing of it is a beginning.
        """
        if not data:
            return None
        known = self._writer(writer)
        full, known.full = known.full, len(data) % PART_BYTES == 0
        if not known.rest and (full or not writer):
            known.rest += CONTINUED % writer
        known.rest += data[: self._limit - len(known.rest)]
        # A full part that ends a line is told at once: the next one may be long in coming.
        if known.full and not data.endswith(b"\n"):
            return None
        message, known.rest = bytes(known.rest), bytearray()
        return message.rstrip(b"\r\n")

    def end(self) -> list[bytes]:
        """What is not complete."""
        rests = [bytes(known.rest) for known in self._writers.values() if known.rest]
        self._writers.clear()
        return rests

    def _writer(self, writer: int) -> _Writer:
        known = self._writers.pop(writer, None)
        if known is None:
            # Of a process that was forgotten, nothing is known: it begins as one in the middle of a message.
            known = _Writer(full=len(self._writers) >= _MOST_WRITERS)
        self._writers[writer] = known
        if len(self._writers) > _MOST_WRITERS:
            self._writers.popitem(last=False)
        return known
