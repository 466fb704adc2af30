"""Waiting for what a test has set off, within a bound."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def until(holds: Callable[[], bool], timeout_s: float = 60) -> None:
    """Until it holds; it fails the test when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "does not hold in time"
        time.sleep(0.05)
