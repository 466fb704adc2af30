"""Whether what we print is kept by systemd's journal, which more people read than a console (systemd.exec(5))."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Whether `descriptor` leads there. The variable alone says little: what a service starts inherits it."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM", "") == f"{found.st_dev}:{found.st_ino}"
