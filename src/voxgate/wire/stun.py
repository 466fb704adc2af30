"""STUN messages (RFC 8489, with the classic RFC 3489 and the NAT tests of RFC 5780), as far as clients need them. Pure.

request = Message(Method.BINDING, Class.REQUEST, transaction, (change_request(ip=True, port=True),))
answer = decode(data)        # MalformedError when it is none
answer.address(Attribute.XOR_MAPPED_ADDRESS)
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from voxgate.errors import PeerError

COOKIE: Final = 0x2112A442
HEADER: Final = struct.Struct("!HHI12s")
_FIELD: Final = struct.Struct("!HH")
#: No answer of an honest server is longer; RFC 8489 section 6.1 advises to stay below the path's MTU.
LONGEST: Final = 1500
MOST_ATTRIBUTES: Final = 32
_FINGERPRINT_MASK: Final = 0x5354554E
_INTEGRITY_BYTES: Final = 20


class MalformedError(PeerError):
    """What came is no STUN message."""


class Method(IntEnum):
    """RFC 8489 section 18.2, RFC 8656 section 17."""

    BINDING = 0x001
    ALLOCATE = 0x003
    REFRESH = 0x004
    SEND = 0x006
    DATA = 0x007
    CREATE_PERMISSION = 0x008
    CHANNEL_BIND = 0x009


class Class(IntEnum):
    """The bits of the class in a message's type."""

    REQUEST = 0x000
    INDICATION = 0x010
    SUCCESS = 0x100
    ERROR = 0x110


class Attribute(IntEnum):
    """Types of attributes; those of RFC 3489 that others replaced are named as there."""

    MAPPED_ADDRESS = 0x0001
    CHANGE_REQUEST = 0x0003
    SOURCE_ADDRESS = 0x0004
    CHANGED_ADDRESS = 0x0005
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_ADDRESS_FAMILY = 0x0017
    REQUESTED_TRANSPORT = 0x0019
    XOR_MAPPED_ADDRESS = 0x0020
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028
    RESPONSE_ORIGIN = 0x802B
    OTHER_ADDRESS = 0x802C


_XORED: Final = frozenset({Attribute.XOR_MAPPED_ADDRESS, Attribute.XOR_PEER_ADDRESS, Attribute.XOR_RELAYED_ADDRESS})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A transport address."""

    address: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Message:
    """`transaction` is twelve bytes. `attributes` are (type, value) in the order of the packet."""

    method: int
    kind: Class
    transaction: bytes
    attributes: tuple[tuple[int, bytes], ...] = ()

    def get(self, wanted: Attribute) -> bytes | None:
        """The first value of that type: further ones are ignored (RFC 8489 section 14)."""
        return next((value for number, value in self.attributes if number == wanted), None)

    def address(self, wanted: Attribute) -> Endpoint | None:
        """An address in it. Raises MalformedError when there is one that cannot be read."""
        value = self.get(wanted)
        if value is None:
            return None
        return _endpoint(value, self.transaction if wanted in _XORED else None)

    @property
    def error(self) -> int:
        """The code of an error; 0 where there is none. Raises MalformedError."""
        value = self.get(Attribute.ERROR_CODE)
        if value is None:
            return 0
        if len(value) < 4:
            raise MalformedError("an error code of less than four bytes")
        return (value[2] & 7) * 100 + value[3]


def encode(message: Message, key: bytes = b"") -> bytes:
    """The packet, with MESSAGE-INTEGRITY (SHA-1) when there is a key."""
    body = b"".join(_attribute(number, value) for number, value in message.attributes)
    kind = (message.method & 0xF80) << 2 | (message.method & 0x70) << 1 | message.method & 0xF | message.kind
    if key:
        length = len(body) + _FIELD.size + _INTEGRITY_BYTES
        head = HEADER.pack(kind, length, COOKIE, message.transaction)
        body += _attribute(Attribute.MESSAGE_INTEGRITY, hmac.new(key, head + body, hashlib.sha1).digest())
    return HEADER.pack(kind, len(body), COOKIE, message.transaction) + body


def decode(data: bytes) -> Message:
    """A whole packet. Raises MalformedError. Bytes after its end are an error, as UDP carries one message alone."""
    if not HEADER.size <= len(data) <= LONGEST:
        raise MalformedError(f"{len(data)} bytes are no STUN message")
    kind, length, cookie, transaction = HEADER.unpack_from(data)
    if kind & 0xC000 or cookie != COOKIE or length % 4 or HEADER.size + length != len(data):
        raise MalformedError("this is no STUN message")
    attributes: list[tuple[int, bytes]] = []
    offset = HEADER.size
    while offset < len(data):
        if len(attributes) == MOST_ATTRIBUTES:
            raise MalformedError(f"more than {MOST_ATTRIBUTES} attributes")
        number, size = _FIELD.unpack_from(data, offset)
        value = data[offset + _FIELD.size : offset + _FIELD.size + size]
        if len(value) != size:
            raise MalformedError("an attribute is cut off")
        if number == Attribute.FINGERPRINT:
            _check_fingerprint(data, offset, value)
        attributes.append((number, value))
        offset += _FIELD.size + size + -size % 4
    method = kind >> 2 & 0xF80 | kind >> 1 & 0x70 | kind & 0xF
    return Message(method, Class(kind & 0x110), transaction, tuple(attributes))


def change_request(*, ip: bool, port: bool) -> tuple[int, bytes]:
    """Asks the server to answer from its other address or port (RFC 5780 section 7.2)."""
    return Attribute.CHANGE_REQUEST, struct.pack("!I", ip << 2 | port << 1)


def address(number: Attribute, endpoint: Endpoint, transaction: bytes) -> tuple[int, bytes]:
    """An attribute with an address."""
    packed, port = endpoint.address.packed, endpoint.port
    if number in _XORED:
        packed, port = _xor(packed, transaction), port ^ COOKIE >> 16
    return number, struct.pack("!BBH", 0, 1 if endpoint.address.version == 4 else 2, port) + packed


def long_term_key(user: str, realm: str, password: str) -> bytes:
    """RFC 8489 section 9.2.2, for text that SASLprep leaves alone."""
    return hashlib.md5(f"{user}:{realm}:{password}".encode(), usedforsecurity=False).digest()


def _attribute(number: int, value: bytes) -> bytes:
    return _FIELD.pack(number, len(value)) + value + bytes(-len(value) % 4)


def _endpoint(value: bytes, transaction: bytes | None) -> Endpoint:
    sizes = {1: 4, 2: 16}
    if len(value) < 4 or value[1] not in sizes or len(value) != 4 + sizes[value[1]]:
        raise MalformedError("an address that is none")
    (port,) = struct.unpack_from("!H", value, 2)
    packed = value[4:]
    if transaction is not None:
        packed, port = _xor(packed, transaction), port ^ COOKIE >> 16
    return Endpoint(ip_address(packed), port)


def _xor(packed: bytes, transaction: bytes) -> bytes:
    mask = struct.pack("!I", COOKIE) + transaction
    return bytes(one ^ other for one, other in zip(packed, mask, strict=False))


def _check_fingerprint(data: bytes, offset: int, value: bytes) -> None:
    expected = zlib.crc32(data[:offset]) ^ _FINGERPRINT_MASK
    if value != struct.pack("!I", expected):
        raise MalformedError("its fingerprint is wrong")
