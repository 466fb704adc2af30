"""TPKT (RFC 1006 section 6): messages in a stream of octets. Pure."""

from __future__ import annotations

from typing import Final

from voxgate.router.h323.reader import MalformedError

HEADER: Final = 4
_VERSION: Final = 3
#: Registrations take 200 to 500 octets, call set-ups with fast start and certificates up to 8,000.
LONGEST: Final = 16384
#: What the header can say.
LONGEST_OF_ALL: Final = 65535


def framed(payload: bytes) -> bytes:
    """The message with its header."""
    return bytes((_VERSION, 0)) + (len(payload) + HEADER).to_bytes(2, "big") + payload


class Splitter:
    """Cuts one direction of a stream into messages, headers included; holds what was not asked for yet.

    splitter.receive(data)
    while (frame := splitter.next()) is not None: ...
    """

    __slots__ = ("_at", "_data", "_longest")

    def __init__(self, longest: int = LONGEST) -> None:
        self._data = b""
        self._at = 0
        self._longest = longest

    @property
    def waiting(self) -> int:
        """How many octets are there that were not given out: after the last message, the beginning of one."""
        return len(self._data) - self._at

    def receive(self, data: bytes) -> None:
        """Take octets; what was not given out comes before them."""
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def next(self) -> bytes | None:
        """The next message; None when its end has not come.

        Raises MalformedError at what is no TPKT, or too long a one: the stream has no structure from there on.
        """
        data, at = self._data, self._at
        if at == len(data):
            self._data, self._at = b"", 0
            return None
        if data[at] != _VERSION:
            raise MalformedError("no TPKT")
        if len(data) - at < HEADER:
            return None
        end = at + int.from_bytes(data[at + 2 : at + 4], "big")
        if not HEADER <= end - at <= self._longest:
            raise MalformedError("a TPKT that is too long or too short")
        if end > len(data):
            return None
        self._at = end
        return data[at:end]
