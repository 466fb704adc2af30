"""The two messages that a kept connection brings by the thousand, told at a glance: a bind under the name of the one

before, and the result that says it was good. Whatever looks different in any way is read properly instead. Pure.
"""

from __future__ import annotations

from typing import Final

#: A BindResponse with success and without any text, behind the messageID.
_GOOD: Final = b"\x61\x07\x0a\x01\x00\x04\x00\x04\x00"
#: Lengths of one octet reach so far.
_SHORT: Final = 0x80


def wording(name: str) -> bytes:
    """A simple bind under `name`: its octets from the version to the tag of the password. Empty: it is too long."""
    octets = name.encode()
    return b"\x02\x01\x03\x04%c%b\x80" % (len(octets), octets) if 0 < len(octets) < _SHORT else b""


def binds_again(data: bytes, worded: bytes) -> bool:
    """Whether `data` is exactly one bind of this `wording`."""
    size = len(data)
    if not 8 < size < _SHORT or not worded or data[0] != 0x30 or data[1] != size - 2 or data[2] != 0x02:
        return False
    at = 4 + data[3]
    if not 4 < at < 10 or at + 2 > size or data[at] != 0x60 or data[at + 1] != size - at - 2:
        return False
    password = at + 2 + len(worded)
    return data.startswith(worded, at + 2) and password < size and data[password] == size - password - 1


def is_good(data: bytes) -> bool:
    """Whether `data` is exactly one result of a bind, which was good."""
    size = len(data)
    return (
        13 < size < 19
        and data.endswith(_GOOD)
        and data[0] == 0x30
        and data[1] == size - 2
        and data[2] == 0x02
        and data[3] == size - 13
    )
