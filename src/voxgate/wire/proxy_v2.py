"""The PROXY protocol, version 2: who a relayed connection comes from, and what TLS found out about it.

`parse` and `build` are the codec (pure). Source: HAProxy's doc/proxy-protocol.txt, sections 2.2 and 2.2.x; where a
value there leaves room, this is what HAProxy 2.6 and 3.0 send.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from voxgate.errors import PeerError

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
#: HAProxy's header with a certificate's name is some 200 bytes; the format allows 64 KiB.
LONGEST: Final = 4096

_FIXED: Final = 16
_LOCAL, _PROXY = 0, 1
_TCP4, _TCP6 = 0x11, 0x21
_ADDRESSES: Final = {_TCP4: 12, _TCP6: 36}
#: Address families that we have no use for; their addresses are passed over (UDP4, UDP6, unix).
_PASSED: Final = {0x00: 0, 0x12: 12, 0x22: 36, 0x31: 216, 0x32: 216}
_ALPN, _AUTHORITY, _SSL, _SSL_VERSION, _SSL_CN = 0x01, 0x02, 0x20, 0x21, 0x22
_CLIENT_SSL, _CERT_CONN, _CERT_SESS = 1, 2, 4

Address = IPv4Address | IPv6Address


# Tuples: one header is read for each connection, and they are made three times faster than frozen dataclasses.
class End(NamedTuple):
    """One end of a connection."""

    address: Address
    port: int


class Tls(NamedTuple):
    """What HAProxy found out when it ended TLS.

    `certificate`: the client showed one, on this connection or in the session that it resumes. `verify` is OpenSSL's
    result, 0 for good; it is 0 as well when no certificate was shown. `common_name` is the certificate's.
    """

    version: str = ""
    certificate: bool = False
    verify: int = 0
    common_name: str = ""

    @property
    def trusted(self) -> bool:
        """Whether a certificate was shown that an authority of the trust list has signed."""
        return self.certificate and self.verify == 0


class Header(NamedTuple):
    """Both ends are None on a connection that the sender opened for itself (a health check).

    `authority` is the name that the client asked for by SNI. `tls` is None where no TLS was spoken.
    """

    source: End | None = None
    destination: End | None = None
    tls: Tls | None = None
    authority: str = ""
    alpn: str = ""


def parse(data: bytes) -> tuple[Header, int] | None:
    """The header at the beginning of `data` and its length in bytes; None when more of it has to come.

    Raises PeerError: no such header, or one that contradicts itself or is longer than `LONGEST`.
    """
    if not data.startswith(SIGNATURE[: len(data)]):
        raise PeerError("no PROXY v2 header")
    if len(data) < _FIXED:
        return None
    version, family, length = data[12], data[13], data[14] << 8 | data[15]
    if version >> 4 != 2 or version & 15 not in {_LOCAL, _PROXY}:
        raise PeerError("not version 2 of the PROXY protocol")
    end = _FIXED + length
    if end > LONGEST:
        raise PeerError("PROXY header too long")
    if len(data) < end:
        return None
    if version & 15 == _LOCAL:
        return Header(), end
    return _header(family, data[_FIXED:end]), end


def build(header: Header) -> bytes:
    """The bytes of `header`. Ends of two families are written as IPv6. TLS facts are not written: we end no TLS."""
    if header.source is None or header.destination is None:
        return SIGNATURE + bytes((0x20 | _LOCAL, 0, 0, 0))
    ends = (header.source, header.destination)
    small = all(end.address.version == 4 for end in ends)
    packed = b"".join(end.address.packed if small else _as_ipv6(end.address) for end in ends)
    body = packed + struct.pack("!HH", header.source.port, header.destination.port)
    body += _tlv(_ALPN, header.alpn) + _tlv(_AUTHORITY, header.authority)
    if len(body) + _FIXED > LONGEST:
        raise ValueError("names too long for a PROXY header")
    return SIGNATURE + struct.pack("!BBH", 0x20 | _PROXY, _TCP4 if small else _TCP6, len(body)) + body


def _header(family: int, body: bytes) -> Header:
    if family in _PASSED:
        if len(body) < _PASSED[family]:
            raise PeerError("PROXY header without its addresses")
        return Header()
    if family not in _ADDRESSES:
        raise PeerError("unknown address family in a PROXY header")
    size = _ADDRESSES[family]
    if len(body) < size:
        raise PeerError("PROXY header without its addresses")
    half = (size - 4) // 2
    source_port, destination_port = struct.unpack_from("!HH", body, size - 4)
    source = End(_address(body[:half]), source_port)
    destination = End(_address(body[half : size - 4]), destination_port)
    if len(body) == size:
        return Header(source, destination)
    found = _values(body[size:])
    return Header(
        source,
        destination,
        tls=_tls(found[_SSL]) if _SSL in found else None,
        authority=_text(found.get(_AUTHORITY, b"")),
        alpn=_text(found.get(_ALPN, b"")),
    )


def _values(data: bytes) -> dict[int, bytes]:
    """The type-length-value fields. Those that nobody knows are the caller's to pass over."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + 3 > len(data):
            raise PeerError("PROXY header with half a field")
        end = at + 3 + (data[at + 1] << 8 | data[at + 2])
        if end > len(data):
            raise PeerError("PROXY header with a field that is cut short")
        found[data[at]] = data[at + 3 : end]
        at = end
    return found


def _tls(value: bytes) -> Tls | None:
    if len(value) < 5:
        raise PeerError("PROXY header with half of its TLS field")
    flags = value[0]
    if not flags & _CLIENT_SSL:
        return None
    found = _values(value[5:])
    return Tls(
        version=_text(found.get(_SSL_VERSION, b"")),
        certificate=bool(flags & (_CERT_CONN | _CERT_SESS)),
        verify=int.from_bytes(value[1:5], "big"),
        common_name=_text(found.get(_SSL_CN, b"")),
    )


def _address(packed: bytes) -> Address:
    """IPv4 in IPv6 form is the IPv4 address: a dual-stack socket shows it so."""
    if len(packed) == 4:
        return IPv4Address(packed)
    address = IPv6Address(packed)
    return address.ipv4_mapped or address


def _as_ipv6(address: Address) -> bytes:
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _text(value: bytes) -> str:
    # A certificate may hold any bytes; what is no UTF-8 equals no name that anybody configured.
    return value.decode("utf-8", "replace")


def _tlv(kind: int, text: str) -> bytes:
    value = text.encode()
    return struct.pack("!BH", kind, len(value)) + value if value else b""
