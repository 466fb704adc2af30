"""What `voxgate status` shows of trunks that register. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD = ("trunk", "registration", "until", "because")


@dataclass(frozen=True, slots=True)
class TrunkStatus:
    """A registration: `state` is starting, registered, refused or unreachable; `until` is its granted end."""

    name: str
    state: str
    reason: str
    until: datetime | None

    def to_json(self) -> dict[str, object]:
        """Times as RFC 3339 UTC."""
        return {"name": self.name, "registration": self.state, "reason": self.reason, "until": _time(self.until)}

    def row(self) -> tuple[str, ...]:
        """The same for people, below `HEAD`."""
        return (self.name, self.state, _time(self.until) or "-", self.reason or "-")


def flaws(trunks: Iterable[TrunkStatus]) -> list[str]:
    """Trunks that are not as configured."""
    return [
        f"trunk {trunk.name} is not registered: {trunk.reason or trunk.state}"
        for trunk in trunks
        if trunk.state in {"refused", "unreachable"}
    ]


def _time(time: datetime | None) -> str | None:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else None
