"""What the router tells the control plane of a request: the access log's line, and whether it was suspicious. Pure.

One JSON object a line: `{"access": {...}, "kind": "auth_failure" or "", "user": ..., "detail": ...}`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from voxgate.guard.observation import Kind
from voxgate.wire.access_line import AccessLine, parse

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))


class Report(NamedTuple):
    """One request. `kind` None: nothing suspicious. `user` and `detail` are as in an observation."""

    access: AccessLine
    kind: Kind | None = None
    user: str = ""
    detail: str = ""

    def render(self) -> bytes:
        """The line with its end."""
        kind = self.kind or ""
        values = {"access": self.access.values(), "kind": kind, "user": self.user, "detail": self.detail}
        return _ENCODER.encode(values).encode() + b"\n"


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


def time_of(wall_s: float) -> str:
    """The access log's form of a time, which is in seconds since 1970."""
    milliseconds = int(wall_s * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=4)
def _second(wall_s: int) -> str:
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
