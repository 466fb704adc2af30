"""Tones as call markers: each end of a call plays its own, so a recording says whom it heard, how long and how well.

Files are WAV, 8 kHz, mono, 16-bit PCM. Source of the detector: Goertzel (1958), here as a plain correlation over
short windows, which is the same value for a whole number of windows.
"""

from __future__ import annotations

import math
import struct
import sys
import wave
from array import array
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RATE = 8000
"""Samples per second of everything in the lab."""
TONES = (350, 440, 530, 620, 710, 800, 890, 980, 1070, 1160, 1250, 1340, 1430, 1520)
"""Candidate frequencies in Hz: far enough apart for a window, and none in what G.711 adds to another."""
WINDOW = 320
"""Samples of the window that names a tone: 40 ms, 25 Hz wide."""
STEP = 80
"""Samples of the window that finds gaps: 10 ms, half an RTP packet."""
LOUD = 300
"""Root mean square below which a window is silence."""
SHORTEST_S = 0.2
"""Less of a tone than this was not heard."""


class RecordingError(Exception):
    """A file that is not a recording of ours: not WAV, other rate, other sample size."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recording holds: the strongest of `TONES` (None: nothing), seconds of it, and the share that is missing
    between its first and its last appearance.

    ``others_hz``: further tones of at least 0.2 s.
    """

    tone_hz: int | None
    seconds: float
    loss_percent: float
    others_hz: tuple[int, ...] = ()


NOTHING = Heard(None, 0.0, 0.0)


def tone(hz: int, seconds: float, amplitude: int = 8000) -> array[int]:
    """Samples of a sine."""
    turn = 2 * math.pi * hz / RATE
    return array("h", [round(amplitude * math.sin(turn * n)) for n in range(round(seconds * RATE))])


def write(path: Path, samples: array[int]) -> None:
    """Write a WAV file. Raises OSError."""
    data = array("h", samples)
    if sys.byteorder == "big":
        data.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(data.tobytes())


def read(path: Path) -> array[int]:
    """Samples of a WAV file; a file whose header was never completed counts up to its end.

    Raises OSError, and RecordingError for another format. A phone that was killed leaves the sizes in the header
    zero, which is why the ``wave`` module does not do.
    """
    octets = path.read_bytes()
    if octets[:4] != b"RIFF" or octets[8:12] != b"WAVE":
        raise RecordingError(f"{path}: not a WAV file")
    at = 12
    while at + 8 <= len(octets):
        kind, size = struct.unpack_from("<4sI", octets, at)
        at += 8
        if kind == b"fmt ":
            layout = struct.unpack_from("<HHIIHH", octets, at)
            if (layout[1], layout[2], layout[5]) != (1, RATE, 16):
                raise RecordingError(f"{path}: want mono, {RATE} Hz, 16 bit, found {layout}")
        if kind == b"data":
            end = at + size if 0 < size <= len(octets) - at else len(octets)
            samples = array("h", octets[at : end - (end - at) % 2])
            if sys.byteorder == "big":
                samples.byteswap()
            return samples
        at += size + size % 2
    raise RecordingError(f"{path}: no samples in it")


def listen(samples: array[int]) -> Heard:
    """Which tone is in there, for how long, with how much missing."""
    counts: dict[int, int] = {}
    for start in range(0, len(samples) - WINDOW + 1, WINDOW):
        found = _named(samples[start : start + WINDOW])
        if found is not None:
            counts[found] = counts.get(found, 0) + 1
    audible = {hz: count for hz, count in counts.items() if count * WINDOW / RATE >= SHORTEST_S}
    if not audible:
        return NOTHING
    best = max(audible, key=lambda hz: audible[hz])
    seconds, loss = _continuity(samples, best)
    return Heard(best, seconds, loss, tuple(sorted(hz for hz in audible if hz != best)))


def _named(window: Sequence[int]) -> int | None:
    """The tone that makes up at least half of the window's energy."""
    energy = sum(map(mul, window, window))
    if energy < LOUD * LOUD * len(window):
        return None
    powers = {hz: _power(window, hz) for hz in TONES}
    best = max(powers, key=lambda hz: powers[hz])
    return best if powers[best] >= energy / 2 else None


def _power(window: Sequence[int], hz: int) -> float:
    """Energy of the window that lies in that frequency (its total energy for a pure sine)."""
    cosines, sines = _basis(hz, len(window))
    real: float = sum(map(mul, window, cosines))
    imaginary: float = sum(map(mul, window, sines))
    return 2 * (real * real + imaginary * imaginary) / len(window)


@lru_cache(maxsize=128)
def _basis(hz: int, size: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    turn = 2 * math.pi * hz / RATE
    return tuple(math.cos(turn * n) for n in range(size)), tuple(math.sin(turn * n) for n in range(size))


def _continuity(samples: array[int], hz: int) -> tuple[float, float]:
    """Seconds the tone sounds, and percent of the time from first to last appearance that it does not.

    Measured against the median power of the windows that hold the tone at all, so the volume does not matter.
    """
    powers = [_power(samples[n : n + STEP], hz) for n in range(0, len(samples) - STEP + 1, STEP)]
    floor = LOUD * LOUD * STEP / 2
    present = sorted(power for power in powers if power > floor)
    if not present:
        return 0.0, 0.0
    whole = present[len(present) // 2]
    # The amplitude says which part of a window is filled, so gaps need not begin at a window.
    filled = [_part(math.sqrt(power / whole)) for power in powers]
    first = next(n for n, part in enumerate(filled) if part)
    last = len(filled) - 1 - next(n for n, part in enumerate(reversed(filled)) if part)
    count = sum(filled)
    inner = sum(filled[first + 1 : last])
    loss = 1 - inner / (last - first - 1) if last - first > 1 else 0.0
    return round(count * STEP / RATE, 2), round(100 * loss, 1)


def _part(amplitude: float) -> float:
    """Share of a window that is filled; what G.711 and leakage do to it is rounded away."""
    if amplitude < 0.15:
        return 0.0
    return 1.0 if amplitude > 0.85 else amplitude
