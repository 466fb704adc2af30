"""Secrets of our own making, kept in files that only root reads."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from voxgate.errors import HostError
from voxgate.host import files

if TYPE_CHECKING:
    from pathlib import Path

_MODE = 0o600
_FORM = re.compile(r"[0-9a-f]{32}")


def lasting_secret(path: Path) -> str:
    """32 hex digits, made once and read ever after. Raises HostError when the file cannot be used."""
    try:
        found = files.read(path).decode("ascii").strip()
    except (HostError, UnicodeDecodeError):
        found = ""
    if _FORM.fullmatch(found):
        return found
    secret = secrets.token_hex(16)
    files.ensure_folder(path.parent)
    files.write(path, secret.encode(), mode=_MODE)
    return secret
