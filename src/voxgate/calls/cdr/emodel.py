"""How good a call sounds, from what is lost and how late it comes: the E-model in its short form. Pure.

Source: ITU-T G.107 with its default values (R = 93.2 without any impairment) and its annex B for R -> MOS; the share
of delay as Cole and Rosenbluth shortened it ("Voice over IP Performance Monitoring", 2001); codecs by ITU-T G.113
appendix I.
"""

from __future__ import annotations

from typing import Final

_BEST: Final = 93.2
#: One way, above which people begin to interrupt each other.
_LATE_MS: Final = 177.3
#: Name of the codec -> how much it impairs by itself, how well it bears loss. Others as G.711 with concealment.
_CODECS: Final = {
    "g729": (11.0, 19.0),
    "g723": (15.0, 16.1),
    "gsm": (20.0, 10.0),
    "amr": (5.0, 10.0),
    "ilbc": (11.0, 32.0),
}
_G711: Final = (0.0, 25.1)
#: A jitter buffer holds twice the jitter, and a phone needs that long by itself.
_BUFFER: Final = 2.0
_PHONE_MS: Final = 10.0


def mos(lost_percent: float, jitter_ms: float = 0.0, delay_ms: float = 0.0, codec: str = "") -> float:
    """1.0 to 4.5; `delay_ms` is that of the way, in one direction."""
    late_ms = max(0.0, delay_ms) + _BUFFER * max(0.0, jitter_ms) + _PHONE_MS
    impairs, bears = _CODECS.get(codec.lower(), _G711)
    lost = min(max(0.0, lost_percent), 100.0)
    rating = _BEST - _of_delay(late_ms) - (impairs + (95 - impairs) * lost / (lost + bears))
    return round(_of_rating(rating), 2)


def _of_delay(late_ms: float) -> float:
    return 0.024 * late_ms + 0.11 * max(0.0, late_ms - _LATE_MS)


def _of_rating(rating: float) -> float:
    if rating <= 0:
        return 1.0
    if rating >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating))
