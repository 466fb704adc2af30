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

    `alarm`: what is wrong with it, empty when all is well. `lacking`: names that it is to be for, and is not.
    """

    shown: Shown
    next_s: float | None
    alarm: str
    lacking: tuple[str, ...] = ()


def by_hand(shown: Shown, names: tuple[str, ...], now_s: float) -> Standing:
    """One that nobody orders, which is to be for `names`; the default one's end is told by `status` itself."""
    left_s = shown.expires.timestamp() - now_s
    soon = shown.origin is not Origin.OWN and left_s < min(_WARN_S, _length_s(shown) / 6)
    words = "expired" if left_s <= 0 else "expires soon"
    return Standing(shown, None, words if soon and shown.name != DEFAULT else "", _lacking(shown, names))


def by_acme(shown: Shown, issued: Issued | None, wanted: Wanted, memory: schedule.Memory, now_s: float) -> Standing:
    """One that ACME signs; what is overdue is due now."""
    due = max(schedule.due_s(life_of(shown, issued, wanted), memory, wanted.digest), now_s)
    return Standing(shown, due, memory.error if memory.wanted == wanted.digest else "", _lacking(shown, wanted.names))


def life_of(shown: Shown, issued: Issued | None, wanted: Wanted) -> schedule.Life | None:
    """The life of what ACME signed; None where something else is shown."""
    if shown.origin is not Origin.ACME or issued is None:
        return None
    fits = not _lacking(shown, wanted.names) and issued.directory == wanted.acme.directory
    return schedule.Life(shown.begins.timestamp(), shown.expires.timestamp(), fits)


def _lacking(shown: Shown, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `names` that it is not for."""
    return tuple(one for one in names if one not in shown.names and not covers(shown.names, one))


def _length_s(shown: Shown) -> float:
    return (shown.expires - shown.begins).total_seconds()
