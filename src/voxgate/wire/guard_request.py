"""What the guard is asked over the control socket, as one value.

    {"verb": "guard", "action": "bans" | "ban" | "unban" | "allow" | "disallow" | "move" | "why" | "import",
     "network": text, "minutes": N or null, "note": text, "path": text}

`network` is an address or a network; `move` takes a ban to the white list; `path` is the file of an import.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from voxgate.errors import PeerError

VERB: Final = "guard"


class GuardAction(StrEnum):
    """What is to be done."""

    BANS = "bans"
    BAN = "ban"
    UNBAN = "unban"
    ALLOW = "allow"
    DISALLOW = "disallow"
    MOVE = "move"
    WHY = "why"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class GuardRequest:
    """One question or order; `minutes` None: for good."""

    action: GuardAction
    network: str = ""
    minutes: int | None = None
    note: str = ""
    path: str = ""


def guard_request(fields: dict[str, Any]) -> GuardRequest:
    """The request in the fields of a line. Raises PeerError."""
    match fields:
        case {
            "action": str(action),
            "network": str(network),
            "minutes": int() | None as minutes,
            "note": str(note),
            "path": str(path),
            **rest,
        } if not rest and action in set(GuardAction) and not isinstance(minutes, bool):
            return GuardRequest(GuardAction(action), network, minutes, note, path)
    raise PeerError("not a request to the guard")
