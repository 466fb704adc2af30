"""A strict phone: one flow to its edge, private addresses in everything it writes, routes only as it was told."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from lab.peers import dialog as dialogs
from lab.peers import flows
from lab.peers.address import AddressError, Hop, NameAddr, bracketed, parse_name_addr, parse_uri
from lab.peers.call import SDP_TYPE, Call, authorised
from lab.peers.digest import Account
from lab.peers.endpoint import Endpoint
from lab.peers.message import MessageError, Request, Response
from lab.peers.rtp import Metronome, open_stream
from lab.peers.sdp import SdpError
from lab.peers.secrecy import secrecy_of
from lab.peers.voice import Voice
from lab.peers.webflow import WebFlow, open_web
from lab.peers.witness import Network, Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from lab.peers.flows import Flow, Maker
    from lab.peers.transactions import Incoming

PEER_ERRORS = (MessageError, AddressError, SdpError)


@dataclass(frozen=True, slots=True)
class Line:
    """What a phone is set up with.

    ``edge`` is its outbound proxy, ``names`` the host names it can resolve, ``ca`` the PEM file of whom it trusts for
    TLS (None: anybody), ``server_name`` the name it wants to see in the certificate, ``ring_s`` how long it rings
    before answering (None: for ever), ``refuse`` a code to answer calls with, ``headers`` added to all its requests,
    ``contact`` parameters of its Contact in REGISTER, ``identity`` its own certificate and key, ``srtp`` what it
    insists on: ``sdes``, ``dtls``, or nothing and it encrypts nothing; ``rtcp``: whether it reports what it receives.
    """

    user: str
    domain: str
    edge: Hop
    local: str
    port: int = 5060
    tone_hz: int = 440
    password: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    ca: Path | None = None
    server_name: str = ""
    forbidden: tuple[Network, ...] = ()
    ring_s: float | None = 0.2
    refuse: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    contact: str = ""
    identity: tuple[Path, Path] | None = None
    srtp: str = ""
    rtcp: bool = False


def trust(ca: Path | None) -> ssl.SSLContext:
    """A TLS client context that verifies against ``ca``, or nothing at all without it. Raises OSError."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(slots=True)
