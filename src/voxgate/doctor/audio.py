"""Audio of a test call: G.711 A-law (RFC 3551) with a tone, and whether a tone comes back. Pure."""

from __future__ import annotations

import math
import struct
from typing import Final

RATE: Final = 8000
FRAME: Final = 160
#: A tone that no PBX sends by itself: dial, ring and busy tones are at 350 to 620 Hz.
TONE_HZ: Final = 1700
PCMA: Final = 8
_HEAD: Final = struct.Struct("!BBHII")
#: Of all that is heard, so much must be at the tone.
_SHARE: Final = 0.25
_QUIET: Final = 100.0


def packet(number: int, source: int) -> bytes:
    """The RTP packet of that number, 20 ms of the tone (RFC 3550 section 5.1)."""
    return _HEAD.pack(0x80, PCMA, number & 0xFFFF, number * FRAME, source) + _TONE[number % len(_TONE)]


def sequence_of(data: bytes) -> int | None:
    """The number of an RTP packet with audio; None: it is none."""
    if len(data) <= _HEAD.size or data[0] >> 6 != 2 or 64 <= data[1] & 0x7F < 96:
        return None
    return int.from_bytes(data[2:4], "big")


def lost(numbers: list[int]) -> float:
    """The share of packets that is missing between the first and the last; numbers wrap round."""
    if len(numbers) < 2:
        return 0.0
    steps = [(number - numbers[0] + 0x8000) % 0x10000 - 0x8000 for number in numbers]
    wanted = max(steps) - min(steps) + 1
    return 1 - len(set(steps)) / wanted


def has_tone(payloads: list[bytes], hz: int = TONE_HZ) -> bool:
    """Whether the tone is in A-law audio: its power at that frequency (Goertzel) against all of it."""
    samples = [_LINEAR[byte] for payload in payloads for byte in payload]
    power = sum(one * one for one in samples) / max(len(samples), 1)
    if power < _QUIET * _QUIET:
        return False
    turn = 2 * math.cos(2 * math.pi * hz / RATE)
    found = 0.0
    blocks = 0
    for at in range(0, len(samples) - FRAME + 1, FRAME):
        one = two = 0.0
        for sample in samples[at : at + FRAME]:
            one, two = sample + turn * one - two, one
        found += (one * one + two * two - turn * one * two) * 2 / (FRAME * FRAME)
        blocks += 1
    return blocks > 0 and found / blocks > _SHARE * power


def _expand(byte: int) -> int:
    byte ^= 0x55
    level, exponent = (byte & 0x0F) << 4, (byte & 0x70) >> 4
    size = level + 8 if exponent == 0 else (level + 0x108) << (exponent - 1)
    return size if byte & 0x80 else -size


_LINEAR: Final = tuple(_expand(byte) for byte in range(256))


def _compress(sample: int) -> int:
    return min(range(256), key=lambda byte: abs(_LINEAR[byte] - sample))


def _tone() -> tuple[bytes, ...]:
    # 17 waves in 80 samples: one frame is as good as any other.
    wave = [round(8000 * math.sin(2 * math.pi * TONE_HZ * at / RATE)) for at in range(80)]
    known = bytes(_compress(sample) for sample in wave)
    return (known * (FRAME // 80),)


_TONE: Final = _tone()
