"""Q.931 as H.225.0 uses it: what kind of message, which call, and the user-user element. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from voxgate.router.h323.reader import MalformedError

SETUP: Final = 0x05
RELEASE_COMPLETE: Final = 0x5A
FACILITY: Final = 0x62
#: National Escape: h323plus and others send it to keep a NAT router's mapping alive.
ESCAPE: Final = 0x00

_PROTOCOL: Final = 0x08
_USER_USER: Final = 0x7E
_SHORT: Final = 0x80
_ASN1: Final = 0x05
_FACILITY_ELEMENT: Final = b"\x1c\x00"


class Q931(NamedTuple):
    """`call_reference` as it came, with its flag bit first; `user_user` is H323-UserInformation, None when absent."""

    kind: int
    call_reference: bytes
    user_user: bytes | None


def parse(data: bytes) -> Q931:
    """Raises MalformedError. Every element but user-user is passed over."""
    if len(data) < 3 or data[0] != _PROTOCOL or (size := data[1]) > 2 or len(data) < 3 + size:
        raise MalformedError("no Q.931 message")
    kind = data[2 + size]
    if kind & _SHORT:
        raise MalformedError("no Q.931 message type")
    return Q931(kind, data[2 : 2 + size], _user_user(data, 3 + size))


def _user_user(data: bytes, position: int) -> bytes | None:
    found = None
    end = len(data)
    while position < end:
        element = data[position]
        position += 1
        if element & _SHORT:
            continue
        width = 2 if element == _USER_USER else 1
        size = int.from_bytes(data[position : position + width], "big")
        position += width + size
        if position > end or (element == _USER_USER and not size):
            raise MalformedError("an element longer than its message")
        if element == _USER_USER:
            # A second one would be read by one side and passed over by the other.
            if found is not None or data[position - size] != _ASN1:
                raise MalformedError("a user-user element that is none of H.323")
            found = data[position - size + 1 : position]
    return found


def build(kind: int, call_reference: bytes, user_user: bytes) -> bytes:
    """A message with a user-user element; FACILITY has the empty Facility element that Table 19 of H.225.0 asks for."""
    extra = _FACILITY_ELEMENT if kind == FACILITY else b""
    size = (len(user_user) + 1).to_bytes(2, "big")
    return b"".join(
        (
            bytes((_PROTOCOL, len(call_reference))),
            call_reference,
            bytes((kind,)),
            extra,
            bytes((_USER_USER,)),
            size,
            bytes((_ASN1,)),
            user_user,
        )
    )
