"""How one certificate is: what is shown, when it is ordered again, what is wrong with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.certs import schedule
from voxgate.certs.store import DEFAULT, Origin, Shown
from voxgate.config.chain import covers

if TYPE_CHECKING:
    from voxgate.certs.order import Wanted
    from voxgate.certs.shelf import Issued

#: Renewal by hand takes a week in most companies.
_WARN_S: Final = 14 * 86400.0


@dataclass(frozen=True, slots=True)
class Standing:
    """One certificate as people ask for it. `next_s`: when an order is due, None where nobody orders.

    `alarm`: what is wrong with it, empty when all is well.
    """

    shown: Shown
    next_s: float | None
    alarm: str


def by_hand(shown: Shown, now_s: float) -> Standing:
    """One that nobody orders; the default one's end is told by `status` itself."""
    left_s = shown.expires.timestamp() - now_s
    soon = shown.origin is not Origin.OWN and left_s < min(_WARN_S, _length_s(shown) / 6)
    words = "expired" if left_s <= 0 else "expires soon"
    return Standing(shown, None, words if soon and shown.name != DEFAULT else "")


def by_acme(shown: Shown, issued: Issued | None, wanted: Wanted, memory: schedule.Memory, now_s: float) -> Standing:
    """One that ACME signs; what is overdue is due now."""
    due = max(schedule.due_s(life_of(shown, issued, wanted), memory, wanted.digest), now_s)
    return Standing(shown, due, memory.error if memory.wanted == wanted.digest else "")


def life_of(shown: Shown, issued: Issued | None, wanted: Wanted) -> schedule.Life | None:
    """The life of what ACME signed; None where something else is shown."""
    if shown.origin is not Origin.ACME or issued is None:
        return None
    complete = all(one in shown.names or covers(shown.names, one) for one in wanted.names)
    fits = complete and issued.directory == wanted.acme.directory
    return schedule.Life(shown.begins.timestamp(), shown.expires.timestamp(), fits)


def _length_s(shown: Shown) -> float:
    return (shown.expires - shown.begins).total_seconds()
