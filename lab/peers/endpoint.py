"""Transactions over flows: requests are repeated and matched, replies find their way by Via, copies are absorbed.

Source: RFC 3261 sections 17 and 18, RFC 3581 for rport. Replies over UDP go where the topmost Via says, to its
``sent-by`` unless it asks for rport: an edge that writes a wrong Via gets no reply.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from lab.peers import dialog as dialogs
from lab.peers.address import Hop, bracketed
from lab.peers.message import Headers, Request, Response
from lab.peers.transactions import T1_S, T2_S, Incoming, Outgoing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lab.peers.dialog import Dialog
    from lab.peers.flows import Flow

KEPT = 20_000
"""Transactions remembered of each kind; the oldest are forgotten."""

K = TypeVar("K")
V = TypeVar("V")


class NoAnswerError(Exception):
    """The peer did not answer a request in time, or its flow is gone."""


@dataclass(slots=True)
class Endpoint:
    """One peer's transactions.

    ``route`` gives the flow for a hop; ``handle`` takes new requests (ACK for a 2xx included, CANCEL not);
    ``watch`` sees everything that comes, first; ``extra`` is added to all requests. It is a `flows.Sink`.
    """

    route: Callable[[Hop], Awaitable[Flow]]
    handle: Callable[[Incoming], None]
    watch: Callable[[Request | Response, Flow, Hop], bool]
    on_garbage: Callable[[str], None]
    on_closed: Callable[[Flow], None]
    extra: Headers = ()
    _out: dict[tuple[str, str], Outgoing] = field(default_factory=dict)
    _in: dict[tuple[str, str], Incoming] = field(default_factory=dict)
    _invites: dict[tuple[str, int], Incoming] = field(default_factory=dict)
    _acks: dict[tuple[str, int], tuple[Request, Hop, Flow]] = field(default_factory=dict)

    async def start(
        self, request: Request, hop: Hop, provisional: Callable[[Response], None] | None = None
    ) -> Outgoing:
        """Send a request (Via is added here). Raises OSError when there is no way to ``hop``."""
        flow = await self.route(hop)
        sent = _with_via(request, flow).having(*self.extra)
        loop = asyncio.get_running_loop()
        out = Outgoing(sent, hop, flow, loop.create_future(), provisional)
        _keep(self._out, (sent.branch, sent.method), out)
        flow.send(sent, hop)
        if flow.peer is None:
            out.timer = loop.call_later(T1_S, self._again, out)
        return out

    async def finish(self, out: Outgoing, timeout_s: float) -> Response:
        """The final answer. Raises NoAnswerError after ``timeout_s``."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(out.final)
        except TimeoutError as exc:
            what = f"{out.sent.method} {out.sent.uri}"
            raise NoAnswerError(f"no answer to {what} from {out.hop} in {timeout_s} s") from exc
        finally:
            self._stop(out)

    async def ask(self, request: Request, hop: Hop, timeout_s: float = 8.0) -> Response:
        """Send and wait. Raises OSError, NoAnswerError."""
        return await self.finish(await self.start(request, hop), timeout_s)

    async def cancel(self, out: Outgoing) -> Response:
        """Withdraw an INVITE (section 9.1). Raises NoAnswerError."""
        cancel = _same_branch(out.sent, "CANCEL", out.sent.get("To"))
        loop = asyncio.get_running_loop()
        started = Outgoing(cancel, out.hop, out.flow, loop.create_future(), None)
        _keep(self._out, (cancel.branch, "CANCEL"), started)
        out.flow.send(cancel, out.hop)
        if out.flow.peer is None:
            started.timer = loop.call_later(T1_S, self._again, started)
        return await self.finish(started, 8.0)

    async def ack(self, dialog: Dialog, cseq: int, body: bytes = b"") -> None:
        """Acknowledge a 2xx along the route set; repeated by itself when the 2xx is. Raises OSError."""
        kind = (("Content-Type", "application/sdp"),) if body else ()
        request = dialogs.request(dialog, "ACK", cseq, *kind, body=body)
        hop = dialogs.next_hop(request)
        flow = await self.route(hop)
        sent = _with_via(request, flow).having(*self.extra)
        _keep(self._acks, (dialog.call_id, cseq), (sent, hop, flow))
        flow.send(sent, hop)

    def received(self, message: Request | Response, flow: Flow, source: Hop) -> None:
        """A message came (`flows.Sink`)."""
        if not self.watch(message, flow, source):
            return
        if isinstance(message, Response):
            self._response(message)
        else:
            self._request(message, flow, source)

    def garbage(self, reason: str, flow: Flow) -> None:
        """Something else came (`flows.Sink`)."""
        self.on_garbage(reason)

    def closed(self, flow: Flow) -> None:
        """A stream ended (`flows.Sink`)."""
        self.on_closed(flow)

    def _response(self, message: Response) -> None:
        out = self._out.get((message.branch, message.cseq_method))
        if out is None:
            return
        if message.get("From") != out.sent.get("From"):
            # Section 8.2.6.2: they are equal.
            self.on_garbage(f"{message.code} to {message.cseq_method} with another From: {message.get('From')}")
        if message.code < 200:
            out.proceeding = True
            if out.provisional is not None:
                out.provisional(message)
            return
        if message.cseq_method == "INVITE":
            if message.code >= 300:
                out.flow.send(_same_branch(out.sent, "ACK", message.get("To")), out.hop)
            elif known := self._acks.get((message.call_id, message.cseq)):
                known[2].send(known[0], known[1])
        self._stop(out)
        if not out.final.done():
            out.final.set_result(message)

    def _request(self, message: Request, flow: Flow, source: Hop) -> None:
        if message.method == "ACK":
            self._ack_came(message, flow, source)
            return
        known = self._in.get((message.branch, message.method))
        if known is not None:
            known.again()
            return
        incoming = Incoming(message, flow, source, secrets.token_hex(6))
        _keep(self._in, (message.branch, message.method), incoming)
        if message.method == "INVITE":
            _keep(self._invites, (message.call_id, message.cseq), incoming)
        if message.method == "CANCEL":
            self._cancel_came(incoming)
        else:
            self.handle(incoming)

    def _ack_came(self, message: Request, flow: Flow, source: Hop) -> None:
        invite = self._invites.get((message.call_id, message.cseq))
        if invite is not None:
            invite.acknowledged()
            if invite.last is not None and invite.last.code >= 300:
                return
        self.handle(Incoming(message, flow, source, ""))

    def _cancel_came(self, incoming: Incoming) -> None:
        invite = self._in.get((incoming.request.branch, "INVITE"))
        incoming.respond(200 if invite else 481)
        if invite is not None and (invite.last is None or invite.last.code < 200):
            invite.respond(487)
            if invite.on_cancel is not None:
                invite.on_cancel()

    def _again(self, out: Outgoing) -> None:
        """Timers A and E: doubling, for an INVITE only until something came."""
        if out.final.done() or (out.sent.method == "INVITE" and out.proceeding) or out.wait_s > 32 * T1_S:
            return
        out.flow.send(out.sent, out.hop)
        limit_s = 64 * T1_S if out.sent.method == "INVITE" else T2_S
        out.wait_s = min(2 * out.wait_s, limit_s)
        out.timer = asyncio.get_running_loop().call_later(out.wait_s, self._again, out)

    def _stop(self, out: Outgoing) -> None:
        if out.timer is not None:
            out.timer.cancel()


def _same_branch(request: Request, method: str, to: str) -> Request:
    """ACK for a failure, or CANCEL: what section 17.1.1.3 and 9.1 let them keep of the INVITE."""
    kept = [pair for pair in request.headers if pair[0] in ("Via", "Max-Forwards", "Route", "From", "Call-ID")]
    headers = (*kept, ("To", to), ("CSeq", f"{request.cseq} {method}"))
    return Request(headers, method=method, uri=request.uri)


def _with_via(request: Request, flow: Flow) -> Request:
    here = f"{bracketed(flow.local.host)}:{flow.local.port}"
    branch = "z9hG4bK" + secrets.token_hex(10)
    via = f"SIP/2.0/{flow.local.transport.upper()} {here};branch={branch};rport"
    return replace(request, headers=(("Via", via), *request.headers))


def _keep(known: dict[K, V], key: K, value: V) -> None:
    """Remember, and forget the oldest when there are too many."""
    known[key] = value
    if len(known) > KEPT:
        del known[next(iter(known))]
