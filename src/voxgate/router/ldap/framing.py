"""Walks the LDAP messages of one direction: whole ones where wanted, the rest passes by its length. Pure.

    framer.receive(data)
    while (piece := framer.next(wanted)) is not None: ...

It holds a message that is wanted, or the beginning of a message until its operation is known; never more. What
passes costs nothing any more: a result of a gigabyte is one number.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from voxgate.errors import PeerError
from voxgate.router.ldap.ber import INTEGER, SEQUENCE, length_at

#: messageID is 0..2^31-1 (RFC 4511, 4.1.1); one more octet for a needless zero in front.
_IDENTITY_OCTETS: Final = 5
_IDENTITIES: Final = frozenset(range(1, _IDENTITY_OCTETS + 1))
#: The shortest message: its head, a messageID of one octet, an operation without content.
_USUAL: Final = 7


class Message(NamedTuple):
    """One LDAPMessage, whole. `identity` is its messageID as it was encoded, `at` where the operation begins."""

    data: bytes
    identity: bytes
    operation: int
    at: int


class Framer:
    """One direction. A wanted message has at most `longest` bytes, one that passes at most `longest_passed`."""

    __slots__ = ("_at", "_data", "_held", "_longest", "_longest_passed", "_needed", "_skip")

    def __init__(self, longest: int, longest_passed: int) -> None:
        self._longest = longest
        self._longest_passed = longest_passed
        self._data = b""
        self._at = 0
        self._skip = 0  # what is still to come of a message that passes
        self._held = bytearray()
        self._needed = 0  # with fewer bytes held there is nothing new to see

    @property
    def between_messages(self) -> bool:
        """Whether all that came was given out, up to the end of a message."""
        return not self._skip and not self._held and self._at == len(self._data)

    def receive(self, data: bytes) -> None:
        """Take bytes. What was taken before and not given out comes first."""
        if self._held or self._at < len(self._data):
            self._held = self._held or bytearray(self._data[self._at :])
            self._held += data
            data = b""
            if len(self._held) >= self._needed:
                data, self._held = bytes(self._held), bytearray()
        self._data, self._at = data, 0

    def passes(self, data: bytes, wanted: frozenset[int]) -> bool:
        """Whether `data`, which has come, goes by as a whole: nothing is held, nothing in it is wanted or cut short.

        True: it was taken. False: nothing was done; `receive` and `next` have to deal with it, and with what is wrong.
        """
        if self._held or self._at < len(self._data):
            return False
        at, size = self._skip, len(data)
        while at < size:
            # Most messages are short: the head's usual form is read here.
            if size - at < _USUAL or data[at] != SEQUENCE or data[at + 1] >= 0x80 or data[at + 2] != INTEGER:
                head = self._tried(data, at, size)
                if head is None:
                    return False
                _, operation, end = head
            else:
                operation, end = at + 4 + data[at + 3], at + 2 + data[at + 1]
                if data[at + 3] not in _IDENTITIES or operation >= end or operation >= size:
                    return False
            if data[operation] in wanted:
                return False
            at = end
        self._skip = at - size
        return True

    def _tried(self, data: bytes, at: int, size: int) -> tuple[int, int, int] | None:
        try:
            return self._head(data, at, size)
        except PeerError:
            return None

    def next(self, wanted: frozenset[int]) -> bytes | Message | None:
        """Bytes to pass on, or one whole message whose operation is `wanted`; None: more has to come.

        Raises PeerError: what came is no LDAP.
        """
        data, first = self._data, self._at
        size = len(data)
        at = first + self._skip
        while at < size:
            head = self._head(data, at, size)
            if head is None:
                return self._hold(first, at, size - at + 1)
            identity, operation, end = head
            if data[operation] in wanted:
                if end - at > self._longest:
                    raise PeerError("LDAP message that is too long for what it is")
                if end > size:
                    return self._hold(first, at, end - at)
                if first < at:
                    self._at, self._skip = at, 0
                    return data[first:at]
                self._at, self._skip = end, 0
                return Message(data[at:end], data[identity:operation], data[operation], operation - at)
            at = end
        self._at, self._skip = size, at - size
        return (data[first:] if first else data) or None

    def _head(self, data: bytes, at: int, size: int) -> tuple[int, int, int] | None:
        """Where messageID, operation and the next message begin; None when they are not there yet."""
        if data[at] != SEQUENCE:
            raise PeerError("no LDAP message")
        found = length_at(data, at + 1, size)
        if found is None:
            return None
        length, identity = found
        if length > self._longest_passed:
            raise PeerError("LDAP message that is too long")
        if identity + 2 > size:
            return None
        octets = data[identity + 1]
        if data[identity] != INTEGER or not 1 <= octets <= _IDENTITY_OCTETS:
            raise PeerError("LDAP message without a messageID")
        operation = identity + 2 + octets
        if operation >= identity + length:
            raise PeerError("LDAP message without an operation")
        return None if operation >= size else (identity, operation, identity + length)

    def _hold(self, first: int, at: int, needed: int) -> bytes | None:
        """Keep what begins at `at`, which is not enough yet; give out what passes before it."""
        data = self._data
        self._held, self._needed = bytearray(data[at:]), needed
        self._data, self._at, self._skip = b"", 0, 0
        return data[first:at] or None
