"""G.711 in both laws, for 16-bit samples. Source: ITU-T G.711 (11/1988), tables 1a to 2b."""

from __future__ import annotations

from array import array
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MU_BIAS = 0x84
MU_CLIP = 32635


class Law(IntEnum):
    """The value is the static RTP payload type (RFC 3551)."""

    PCMU = 0
    PCMA = 8


def encode(law: Law, samples: Iterable[int]) -> bytes:
    """One octet for each sample; what exceeds 16 bits is clipped."""
    one = _encode_mu if law is Law.PCMU else _encode_a
    return bytes(one(max(-32768, min(32767, sample))) for sample in samples)


def decode(law: Law, octets: bytes) -> array[int]:
    """16-bit samples, one for each octet."""
    table = DECODED[law]
    return array("h", [table[octet] for octet in octets])


def _encode_mu(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    size = min(abs(sample), MU_CLIP) + MU_BIAS
    segment = size.bit_length() - 8
    step = (size >> (segment + 3)) & 0x0F
    return ~(sign | segment << 4 | step) & 0xFF


def _decode_mu(octet: int) -> int:
    octet = ~octet & 0xFF
    size = (((octet & 0x0F) << 3) + MU_BIAS << ((octet & 0x70) >> 4)) - MU_BIAS
    return -size if octet & 0x80 else size


def _encode_a(sample: int) -> int:
    sign = 0x80 if sample >= 0 else 0
    size = (sample if sample >= 0 else -sample - 1) >> 3
    segment = max(0, size.bit_length() - 5)
    step = (size >> (max(1, segment))) & 0x0F
    return (sign | segment << 4 | step) ^ 0x55


def _decode_a(octet: int) -> int:
    octet ^= 0x55
    segment = (octet & 0x70) >> 4
    size = ((octet & 0x0F) << 4) + 8
    if segment:
        size = (size + 0x100) << (segment - 1)
    return size if octet & 0x80 else -size


def _table(one: Callable[[int], int]) -> tuple[int, ...]:
    return tuple(one(octet) for octet in range(256))


DECODED = {Law.PCMU: _table(_decode_mu), Law.PCMA: _table(_decode_a)}
