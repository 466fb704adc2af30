"""What the verbs about users and tokens share: where they are kept, and who is at the keyboard."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

from voxgate.errors import HostError

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path


def admin_folder(arguments: Namespace) -> Path:
    """Where users, tokens and the audit log are. Raises HostError for who may not look there."""
    state: Path = arguments.state_dir
    folder = state / "admin"
    if state.exists() and not os.access(state, os.R_OK | os.W_OK | os.X_OK):
        raise HostError(f"{folder} may not be opened", "run this as root, or with sudo")
    return folder


def who() -> str:
    """The user who types, also behind sudo."""
    name = os.environ.get("SUDO_USER", "") if os.getuid() == 0 else ""
    if name:
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
