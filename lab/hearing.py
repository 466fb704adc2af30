"""Did the two ends of a call hear each other? A verdict in words, from what each side's recording holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.tones import Heard


class Sound(Enum):
    """The kinds of verdict."""

    OK = "ok"
    LOSS = "loss"
    ONE_WAY = "one-way"
    WRONG = "wrong tone"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a call: its name, the tone it should hear (the other's), and what it did hear."""

    name: str
    expects_hz: int
    heard: Heard

    def hears(self, shortest_s: float) -> bool:
        """Does it hear the other one, long enough to speak of a conversation?"""
        return self.heard.tone_hz == self.expects_hz and self.heard.seconds >= shortest_s


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, and the sentence for a person; true in a condition when all is well."""

    sound: Sound
    words: str

    def __bool__(self) -> bool:
        return self.sound is Sound.OK

    def __str__(self) -> str:
        return self.words


def two_way(a: End, b: End, *, shortest_s: float = 1.0, loss_limit_percent: float = 5.0) -> Verdict:
    """Judge a call. ``shortest_s``: less audio than this does not count; ``loss_limit_percent``: more is a fault."""
    a_hears, b_hears = a.hears(shortest_s), b.hears(shortest_s)
    for end, hears in ((a, a_hears), (b, b_hears)):
        if not hears and end.heard.tone_hz not in (None, end.expects_hz):
            return Verdict(Sound.WRONG, f"{end.name} hears {end.heard.tone_hz} Hz instead of {end.expects_hz} Hz")
    if not a_hears and not b_hears:
        return Verdict(Sound.SILENCE, f"silence: neither {a.name} nor {b.name} hears anything")
    if a_hears != b_hears:
        deaf, talker = (b, a) if a_hears else (a, b)
        return Verdict(Sound.ONE_WAY, f"one-way: {deaf.name} does not hear {talker.name}")
    worst = max((a, b), key=lambda end: end.heard.loss_percent)
    if worst.heard.loss_percent > loss_limit_percent:
        return Verdict(Sound.LOSS, f"loss: {worst.name} misses {worst.heard.loss_percent} %")
    shortest = min(a.heard.seconds, b.heard.seconds)
    return Verdict(Sound.OK, f"ok: {a.name} and {b.name} hear each other for {shortest} s or more")
