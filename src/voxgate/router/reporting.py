"""What the router tells the control plane of a request: the access log's line, and whether it was suspicious. Pure.

One JSON object a line: `{"access": {...}, "kind": "auth_failure" or "", "user": ..., "detail": ...}`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from voxgate.guard.observation import Kind
from voxgate.wire.access_line import AccessLine, parse

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Report:
    """One request. `kind` None: nothing suspicious. `user` and `detail` are as in an observation."""

    access: AccessLine
    kind: Kind | None = None
    user: str = ""
    detail: str = ""

    def render(self) -> bytes:
        """The line with its end."""
        values = {"access": asdict(self.access), "kind": self.kind or "", "user": self.user, "detail": self.detail}
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def read(line: bytes) -> Report | None:
    """What a line says; None for anything but such a line."""
    try:
        found = json.loads(line)
        access = parse(json.dumps(found["access"]).encode())
        kind = Kind(found["kind"]) if found["kind"] else None
        user, detail = str(found["user"]), str(found["detail"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Report(access, kind, user, detail) if access else None


def time_of(moment: datetime) -> str:
    """The access log's form of a time in UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
