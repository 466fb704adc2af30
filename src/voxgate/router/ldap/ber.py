"""Basic Encoding Rules as LDAP uses them (RFC 4511, 5.1): definite lengths, primitive strings. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Iterator

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
ENUMERATED: Final = 0x0A
SEQUENCE: Final = 0x30

#: More than these octets of length would be more than 4 GiB.
_LENGTH_OCTETS: Final = 4


def length_at(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """The length that is written at `at`, and where the content begins; None when `end` cuts it off.

    Long forms with leading zeros are good: Windows writes every length in four octets. Raises PeerError.
    """
    if at >= end:
        return None
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if not 1 <= count <= _LENGTH_OCTETS:
        raise PeerError("BER length that is indefinite or too long")
    if at + 1 + count > end:
        return None
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count


def elements(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The elements between `at` and `end` as (tag, content's begin, content's end). Raises PeerError.

    Tags of one octet only: LDAP has no others.
    """
    while at < end:
        found = element_at(data, at, end)
        yield found
        at = found[2]


def element_at(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """The element at `at`, which is before `end`, as in `elements`. Raises PeerError."""
    found = length_at(data, at + 1, end)
    if found is None or found[1] + found[0] > end:
        raise PeerError("BER element that is cut short")
    length, begin = found
    return data[at], begin, begin + length


def element(tag: int, content: bytes) -> bytes:
    """An element in its shortest form."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
