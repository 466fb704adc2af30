"""A position in octets of aligned PER (X.691), in bits, with bounds: steps, depth, and lengths against what is there.

Pure. MalformedError is all that it raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from voxgate.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Callable

#: A full registration takes about 60, the largest call set-up seen 150.
MOST_STEPS: Final = 2000
#: GenericData nests in itself; two levels have been seen.
MOST_DEPTH: Final = 8

Type: TypeAlias = "Callable[[Reader], Any]"
"""A type of the schema: what reads one value of it."""


class MalformedError(PeerError):
    """The peer sent what H.323 does not allow, or more than anybody needs."""


class Reader:
    """A position in octets, in bits."""

    __slots__ = ("_data", "_depth", "_end", "_position", "_steps")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._end = len(data) * 8
        self._steps = MOST_STEPS
        self._depth = MOST_DEPTH

    def step(self) -> None:
        """Pay for one component."""
        self._steps -= 1
        if self._steps < 0:
            raise MalformedError("too many components")

    def bits(self, count: int) -> int:
        """The next `count` bits as an unsigned number."""
        begin = self._position
        end = begin + count
        if end > self._end:
            raise MalformedError("it ends too early")
        self._position = end
        last = (end + 7) >> 3
        return (int.from_bytes(self._data[begin >> 3 : last], "big") >> ((last << 3) - end)) & ((1 << count) - 1)

    def bit(self) -> int:
        """The next bit."""
        position = self._position
        if position >= self._end:
            raise MalformedError("it ends too early")
        self._position = position + 1
        return self._data[position >> 3] >> (7 - (position & 7)) & 1

    def octets(self, count: int) -> bytes:
        """The next `count` whole octets, after padding."""
        begin = (self._position + 7) >> 3
        end = begin + count
        if end << 3 > self._end:
            raise MalformedError("it ends too early")
        self._position = end << 3
        return self._data[begin:end]

    def length(self) -> int:
        """A length without bounds (X.691 11.9.3.5 to 11.9.3.7). Fragments (16 K and more) are nobody's."""
        at = (self._position + 7) >> 3
        if at << 3 >= self._end:
            raise MalformedError("it ends too early")
        self._position = (at + 1) << 3
        first = self._data[at]
        if first < 0x80:
            return first
        if first < 0xC0:
            return ((first & 0x3F) << 8) | self.octets(1)[0]
        raise MalformedError("a fragmented length")

    def small(self) -> int:
        """A number that is small as a rule: an index or count of extensions (X.691 11.6)."""
        return self.length_of_number() if self.bit() else self.bits(6)

    def length_of_number(self) -> int:
        """The rare long form of `small`: no type here has so many extensions, but a later one may."""
        if self.length() != 1:
            raise MalformedError("an index beyond reason")
        return self.octets(1)[0]

    def skip_open(self) -> None:
        """Pass over an open type."""
        self.octets(self.length())

    def opened(self, kind: Type) -> Any:
        """The value in an open type (X.691 11.2); padding and later additions after it are passed over."""
        size = self.length() << 3
        outer, begin = self._end, self._position
        if begin + size > outer:
            raise MalformedError("an open type longer than what is there")
        self._end = begin + size
        value = kind(self)
        self._end, self._position = outer, begin + size
        return value

    def inner(self, data: bytes) -> Reader:
        """A reader of octets that were found in these: what it does is paid for here."""
        reader = Reader(data)
        self._steps -= max(1, len(data) >> 6)
        if self._steps < 0:
            raise MalformedError("too many components")
        reader._steps, reader._depth = self._steps, self._depth
        return reader

    def nested(self, kind: Type) -> Any:
        """A value of a type that may hold itself."""
        self._depth -= 1
        if self._depth < 0:
            raise MalformedError("nested too deeply")
        value = kind(self)
        self._depth += 1
        return value
