"""HEPv3, the packets of the Homer capture protocol: chunks of vendor, type, length and payload. Pure.

Source: "HEP/EEP protocol, version 3" of the sipcapture project; only vendor 0, and of its types what is in `Packet`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from voxgate.errors import PeerError

PORT: Final = 9060
_MAGIC: Final = b"HEP3"
_HEAD: Final = struct.Struct("!4sH")
_CHUNK: Final = struct.Struct("!HHH")
_SIP: Final = 1
_FAMILY, _PROTO, _PORTS, _TIME_S, _TIME_US = 1, 2, (7, 8), 9, 10
_KIND, _CAPTURE, _PAYLOAD, _CORRELATION = 11, 12, 15, 17
_ADDRESSES: Final = {2: (3, 4), 10: (5, 6)}
TCP: Final = 6
UDP: Final = 17


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured SIP message; `proto` is TCP or UDP, `epoch_s` when it passed."""

    source: str
    source_port: int
    target: str
    target_port: int
    proto: int
    epoch_s: float
    payload: bytes
    capture_id: int = 1
    correlation: bytes = b""


def encode(packet: Packet) -> bytes:
    """The datagram. Raises PeerError when it is longer than HEP can say."""
    source, target = ip_address(packet.source), ip_address(packet.target)
    family = 2 if source.version == 4 else 10
    seconds, micros = divmod(round(packet.epoch_s * 1_000_000), 1_000_000)
    chunks = [
        (_FAMILY, struct.pack("!B", family)),
        (_PROTO, struct.pack("!B", packet.proto)),
        (_ADDRESSES[family][0], source.packed),
        (_ADDRESSES[family][1], target.packed),
        (_PORTS[0], struct.pack("!H", packet.source_port)),
        (_PORTS[1], struct.pack("!H", packet.target_port)),
        (_TIME_S, struct.pack("!I", seconds)),
        (_TIME_US, struct.pack("!I", micros)),
        (_KIND, struct.pack("!B", _SIP)),
        (_CAPTURE, struct.pack("!I", packet.capture_id)),
        (_CORRELATION, packet.correlation),
        (_PAYLOAD, packet.payload),
    ]
    body = b"".join(_CHUNK.pack(0, kind, 6 + len(value)) + value for kind, value in chunks if value)
    if len(body) + 6 > 65_535:
        raise PeerError("hep: a message that is too long")
    return _HEAD.pack(_MAGIC, 6 + len(body)) + body


def decode(data: bytes) -> Packet:
    """The message in a datagram. Raises PeerError."""
    chunks = _chunks(data)
    try:
        family = chunks[_FAMILY][0]
        first, second = _ADDRESSES[family]
        kind = IPv4Address if family == 2 else IPv6Address
        return Packet(
            str(kind(chunks[first])),
            _number(chunks[_PORTS[0]]),
            str(kind(chunks[second])),
            _number(chunks[_PORTS[1]]),
            chunks[_PROTO][0],
            _number(chunks[_TIME_S]) + _number(chunks[_TIME_US]) / 1_000_000,
            chunks[_PAYLOAD],
            _number(chunks.get(_CAPTURE, b"\x01")),
            chunks.get(_CORRELATION, b""),
        )
    except (KeyError, IndexError, ValueError) as error:
        raise PeerError("hep: not a SIP message") from error


def _chunks(data: bytes) -> dict[int, bytes]:
    if len(data) < _HEAD.size or not data.startswith(_MAGIC) or _HEAD.unpack_from(data)[1] != len(data):
        raise PeerError("hep: not a packet of version 3")
    found, at = {}, _HEAD.size
    while at < len(data):
        if at + _CHUNK.size > len(data):
            raise PeerError("hep: cut short")
        vendor, kind, length = _CHUNK.unpack_from(data, at)
        if length < _CHUNK.size or at + length > len(data):
            raise PeerError("hep: cut short")
        if vendor == 0:
            found[kind] = data[at + _CHUNK.size : at + length]
        at += length
    return found


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")
