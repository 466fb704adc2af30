"""Which lines of the log somebody wants to see. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical")
#: Words of one PBX: its nodes and its names.
_MOST_WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Empty is no condition. `call` is a Call-ID; a line holds `words` when it holds one of them as a whole: an
    address with or without a port, a name that is no part of a longer one. `pbx` is one more way to mean that PBX.
    """

    unit: str = ""
    level: str = ""
    text: str = ""
    call: str = ""
    address: str = ""
    pbx: str = ""
    words: tuple[str, ...] = ()
    _patterns: tuple[re.Pattern[str], ...] = field(init=False)

    def __post_init__(self) -> None:
        patterns = [_any_of([self.address])] if self.address else []
        if self.pbx and self.words:
            patterns.append(_any_of(self.words[:_MOST_WORDS]))
        object.__setattr__(self, "_patterns", tuple(patterns))

    def takes(self, unit: str, level: str) -> bool:
        """Whether lines of this unit and level may be wanted at all."""
        least = LEVELS.index(self.level) if self.level in LEVELS else 0
        return (not self.unit or unit == self.unit) and (level not in LEVELS or LEVELS.index(level) >= least)

    def wants(self, line: Mapping[str, Any]) -> bool:
        """Whether this line (`log_ring.line_of`) is one of them."""
        values = [str(value) for value in line.values()]
        if self.text and not any(self.text.lower() in value.lower() for value in values):
            return False
        if self.call and not any(self.call in value for value in values):
            return False
        patterns = self._patterns
        if self.pbx:
            if line.get("pbx") == self.pbx:
                patterns = patterns[:1] if self.address else ()
            elif not self.words:
                return False
        return all(any(pattern.search(value) for value in values) for pattern in patterns)


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_whole, words)), re.IGNORECASE)


def _whole(word: str) -> str:
    if ":" in word:
        return rf"(?<![0-9a-f:.]){re.escape(word)}(?![0-9a-f:.])"
    return rf"(?<![\w.-]){re.escape(word)}(?![\w-]|\.\w)"
