"""LDAP messages as clients and servers send them, built without the code under test."""

from __future__ import annotations


def tlv(tag: int, *parts: bytes, long: bool = False) -> bytes:
    """An element; `long`: its length in four octets, as Windows writes it."""
    content = b"".join(parts)
    size = len(content)
    if long:
        return bytes((tag, 0x84)) + size.to_bytes(4, "big") + content
    if size < 128:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def message(identity: int, operation: bytes, *, long: bool = False) -> bytes:
    """An LDAPMessage."""
    octets = identity.to_bytes(identity.bit_length() // 8 + 1, "big")
    return tlv(0x30, tlv(0x02, octets), operation, long=long)


def bind(name: str, word: str = "pw", identity: int = 1, *, long: bool = False) -> bytes:
    """A simple bind, version 3."""
    parts = (tlv(0x02, b"\x03"), tlv(0x04, name.encode(), long=long), tlv(0x80, word.encode(), long=long))
    return message(identity, tlv(0x60, *parts, long=long), long=long)


def sasl_bind(mechanism: str, credentials: bytes = b"", identity: int = 1) -> bytes:
    """A SASL bind."""
    parts = (tlv(0x02, b"\x03"), tlv(0x04), tlv(0xA3, tlv(0x04, mechanism.encode()), tlv(0x04, credentials)))
    return message(identity, tlv(0x60, *parts))


def search(base: str = "", identity: int = 2) -> bytes:
    """Everything below `base`."""
    zero = tlv(0x02, b"\0")
    scope = (tlv(0x04, base.encode()), tlv(0x0A, b"\2"), tlv(0x0A, b"\0"), zero, zero, tlv(0x01, b"\0"))
    return message(identity, tlv(0x63, *scope, tlv(0x87, b"objectClass"), tlv(0x30)))


def extended(oid: str, identity: int = 1) -> bytes:
    """An extended request without a value."""
    return message(identity, tlv(0x77, tlv(0x80, oid.encode())))


def result(tag: int, code: int, identity: int, text: str = "", *more: bytes) -> bytes:
    """A response."""
    return message(identity, tlv(tag, tlv(0x0A, bytes((code,))), tlv(0x04), tlv(0x04, text.encode()), *more))


def entry(size: int, identity: int = 2) -> bytes:
    """One found entry with a value of so many bytes."""
    value = tlv(0x31, tlv(0x04, b"x" * size))
    return message(identity, tlv(0x64, tlv(0x04, b"cn=a,dc=b"), tlv(0x30, tlv(0x30, tlv(0x04, b"photo"), value))))


STARTTLS = "1.3.6.1.4.1.1466.20037"
WHOAMI = "1.3.6.1.4.1.4203.1.11.3"
UNBIND = message(9, tlv(0x42))
ABANDON = message(9, b"\x50\x01\x02")
SEARCH_DONE = result(0x65, 0, 2)
BOUND = result(0x61, 0, 1)