class Phone:
    """Use as ``async with Phone(line) as phone``; ``make`` creates its sockets (in another namespace, say).

    ``incoming`` holds calls it answered, refused or was too late for; ``events`` is its diary; ``witness`` what it saw;
    ``takers`` are asked first who takes a request.
    """

    line: Line
    make: Maker = socket.socket
    incoming: asyncio.Queue[Call] = field(default_factory=asyncio.Queue)
    calls: list[Call] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    witness: Witness = field(default_factory=Witness)
    takers: list[Callable[[Incoming], bool]] = field(default_factory=list)
    _flow: Flow | None = None
    _tasks: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)
    _ringing: set[asyncio.Task[None]] = field(default_factory=set)
    _metronome: Metronome = field(default_factory=Metronome)
    _register_id: str = field(default_factory=lambda: secrets.token_hex(12))
    _register_cseq: int = 0
    _endpoint: Endpoint | None = None

    async def __aenter__(self) -> Self:
        """Open the flow. Raises OSError (SSLError too)."""
        line = self.line
        self.witness.forbidden = line.forbidden
        if line.edge.transport == "udp":
            self._flow = await flows.open_udp(self.make, Hop("udp", line.local, line.port), self.endpoint)
        elif line.edge.transport in ("ws", "wss"):
            context = trust(line.ca) if line.edge.transport == "wss" else None
            name = line.server_name or line.domain
            self._flow = await open_web(self.make, line.local, line.edge, self.endpoint, context=context, name=name)
        else:
            context = trust(line.ca) if line.edge.transport == "tls" else None
            if context and line.identity:
                context.load_cert_chain(*line.identity)
            name = line.server_name or line.domain
            self._flow = await flows.connect(
                self.make, line.local, line.edge, self.endpoint, context=context, name=name
            )
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything without a word to the peer."""
        for task in self._ringing:
            task.cancel()
        # The group is told of no error: it would wrap the caller's exception into a group.
        await self._tasks.__aexit__(None, None, None)
        for call in self.calls:
            call.end("closed")
        flow, self._flow = self._flow, None
        if flow is not None:
            flow.close()
            # The event loop closes the socket in its next round: the port is free for the next phone then.
            await asyncio.sleep(0)

    @property
    def endpoint(self) -> Endpoint:
        """The phone's transactions; made at first use."""
        if self._endpoint is None:
            self._endpoint = Endpoint(self._route, self._handle, self._watch, self._garbage, self._closed)
            self._endpoint.extra = self.line.headers
        return self._endpoint

    async def register(self, expires_s: int = 120, contact: str = "") -> Response:
        """REGISTER (0 seconds: unregister; ``contact`` in place of its own).

        Raises OSError, NoAnswerError, DigestError.
        """
        line = self.line
        self._register_cseq += 1
        me = NameAddr(parse_uri(f"sip:{line.user}@{line.domain}"), f";tag={secrets.token_hex(4)}")
        contact = contact or self.contact() + line.contact
        headers = (("Contact", contact), ("Expires", str(expires_s)))
        request = dialogs.opening(
            "REGISTER",
            f"sip:{line.domain}",
            me,
            str(me.uri),
            (self._register_id, self._register_cseq),
            *headers,
        )
        final = await self.endpoint.ask(request, line.edge)
        if final.code in (401, 407) and line.password:
            self._register_cseq += 1
            request = authorised(request, final, Account(line.user, line.password), secrets.token_hex(4))
            final = await self.endpoint.ask(request, line.edge)
        own = self.contact().strip("<>")
        if final.code == 200 and expires_s and not any(own.split(";")[0] in c for c in final.all("Contact")):
            self.witness.complain(f"200 to REGISTER without our Contact: {final.all('Contact')}")
        self._note("register", str(final.code))
        return final

    async def dial(self, user: str, *, late_offer: bool = False, timeout_s: float = 20) -> Call:
        """Call; look at ``ended_by`` for a refusal. Raises what `Call.place` raises."""
        call, invite = await self.prepare(user, late_offer=late_offer)
        await self.place(call, invite, timeout_s)
        return call

    async def prepare(self, user: str, *, late_offer: bool = False) -> tuple[Call, Request]:
        """A call and its INVITE, not sent yet: for those who want to CANCEL meanwhile. Raises OSError."""
        line = self.line
        call = await self._call()
        me = NameAddr(parse_uri(f"sip:{line.user}@{line.domain}"), f";tag={secrets.token_hex(4)}")
        to = f"sip:{user}@{line.domain}"
        body = b"" if late_offer else call.voice.offer()
        headers = (SDP_TYPE,) if body else ()
        return call, dialogs.opening("INVITE", to, me, to, (secrets.token_hex(12), 1), *headers, body=body)

    async def place(self, call: Call, invite: Request, timeout_s: float = 20) -> Response:
        """Send what `prepare` gave. Raises what `Call.place` raises."""
        line = self.line
        account = (Account(line.user, line.password), secrets.token_hex(4)) if line.password else None
        return await call.place(invite, line.edge, self._provisional, timeout_s, account)

    def _provisional(self, message: Response) -> None:
        self._note("provisional", str(message.code))

    async def _call(self) -> Call:
        socks = [self.make(flows.family(self.line.local), socket.SOCK_DGRAM) for _ in range(1 + self.line.rtcp)]
        stream = await open_stream(socks, self.line.local, self._metronome, self.line.tone_hz)
        stream.secrecy = secrecy_of(self.line.srtp, stream)
        call = Call(self.endpoint, Voice(stream, stream.secrecy), self.contact(), self._note)
        self.calls.append(call)
        return call

    def contact(self) -> str:
        """Our Contact value, private address and all."""
        here = self._flow.local if self._flow else Hop("udp", self.line.local, self.line.port)
        return f"<sip:{self.line.user}@{bracketed(here.host)}:{here.port};transport={here.transport}>"

    async def _route(self, hop: Hop) -> Flow:
        if self._flow is None:
            raise ConnectionError("the phone's connection is gone")
        to = Hop(hop.transport, self.line.names.get(hop.host, hop.host), hop.port)
        if isinstance(self._flow, WebFlow):
            # A browser has one way out, whatever port a route names; elsewhere it would be told to go.
            if (self._flow.peer and to.host != self._flow.peer.host) or to.transport not in ("ws", "wss"):
                self.witness.complain(f"would leave its WebSocket: next hop {hop}")
            return self._flow
        if self._flow.peer is not None and to != self._flow.peer:
            self.witness.complain(f"would leave its flow: next hop {hop}, connected to {self._flow.peer}")
        if self._flow.peer is None and to.transport != "udp":
            self.witness.complain(f"would leave its flow: next hop {hop}, phone speaks UDP")
        return self._flow

    def _watch(self, message: Request | Response, flow: Flow, source: Hop) -> bool:
        title = message.method if isinstance(message, Request) else f"{message.code} to {message.cseq_method}"
        self.witness.look(message, title)
        return True

    def _garbage(self, reason: str) -> None:
        self.witness.complain(f"garbage: {reason}")

    def _closed(self, flow: Flow) -> None:
        if self._flow is not None:
            self.witness.complain("the edge closed the connection")
            self._flow = None

    def _handle(self, incoming: Incoming) -> None:
        try:
            self._dispatch(incoming)
        except PEER_ERRORS as exc:
            self.witness.complain(f"{incoming.request.method}: {exc}")
            if incoming.request.method != "ACK":
                incoming.respond(488)

    def _dispatch(self, incoming: Incoming) -> None:
        asked = incoming.request
        tag = parse_name_addr(asked.get("To")).param("tag")
        if any(take(incoming) for take in self.takers):
            return
        if tag is None and asked.method == "INVITE":
            task = self._tasks.create_task(self._ring(incoming))
            self._ringing.add(task)
            task.add_done_callback(self._ringing.discard)
            return
        if tag is None and asked.method in ("OPTIONS", "MESSAGE", "NOTIFY"):
            incoming.respond(200)
            self._note(asked.method.lower(), asked.body.decode(errors="replace").strip())
            return
        call = next((call for call in self.calls if call.key == (asked.call_id, tag)), None)
        if call is not None:
            call.serve(incoming)
        elif asked.method != "ACK":
            self.witness.complain(f"{asked.method} for a dialog we do not have")
            incoming.respond(481)

    async def _ring(self, incoming: Incoming) -> None:
        self._note("invited", incoming.request.get("From"))
        call = await self._call()
        if self.line.refuse is not None:
            incoming.respond(self.line.refuse)
            call.end(str(self.line.refuse))
            self.incoming.put_nowait(call)
            return
        gone = asyncio.Event()
        incoming.on_cancel = gone.set
        incoming.respond(180, ("Contact", call.contact))
        try:
            async with asyncio.timeout(self.line.ring_s):
                await gone.wait()
        except TimeoutError:
            self._answer(call, incoming)
        else:
            call.end("cancelled")
            self.incoming.put_nowait(call)

    def _answer(self, call: Call, incoming: Incoming) -> None:
        try:
            call.accept(incoming)
        except PEER_ERRORS as exc:
            self.witness.complain(f"INVITE: {exc}")
            incoming.respond(488)
            call.end("488")
            return
        self.incoming.put_nowait(call)

    def _note(self, event: str, fact: str) -> None:
        self.events.append(f"{event} {fact}")
