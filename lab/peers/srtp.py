"""SRTP for the peers: AES in counter mode with 128 bits, HMAC-SHA1 with 80 (RFC 3711), keys in SDP (RFC 4568)."""

from __future__ import annotations

import base64
import hmac
import re
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SUITE = "AES_CM_128_HMAC_SHA1_80"
KEY_BYTES, SALT_BYTES, TAG_BYTES = 16, 14, 10
_ENCRYPTION, _AUTHENTICATION, _SALTING = 0, 1, 2
_HALF = 0x8000


class SrtpError(Exception):
    """A packet that was not made with this key."""


def key_of(body: bytes) -> tuple[str, bytes] | None:
    """Tag and key of the first a=crypto of our suite; None where there is none."""
    found = re.search(rf"(?m)^a=crypto:(\d+) {SUITE} inline:([A-Za-z0-9+/=]+)", body.decode(errors="replace"))
    return (found[1], base64.b64decode(found[2])) if found else None


def line_of(tag: str, key: bytes) -> str:
    """The a=crypto line."""
    return f"a=crypto:{tag} {SUITE} inline:{base64.b64encode(key).decode()}"


def _stream(key: bytes, start: int, count: int) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16, "big"))).encryptor()
    return encryptor.update(bytes(count))


@dataclass(slots=True)
class Srtp:
    """One direction; `key` is master key and salt. Each stream has a roll-over counter of its own."""

    key: bytes
    _secret: bytes = b""
    _auth: bytes = b""
    _salt: int = 0
    _last: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Derive the session keys (section 4.3)."""
        master, salt = self.key[:KEY_BYTES], int.from_bytes(self.key[KEY_BYTES : KEY_BYTES + SALT_BYTES], "big")

        def derived(label: int, count: int) -> bytes:
            return _stream(master, (salt ^ (label << 48)) << 16, count)

        self._secret = derived(_ENCRYPTION, KEY_BYTES)
        self._auth = derived(_AUTHENTICATION, 20)
        self._salt = int.from_bytes(derived(_SALTING, SALT_BYTES), "big")

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet as SRTP."""
        index = self._index(packet)
        body = packet[: _head(packet)] + self._mixed(packet, index)
        self._seen(packet, index)
        return body + self._tag(body, index)

    def unprotect(self, packet: bytes) -> bytes:
        """The RTP packet in an SRTP packet. Raises SrtpError."""
        body, tag = packet[:-TAG_BYTES], packet[-TAG_BYTES:]
        if len(body) < 12:
            raise SrtpError("too short")
        index = self._index(body)
        if not hmac.compare_digest(self._tag(body, index), tag):
            raise SrtpError("not made with this key")
        self._seen(body, index)
        return body[: _head(body)] + self._mixed(body, index)

    def _mixed(self, packet: bytes, index: int) -> bytes:
        payload = packet[_head(packet) :]
        start = (self._salt << 16) ^ (_ssrc(packet) << 64) ^ (index << 16)
        stream = _stream(self._secret, start, len(payload))
        return bytes(one ^ other for one, other in zip(payload, stream, strict=True))

    def _tag(self, body: bytes, index: int) -> bytes:
        return hmac.digest(self._auth, body + struct.pack("!I", index >> 16), "sha1")[:TAG_BYTES]

    def _index(self, packet: bytes) -> int:
        """Section 3.3.1: the index that is nearest to the highest one seen of this stream."""
        sequence = int(struct.unpack_from("!H", packet, 2)[0])
        last = self._last.get(_ssrc(packet), sequence)
        rolls, highest = last >> 16, last & 0xFFFF
        if highest < _HALF and sequence - highest > _HALF:
            rolls -= 1
        elif highest >= _HALF and highest - _HALF > sequence:
            rolls += 1
        return (max(rolls, 0) << 16) | sequence

    def _seen(self, packet: bytes, index: int) -> None:
        ssrc = _ssrc(packet)
        self._last[ssrc] = max(self._last.get(ssrc, index), index)


def _ssrc(packet: bytes) -> int:
    return int(struct.unpack_from("!I", packet, 8)[0])


def _head(packet: bytes) -> int:
    end = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10 and len(packet) >= end + 4:
        end += 4 + 4 * int(struct.unpack_from("!H", packet, end + 2)[0])
    return end
