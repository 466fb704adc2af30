"""Engines' lines on their way to the log: whoever follows an engine by its lines hears them first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate.supervise.keeper import LineSink


@dataclass(frozen=True, slots=True)
class Ears:
    """A `LineSink` before another one. An ear gets each line of its unit and says whether the log shall have it."""

    sink: LineSink
    ears: Mapping[str, Callable[[bytes], bool]]

    def engine_line(self, unit: str, raw: bytes) -> object:
        """Take one line, without its end."""
        ear = self.ears.get(unit)
        return self.sink.engine_line(unit, raw) if ear is None or ear(raw) else None

    def settle(self) -> None:
        """Tell what was left out so far."""
        self.sink.settle()
