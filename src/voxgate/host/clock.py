"""Wall and monotonic time as a port, so that decisions about time can be tested without waiting."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, twice: for people and for measuring."""

    def wall(self) -> datetime:
        """Return the time of day in UTC; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment; it never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> datetime:
        """Return the time of day in UTC, with time zone."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of CLOCK_MONOTONIC, the clock of asyncio's loop too."""
        return time.monotonic()
