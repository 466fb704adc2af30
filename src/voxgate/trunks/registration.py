"""The life of one registration: when to ask, what an answer means. Pure; time is an argument, in seconds.

starting --200--> registered --(before it ends)--> asks again
    |  401: once more with credentials
    +--403, wrong password, ...--> refused --+
    +--silence, 5xx, 408 ...--> unreachable -+--(pause, doubled each time)--> asks again
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from voxgate.trunks.messages import Ask, granted_s
from voxgate_sip.digest import Account, answer, challenge_of

if TYPE_CHECKING:
    from voxgate.engines.trunk_accounts import TrunkAccount
    from voxgate.trunks.messages import Reply

#: Asked again after this share of the granted time, so that one lost answer costs nothing.
RENEW_AFTER: Final = 0.8
#: RFC 5626 section 4.5: at most half an hour between two tries.
LONGEST_PAUSE_S: Final = 1800.0
#: tm gives up after Timer F (RFC 3261 section 17.1.2.2) and then answers 408 by itself.
ANSWER_S: Final = 34.0
_ASKS: Final = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}


class Phase(Enum):
    """Where a registration is."""

    STARTING = "starting"
    REGISTERED = "registered"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Registration:
    """`waiting` is what was asked and is not answered; `next_s` when something is due; `until_s` the granted end."""

    account: TrunkAccount
    phase: Phase = Phase.STARTING
    reason: str = ""
    cseq: int = 0
    waiting: Ask | None = None
    next_s: float = 0.0
    until_s: float | None = None
    failures: int = 0
    wanted_s: int = 0

    def due(self, now_s: float) -> tuple[Registration, Ask | None]:
        """What is to be asked now: a registration that is due, or nothing."""
        if now_s < self.next_s:
            return self, None
        if self.waiting is not None:
            return self._failed(Phase.UNREACHABLE, "no answer", now_s), None
        return self._ask(now_s, self.wanted_s or self.account.expires_s)

    def answered(self, reply: Reply, now_s: float, cnonce: str) -> tuple[Registration, Ask | None]:
        """What a final reply means; replies to anything but the last request mean nothing."""
        asked = self.waiting
        if asked is None or reply.cseq != asked.cseq:
            return self, None
        if reply.code < 300:
            return self._registered(asked, reply, now_s), None
        if reply.code in _ASKS:
            return self._challenged(asked, reply, now_s, cnonce)
        least_s = reply.number("min-expires")
        if reply.code == 423 and least_s and least_s > asked.expires_s:
            return self._ask(now_s, least_s)
        known = f"{reply.code} {_plain(reply.phrase)}".strip()
        if reply.code >= 500 or reply.code in {408, 480}:
            return self._failed(Phase.UNREACHABLE, known, now_s, reply.number("retry-after") or 0), None
        return self._failed(Phase.REFUSED, known, now_s), None

    def leaving(self) -> tuple[Registration, Ask]:
        """The request that takes the registration back; its challenge is answered as any other."""
        ask = Ask(self.cseq + 1, 0)
        return dataclasses.replace(self, cseq=ask.cseq, waiting=ask), ask

    def _ask(self, now_s: float, expires_s: int, authorization: str = "") -> tuple[Registration, Ask]:
        ask = Ask(self.cseq + 1, expires_s, authorization)
        asking = dataclasses.replace(
            self, cseq=ask.cseq, waiting=ask, next_s=now_s + ANSWER_S, wanted_s=expires_s or self.wanted_s
        )
        return asking, ask

    def _challenged(self, asked: Ask, reply: Reply, now_s: float, cnonce: str) -> tuple[Registration, Ask | None]:
        asks, answers = _ASKS[reply.code]
        reason = "a challenge that cannot be answered"
        for value in reply.all(asks):
            try:
                challenge = challenge_of(value)
            except ValueError as error:
                reason = f"a challenge that cannot be answered: {_plain(str(error))}"
                continue
            if asked.authorization and not challenge.stale:
                return self._failed(Phase.REFUSED, f"{reply.code}: wrong user or password", now_s), None
            account = Account(self.account.auth_user, self.account.password)
            credentials = answer(challenge, account, "REGISTER", self.account.registrar, cnonce)
            return self._ask(now_s, asked.expires_s, f"{answers}: {credentials}")
        return self._failed(Phase.REFUSED, reason, now_s), None

    def _registered(self, asked: Ask, reply: Reply, now_s: float) -> Registration:
        lasts_s = granted_s(reply, self.account.contact, asked.expires_s)
        return dataclasses.replace(
            self,
            phase=Phase.REGISTERED,
            reason="",
            waiting=None,
            failures=0,
            until_s=now_s + lasts_s,
            next_s=now_s + max(lasts_s * RENEW_AFTER, 1.0),
        )

    def _failed(self, phase: Phase, reason: str, now_s: float, after_s: float = 0) -> Registration:
        pause_s = min(self.account.retry_s * 2.0**self.failures, LONGEST_PAUSE_S)
        failed = dataclasses.replace(
            self, waiting=None, reason=reason, failures=min(self.failures + 1, 16), next_s=now_s + max(pause_s, after_s)
        )
        # What the provider granted holds until its end, whatever became of the renewal.
        if self.phase is Phase.REGISTERED and self.until_s is not None and now_s < self.until_s:
            return dataclasses.replace(failed, next_s=min(failed.next_s, self.until_s))
        return dataclasses.replace(failed, phase=phase, until_s=None)


def _plain(text: str) -> str:
    """Words of a stranger, fit for a log line."""
    return re.sub(r"[^A-Za-z0-9 ._-]", "?", text[:60])
