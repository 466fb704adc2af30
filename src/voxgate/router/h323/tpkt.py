"""TPKT (RFC 1006 section 6): messages in a stream of octets. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.router.h323.reader import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER: Final = 4
_VERSION: Final = 3
#: Registrations take 200 to 500 octets, call set-ups with fast start and certificates up to 8,000.
LONGEST: Final = 16384


def framed(payload: bytes) -> bytes:
    """The message with its header."""
    return bytes((_VERSION, 0)) + (len(payload) + HEADER).to_bytes(2, "big") + payload


class Splitter:
    """Cuts a stream into messages, headers included; holds at most one that is not complete."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    @property
    def waiting(self) -> int:
        """How many octets of a message are there whose end is not."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that `data` completes. Raises MalformedError at what is no TPKT, or too long a one.

        What came before is given first; after the error the stream has no structure any more.
        """
        data = self._rest + data if self._rest else data
        self._rest = b""
        begin, end = 0, len(data)
        while end - begin >= HEADER:
            size = int.from_bytes(data[begin + 2 : begin + 4], "big")
            if data[begin] != _VERSION or not HEADER <= size <= LONGEST:
                raise MalformedError("no TPKT, or one that is too long")
            if end - begin < size:
                break
            yield data[begin : begin + size]
            begin += size
        if begin < end and data[begin] != _VERSION:
            raise MalformedError("no TPKT")
        self._rest = data[begin:]
