"""Accounts that PBXs have registered at providers through the edge, for `voxgate status`. Pure; time is an argument.

Kamailio's workers tell of each answer (`voxgate_sip.accounts`). What is lost is made good by the PBX's next refresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from voxgate.supervise.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable

#: The oldest make room for new ones.
MOST: Final = 10_000
#: How long a refusal is shown that the PBX does not try again.
REFUSED: Final = timedelta(hours=1)
_LONGEST_S: Final = 30 * 86400
_HEAD: Final = ("account of PBX", "trunk", "user", "state", "until", "because")


@dataclass(frozen=True, slots=True)
class PbxAccount:
    """One account; `reason` is empty where the provider has registered it. It is forgotten after `until`."""

    trunk: str
    pbx: str
    user: str
    reason: str
    until: datetime

    def to_json(self) -> dict[str, object]:
        """Times as RFC 3339 UTC; null for a refused one."""
        return {
            "pbx": self.pbx,
            "trunk": self.trunk,
            "user": self.user,
            "state": "refused" if self.reason else "registered",
            "until": None if self.reason else self.until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reason": self.reason,
        }


class PbxAccounts:
    """All of them, by trunk, PBX and user."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._accounts: dict[tuple[str, str, str], PbxAccount] = {}

    def report(self, event: dict[str, Any]) -> None:
        """One event of a worker; what is none counts for nothing."""
        match event:
            case {
                "trunk": str(trunk),
                "pbx": str(pbx),
                "user": str(user),
                "lasts": int(lasts_s),
                "reason": str(reason),
            } if 0 <= lasts_s <= _LONGEST_S:
                pass
            case _:
                return
        key = (trunk, pbx, user)
        self._accounts.pop(key, None)
        if lasts_s or reason:
            until = self._now() + (REFUSED if reason else timedelta(seconds=lasts_s))
            self._accounts[key] = PbxAccount(trunk, pbx, user, reason, until)
        while len(self._accounts) > MOST:
            del self._accounts[next(iter(self._accounts))]

    def listed(self) -> tuple[PbxAccount, ...]:
        """What holds now, in order."""
        now = self._now()
        self._accounts = {key: account for key, account in self._accounts.items() if account.until > now}
        return tuple(self._accounts[key] for key in sorted(self._accounts))

    def panel(self) -> Panel:
        """The same for `voxgate status`."""
        data = tuple(account.to_json() for account in self.listed())
        keys = ("pbx", "trunk", "user", "state", "until", "reason")
        return Panel("accounts", _HEAD, tuple(tuple(str(one[key] or "-") for key in keys) for one in data), data)
