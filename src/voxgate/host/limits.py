"""What the system lets this process and its engines have."""

from __future__ import annotations

import contextlib
import resource

OPEN_FILES = 65536
"""What an engine may have open: 16,384 connections, and two sockets for each of 10,000 media ports."""


def raise_open_files() -> int:
    """Let this process and all it starts have `OPEN_FILES` files open, or as many as it is allowed; gives how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    if not unlimited and hard < OPEN_FILES:
        # Only root may; in a container perhaps not even root.
        with contextlib.suppress(ValueError, PermissionError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
            return OPEN_FILES
    wanted = OPEN_FILES if unlimited else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft
