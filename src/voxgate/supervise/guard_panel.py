"""The guard in `voxgate status`: who enforces, how many are banned, alerts, feeds. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.guard.telling import time_text
from voxgate.supervise.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voxgate.guard.evidence import Alert
    from voxgate.guard.feeds import FeedState


def guard_panels(
    enforcement: Mapping[str, object], bans: int, alerts: Iterable[Alert], feeds: Mapping[str, FeedState]
) -> tuple[Panel, ...]:
    """Its tables; an edge without feeds and alerts has one."""
    by, reason = str(enforcement["by"]), str(enforcement["reason"])
    said = by + (f" ({reason})" if reason else "")
    told = tuple(alerts)
    return (
        Panel(
            "guard",
            ("guard", "bans"),
            ((f"enforced by {said}", str(bans)),),
            ({"enforced_by": by, "reason": reason, "bans": bans},),
        ),
        Panel(
            "guard_alerts",
            ("not banned, phones are registered there", "phones", "last", "because"),
            tuple((str(one.requester), str(one.phones), time_text(one.at), one.note) for one in told),
            tuple(
                {"network": str(one.requester), "phones": one.phones, "last": time_text(one.at), "note": one.note}
                for one in told
            ),
        ),
        Panel(
            "feeds",
            ("feed", "networks", "read", "problem"),
            tuple(
                (name, str(one.networks), time_text(one.read_at) if one.read_at else "-", one.problem or "-")
                for name, one in feeds.items()
            ),
            tuple(
                {
                    "name": name,
                    "networks": one.networks,
                    "read": time_text(one.read_at) if one.read_at else None,
                    "problem": one.problem,
                }
                for name, one in feeds.items()
            ),
        ),
    )
