"""Differences of the section `admin` as sentences. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.admin import Admin
from voxgate.plan.change import Change, Difference, Kind

if TYPE_CHECKING:
    from collections.abc import Callable


def _whole(difference: Difference) -> Change:
    """The API and the page come or go."""
    if isinstance(difference.new, Admin):
        over = "HTTPS" if difference.new.https else "HTTP"
        return Change(Kind.ADD, "admin", f"serves the web page and the API at {difference.new.listen} ({over})")
    return Change(Kind.REMOVE, "admin", "no longer serves the web page and the API")


#: Key -> how it is told, beside those that `sentences` tells by a name for people.
TABLE: tuple[tuple[tuple[str, ...], Callable[[Difference], Change]], ...] = ((("admin",), _whole),)

#: Keys that are told by old and new value, under a name for people.
NAMED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("admin", "listen"), "web page and API: where they are"),
    (("admin", "tls"), "web page and API: HTTPS"),
    (("admin", "allow_from"), "web page and API: networks that may connect"),
    (("admin", "metrics_from"), "metrics: networks that need no token"),
    (("admin", "turn_origins"), "hosts whose pages may fetch TURN credentials"),
    (("admin", "idle_minutes"), "web page: minutes until an idle session ends"),
    (("admin", "session_hours"), "web page: hours until any session ends"),
)
