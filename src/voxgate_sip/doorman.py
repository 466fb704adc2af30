"""Who is turned away before anything is done for him: silence, whatever he asks. PBXs and trunks are never looked at.

* requesters that the guard has banned, where the kernel does not do it;
* more requests a second than one source's share: a token bucket (GCRA, see `limits`), in this worker's own memory,
  because a flood of forged addresses must not fill the shared one. Datagrams spread evenly over the workers, so each
  gives its part; a connection stays with one worker, which gives all;
* scanners that say so in User-Agent; users that are meant for a database or a shell.
"""

from __future__ import annotations

import ipaddress
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from voxgate_sip.registrations import KNOWN, PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.events import Refusals
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.policy import Hygiene
    from voxgate_sip.route import Request, Router

#: The guard's bans, where the engines enforce them; keys are first addresses of requesters.
BANNED: Final = "banned"
#: What `$shv(banned)` says then.
ENFORCING: Final = "1"
#: How many seconds' worth may come at once.
BURST_S: Final = 10.0
#: Sources that a worker remembers, before it forgets them all.
MOST_SOURCES: Final = 16_384
#: What no user is called: SQL, shells, scripts. An apostrophe alone is part of a name (O'Brien).
INJECTION: Final = re.compile(
    r"(?:'|%27)\s*(?:or|and|union|having|;|--|\|\||=)|(?:%3b|;)\s*(?:drop|delete|insert|update|select|shutdown)\b"
    r"|\bunion\b.{0,20}\bselect\b|\bor\b\s+\d+\s*=\s*\d+|--\s*$|\b(?:sleep|benchmark|waitfor|pg_sleep)\s*\("
    r"|\$\(|`|\$\{jndi:|<script",
    re.IGNORECASE,
)
_ORDINARY: Final = re.compile(r"[A-Za-z0-9._+*#@-]*")


class Doorman:
    """For one policy generation whose guard is on."""

    def __init__(
        self,
        ksr: Ksr,
        router: Router,
        hygiene: Hygiene,
        refusals: Refusals,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sht_get = ksr.htable.sht_get
        self._source_port = ksr.kx.get_srcport
        self._close = ksr.tcpops.tcp_close_connection
        self._router = router
        self._pbx_protos = router.policy.pbx_protos
        self._refusals = refusals
        self._now = now
        self._hygiene = hygiene
        rate = float(hygiene.rate)
        self._steps = {"udp": hygiene.workers / rate} if rate else {}
        self._step = 1 / rate if rate else 0.0
        self._full_at: dict[str, float] = {}
        self._told_at: dict[str, float] = {}
        self._agents = re.compile("|".join(map(re.escape, hygiene.agents))) if hygiene.agents else None
        self._is_scanner = lru_cache(1024)(self._scans)
        self._key = lru_cache(4096)(self._requester)

    def admits(self, source: str, proto: str, received_on: str, banned: str) -> bool:
        """Whether any request from there is looked at; `banned` is what `$shv(banned)` says."""
        if source in self._pbx_protos:
            return True
        if banned == ENFORCING and self._sht_get(BANNED, self._key(source)) is not None:
            if proto != "udp":
                # It may be older than the ban.
                self._close()
            return False
        if not self._step:
            return True
        now = self._now()
        full_at = self._full_at.get(source, 0.0)
        if full_at - now > BURST_S:
            return self._too_fast(source, proto, received_on, now)
        if len(self._full_at) >= MOST_SOURCES:
            self._full_at.clear()
        self._full_at[source] = max(full_at, now) + self._steps.get(proto, self._step)
        return True

    def turns_away(self, request: Request) -> bool:
        """Whether a request outside of a dialog is dropped for what it says."""
        if request.source in self._pbx_protos:
            return False
        reason = self._suspicious(request)
        if not reason or self._router.is_trunk(*request[1:4]):
            return False
        self._refusals.note(reason, request.source, request.proto, request.method, request.ruri_host)
        return True

    def _suspicious(self, request: Request) -> str:
        if self._agents and request.agent and self._is_scanner(request.agent):
            return "scanner"
        if self._hygiene.injections:
            users = (request.ruri_user, request.user, request.to_user)
            if not _ORDINARY.fullmatch("".join(users)) and any(INJECTION.search(user) for user in users):
                return "injection"
        return ""

    def _scans(self, agent: str) -> bool:
        return self._agents is not None and self._agents.search(agent.lower()) is not None

    def _too_fast(self, source: str, proto: str, received_on: str, now: float) -> bool:
        """The bucket of `source` is empty: told once a second."""
        if self._router.is_trunk(source, proto, received_on):
            return True
        # Over UDP anybody can empty the bucket of another one's address.
        if self._sht_get(KNOWN, f"{source}{PARTS}{self._source_port()}") is not None:
            return True
        if now - self._told_at.get(source, 0.0) >= 1:
            if len(self._told_at) >= MOST_SOURCES:
                self._told_at.clear()
            self._told_at[source] = now
            self._refusals.note("too-fast", source, proto, "", "")
        return False

    def _requester(self, source: str) -> str:
        address = ipaddress.ip_address(source)
        length = self._hygiene.ipv4_prefix if address.version == 4 else self._hygiene.ipv6_prefix
        return str(ipaddress.ip_network(f"{source}/{length}", strict=False).network_address)
