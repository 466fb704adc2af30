"""Flood control: an attacker who makes an engine write does not fill the disk. Time is an argument.

Two limits for each unit and second: one for all lines, one for lines that begin alike. What was left out is
counted and told in one line when the second is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LINES_PER_S = 200
ALIKE_PER_S = 10
MOST_KINDS = 256  # of lines in one second; strangers choose the words, so their number has a bound
_WORDS = 4


def kind_of(level: str, message: str) -> str:
    """Return what lines that begin alike have in common: level and first words, digits left out."""
    words = "".join(" " if character.isdigit() else character for character in message[:120]).split()
    return " ".join((level, *words[:_WORDS]))


@dataclass(slots=True)
class FloodGate:
    """The lines of one unit."""

    lines_per_s: int = LINES_PER_S
    alike_per_s: int = ALIKE_PER_S
    _second: int = 0
    _lines: int = 0
    _kinds: dict[str, int] = field(default_factory=dict)
    _suppressed: int = 0

    def may_parse(self, now_s: float) -> bool:
        """Tell whether there is room for one more line; a line that is refused is counted as left out."""
        self._turn(now_s)
        self._lines += 1
        if self._lines > self.lines_per_s:
            self._suppressed += 1
            return False
        return True

    def admits(self, kind: str, now_s: float) -> bool:
        """Tell whether a line of this kind may pass; one that may not is counted as left out."""
        self._turn(now_s)
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            kind = ""
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        if self._kinds[kind] > self.alike_per_s:
            self._suppressed += 1
            return False
        return True

    def take_suppressed(self, now_s: float) -> int:
        """Return how many lines were left out in seconds that are over, once."""
        if self._suppressed == 0 or int(now_s) == self._second:
            return 0
        suppressed, self._suppressed = self._suppressed, 0
        return suppressed

    def _turn(self, now_s: float) -> None:
        second = int(now_s)
        if second != self._second:
            self._second = second
            self._lines = 0
            self._kinds.clear()
