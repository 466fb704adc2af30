"""The types of aligned PER (X.691), as many of them as H.225.0 needs. Pure.

A type is a function `Reader -> value`; the functions here build them, so that a schema reads like its ASN.1. What an
extension or an open type holds that nobody asked for is skipped by its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voxgate.router.h323.reader import MalformedError, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from voxgate.router.h323.reader import Type


def null(_: Reader) -> None:
    """NULL: nothing on the wire."""


def boolean(reader: Reader) -> bool:
    """BOOLEAN."""
    return reader.bit() == 1


def integer(low: int, high: int) -> Type:
    """INTEGER (low..high) (X.691 11.5.7)."""
    span = high - low
    width = span.bit_length()
    size = (width + 7) // 8

    def read(reader: Reader) -> int:
        if span < 255:
            value = reader.bits(width)
        elif span <= 0xFFFF:
            value = int.from_bytes(reader.octets(size), "big")
        else:
            value = int.from_bytes(reader.octets(reader.bits((size - 1).bit_length()) + 1), "big")
        if value > span:
            raise MalformedError("a number beyond its bounds")
        return low + value

    return read


def extensible_integer(low: int, high: int) -> Type:
    """INTEGER (low..high, ...)."""
    root = integer(low, high)

    def read(reader: Reader) -> int:
        if reader.bit():
            return int.from_bytes(reader.octets(reader.length()), "big", signed=True)
        return root(reader)  # type: ignore[no-any-return]

    return read


def _count(low: int | None, high: int) -> Callable[[Reader], int]:
    """How many there are of something: within bounds, or without any."""
    return Reader.length if low is None else integer(low, high)


def octet_string(low: int | None = None, high: int = 0) -> Type:
    """OCTET STRING, OCTET STRING (SIZE(low..high)); two fixed octets or less are not aligned (X.691 17.6)."""
    if low is not None and low == high:
        if low <= 2:
            return lambda reader: reader.bits(8 * low).to_bytes(low, "big")
        return lambda reader: reader.octets(low)
    count = _count(low, high)
    return lambda reader: reader.octets(count(reader))


object_identifier: Final = octet_string()


def ia5_string(low: int | None = None, high: int = 0) -> Type:
    """IA5String: eight bits a character. What is no ASCII stays, as characters that no name has."""
    count = _count(low, high)

    def read(reader: Reader) -> str:
        return reader.octets(count(reader)).decode("latin-1")

    return read


def bmp_string(low: int | None = None, high: int = 0) -> Type:
    """BMPString: two octets a character. A lone surrogate stays one; no name has any."""
    count = _count(low, high)

    def read(reader: Reader) -> str:
        return reader.octets(2 * count(reader)).decode("utf-16-be", "surrogatepass")

    return read


def alphabet_string(alphabet: str, low: int, high: int) -> Type:
    """IA5String (SIZE(low..high)) (FROM(alphabet)): as few bits a character as do, aligned (X.691 30.5)."""
    ordered = "".join(sorted(alphabet))
    least = (len(ordered) - 1).bit_length()
    width = 1 << (least - 1).bit_length()
    size = integer(low, high)

    def read(reader: Reader) -> str:
        count = size(reader)
        reader.octets(0)
        value = reader.bits(width * count)
        places = [(value >> (width * at)) & ((1 << width) - 1) for at in range(count - 1, -1, -1)]
        if max(places) >= len(ordered):
            raise MalformedError("a character that its alphabet has not")
        return "".join(ordered[place] for place in places)

    return read


def sequence_of(kind: Type, low: int | None = None, high: int = 0) -> Type:
    """SEQUENCE OF, SEQUENCE SIZE(low..high) OF, as a list."""
    count = _count(low, high)

    def read(reader: Reader) -> list[Any]:
        values = []
        for _ in range(count(reader)):
            reader.step()
            values.append(kind(reader))
        return values

    return read


#: As many as an index of one octet can count.
MOST_ADDITIONS: Final = 256


class Optional:
    """A component that may be absent."""

    __slots__ = ("kind",)

    def __init__(self, kind: Type) -> None:
        self.kind = kind


def sequence(
    components: Mapping[str, Type | Optional],
    *,
    extensible: bool = True,
    wanted: Mapping[int, tuple[str, Type]] | None = None,
    last: bool = False,
) -> Type:
    """SEQUENCE, as a dict of the components that are there; of its additions only those `wanted`, by index.

    `last`: nothing after it is read, so neither are additions behind those that are wanted.
    """
    fields = [
        (name, kind.kind if isinstance(kind, Optional) else kind, isinstance(kind, Optional))
        for name, kind in components.items()
    ]
    optionals = sum(1 for _, _, optional in fields if optional)
    extended = 1 << optionals if extensible else 0
    preamble = optionals + (1 if extensible else 0)
    additions = wanted or {}
    most = max(additions, default=-1) + 1 if last else MOST_ADDITIONS
    plan = []
    mask = 1 << optionals
    for name, kind, optional in fields:
        mask >>= 1 if optional else 0
        plan.append((name, kind, mask if optional else 0))

    def read(reader: Reader) -> dict[str, Any]:
        reader.step()
        present = reader.bits(preamble)
        values = {name: kind(reader) for name, kind, mask in plan if not mask or present & mask}
        if present & extended:
            _additions(reader, additions, values, most)
        return values

    return read


def _additions(reader: Reader, wanted: Mapping[int, tuple[str, Type]], values: dict[str, Any], most: int) -> None:
    """The first `most` extension additions (X.691 19.7 to 19.9)."""
    count = reader.small() + 1
    present = reader.bits(count)
    for index in range(min(count, most)):
        if present >> (count - 1 - index) & 1:
            reader.step()
            if index in wanted:
                name, kind = wanted[index]
                values[name] = reader.opened(kind)
            else:
                reader.skip_open()


def choice(
    alternatives: Sequence[tuple[str, Type]],
    *,
    extensible: bool = True,
    additions: Sequence[tuple[str, Type | None]] = (),
) -> Type:
    """CHOICE, as (name, value); an addition without a type has the value None, one that is unknown no name either."""
    width = (len(alternatives) - 1).bit_length()

    def read(reader: Reader) -> tuple[str, Any]:
        reader.step()
        if extensible and reader.bit():
            return _addition(reader, additions)
        index = reader.bits(width)
        if index >= len(alternatives):
            raise MalformedError("an alternative that its choice has not")
        name, kind = alternatives[index]
        return name, kind(reader)

    return read


def _addition(reader: Reader, additions: Sequence[tuple[str, Type | None]]) -> tuple[str, Any]:
    index = reader.small()
    name, kind = additions[index] if index < len(additions) else ("", None)
    if kind is not None:
        return name, reader.opened(kind)
    reader.skip_open()
    return name, None
