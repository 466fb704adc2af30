"""What `voxgate calls` tells. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from voxgate.supervise.control import Told
from voxgate.supervise.panel import section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class RunningCall(Protocol):
    """One answered call."""

    @property
    def call_id(self) -> str:
        """Its Call-ID."""

    @property
    def caller(self) -> str:
        """URI of From."""

    @property
    def callee(self) -> str:
        """URI of To."""

    @property
    def pbxs(self) -> tuple[str, ...]:
        """The PBXs it goes through."""

    @property
    def since(self) -> datetime | None:
        """When it was answered."""


def calls_told(calls: Sequence[RunningCall]) -> Told:
    """`{"calls": [{"call_id", "caller", "callee", "pbxs", "since"}]}`, since in RFC 3339 UTC or null."""
    rows = []
    data = []
    for call in calls:
        since = call.since.strftime("%Y-%m-%dT%H:%M:%SZ") if call.since else None
        # What phones sent is shown only where a terminal takes it as text.
        names = [_printable(text) for text in (call.caller, call.callee, call.call_id)]
        rows.append((since or "-", ", ".join(call.pbxs) or "-", *names))
        data.append(
            {
                "call_id": call.call_id,
                "caller": call.caller,
                "callee": call.callee,
                "pbxs": list(call.pbxs),
                "since": since,
            }
        )
    table = section(("since", "PBX", "from", "to", "Call-ID"), rows)[1:]
    return Told({"calls": data}, "\n".join(table) or "no calls")


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
