"""Single transactions: a request of ours on its way, a request that came and its answer (RFC 3261 sections 17, 18)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.peers.address import Hop, param, parse_uri
from lab.peers.message import Headers, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.peers.flows import Flow

T1_S = 0.5
T2_S = 4.0
REASONS = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 408: "Request Timeout", 420: "Bad Extension", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
    501: "Not Implemented", 503: "Service Unavailable", 603: "Decline",
}  # fmt: skip
IDENTITY = ("Via", "From", "To", "Call-ID", "CSeq")

IDENTITY = ("Via", "From", "To", "Call-ID", "CSeq")


@dataclass(slots=True)
class Outgoing:
    """A request of ours on its way."""

    sent: Request
    hop: Hop
    flow: Flow
    final: asyncio.Future[Response]
    provisional: Callable[[Response], None] | None
    proceeding: bool = False
    timer: asyncio.TimerHandle | None = None
    wait_s: float = T1_S


@dataclass(slots=True)
class Incoming:
    """A request that came; ``respond`` may be called several times until a final code.

    ``on_cancel`` is called when the caller gives up; ``local`` is our address it came to.
    """

    request: Request
    flow: Flow
    source: Hop
    tag: str
    on_cancel: Callable[[], None] | None = None
    last: Response | None = None
    timer: asyncio.TimerHandle | None = None

    @property
    def local(self) -> Hop:
        """Our own address on the flow."""
        return self.flow.local

    def respond(self, code: int, *headers: tuple[str, str], body: bytes = b"") -> None:
        """Answer. Dialog-forming answers carry the Record-Route back (section 12.1.1)."""
        kept = [pair for pair in _answered_via(self.request, self.source) if pair[0] != "To"]
        to = self.request.get("To")
        if param(to.rpartition(">")[2] if ">" in to else to, "tag") is None and code != 100:
            to = f"{to};tag={self.tag}"
        routes = [("Record-Route", value) for value in self.request.all("Record-Route")] if code < 300 else []
        reason = REASONS.get(code, "Answer")
        response = Response((*kept, ("To", to), *routes, *headers), body, code=code, reason=reason)
        self.last = response
        self.again()
        if self.request.method == "INVITE" and 200 <= code < 300:
            self._repeat(T1_S, asyncio.get_running_loop().time() + 32 * T1_S)

    def again(self) -> None:
        """Send the last answer once more."""
        if self.last is not None:
            self.flow.send(self.last, reply_hop(self.request, self.flow, self.source))

    def acknowledged(self) -> None:
        """The ACK of a 2xx came: stop repeating it."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _repeat(self, wait_s: float, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() + wait_s > until_s:
            return

        def fire() -> None:
            self.again()
            self._repeat(min(2 * wait_s, T2_S), until_s)

        self.timer = loop.call_later(wait_s, fire)


def reply_hop(request: Request, flow: Flow, source: Hop) -> Hop:
    """Where a reply goes: down the connection, or by the topmost Via (section 18.2.2, RFC 3581)."""
    via = request.get("Via")
    if flow.peer is not None or param(via, "rport") is not None:
        return source
    sent_by = parse_uri("sip:" + via.split(None, 1)[1].split(";")[0].strip())
    return sent_by.hop()


def _answered_via(request: Request, source: Hop) -> Headers:
    """The headers a reply copies, with received and rport filled in where asked for."""
    out: list[tuple[str, str]] = []
    first = True
    for name, value in request.headers:
        if name not in IDENTITY:
            continue
        text = value
        if name == "Via" and first:
            first = False
            if param(value, "rport") == "":
                text = value.replace(";rport", f";received={source.host};rport={source.port}", 1)
        out.append((name, text))
    return tuple(out)
