"""Keepalives towards phones outside that are registered over UDP, from the socket and address they know.

An OPTIONS rather than a few empty bytes: many NATs prolong a mapping only for what leaves (RFC 4787 section 4.3), and
an OPTIONS makes the phone answer. It is sent outside of any transaction; the answer has done its work by arriving.
TCP and TLS need none: the kernel probes their connections (`tcp_keepalive`).

One process of Kamailio calls `sweep` a few times per second. One sweep in `STEP_S` seconds serves the flows whose turn
it is, so that each is served every `Policy.keepalive_s` seconds, from its first moment on. After a start of Kamailio
all are served at once: NATs went on forgetting while it was away.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from voxgate_sip.legs import bracketed
from voxgate_sip.registrations import FLOWS, PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.ksr import Ksr
    from voxgate_sip.policy import SideView
    from voxgate_sip.route import Router

#: The length of a turn.
STEP_S: Final = 5
#: More flows than these are forgotten: they cost memory that calls need.
MOST_FLOWS: Final = 200_000
#: Requests at once, and the pause after them: all phones answer together.
BURST, PAUSE_S = 50, 0.01
_ITERATOR: Final = "keepalive"
#: The control plane's own entry, made when it has told the flows after a start (`voxgate.supervise.registrations`):
#: what stands there then, and what once they were served.
TOLD: Final = "!told"
ANEW, SERVED = "1", "2"
TOLD_LIFETIME_S: Final = 86400


class Flow(NamedTuple):
    """A phone's address as its NAT shows it, and the URI it wants to be called by, which may be empty."""

    address: str
    port: int
    uri: str


def flow_of(key: str, uri: str) -> Flow | None:
    """A flow from an entry of the table; None for one of the control plane's own."""
    address, _, rest = key.partition(PARTS)
    port = rest.partition(PARTS)[0]
    return Flow(address, int(port), uri) if port.isdecimal() else None


def due(flow: Flow, turn: int, turns: int) -> bool:
    """Whether it is this flow's turn, of `turns` in all; the same for every user behind one flow."""
    return crc32(f"{flow.address} {flow.port}".encode()) % turns == turn % turns


def options(flow: Flow, view: SideView, domain: str, number: int) -> str:
    """The request as text (RFC 3261 section 11.1); `number` makes it a new one."""
    own = f"{bracketed(view.shown)}:{view.ports['udp']}"
    target = flow.uri or f"sip:{bracketed(flow.address)}:{flow.port}"
    return (
        f"OPTIONS {target} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {own};branch=z9hG4bKkeep{number:x};rport\r\n"
        f"From: <sip:keepalive@{domain}>;tag=keep{number:x}\r\n"
        f"To: <{target}>\r\n"
        f"Call-ID: keep{number:x}@{domain}\r\n"
        "CSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\n"
        "Content-Length: 0\r\n\r\n"
    )


class Keepalive:
    """Serves the flows of one policy generation."""

    def __init__(
        self,
        ksr: Ksr,
        router: Router,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ksr = ksr
        self._router = router
        self._now = now
        self._sleep = sleep
        self._turn = -1

    def sweep(self) -> int:
        """Serve those whose turn it is, once in each turn; gives their number."""
        period_s = self._router.policy.keepalive_s
        now = self._now()
        turn = int(now) // STEP_S
        if not period_s or turn == self._turn:
            return 0
        self._turn = turn
        turns, table = max(1, period_s // STEP_S), self._ksr.htable
        anew = table.sht_get(FLOWS, TOLD) == ANEW
        flows = {(flow.address, flow.port): flow for flow in self._flows() if anew or due(flow, turn, turns)}
        for number, flow in enumerate(flows.values(), 1):
            self._send(flow, int(now * 1000) * 100_000 + number)
            if number % BURST == 0:
                self._sleep(PAUSE_S)
        if anew:
            table.sht_setxs(FLOWS, TOLD, SERVED, TOLD_LIFETIME_S)
        return len(flows)

    def _flows(self) -> list[Flow]:
        """All of them: while the table is walked, parts of it are locked, so nothing else is done meanwhile."""
        ksr, get = self._ksr, self._ksr.pv.get
        found: list[Flow] = []
        ksr.htable.sht_iterator_start(_ITERATOR, FLOWS)
        try:
            while ksr.htable.sht_iterator_next(_ITERATOR) > 0:
                flow = flow_of(str(get(f"$shtitkey({_ITERATOR})")), str(get(f"$shtitval({_ITERATOR})") or ""))
                if flow and len(found) < MOST_FLOWS:
                    found.append(flow)
                elif flow:
                    ksr.htable.sht_iterator_rm(_ITERATOR)
        finally:
            ksr.htable.sht_iterator_end(_ITERATOR)
        return found

    def _send(self, flow: Flow, number: int) -> None:
        view = self._router.policy.sides.get(self._router.side_of(flow.address))
        if view is None or "udp" not in view.ports:
            return
        socket = f"udp:{bracketed(view.local)}:{view.ports['udp']}"
        to = f"sip:{bracketed(flow.address)}:{flow.port};transport=udp"
        self._ksr.corex.sendx(to, socket, options(flow, view, self._router.policy.domain, number))
