"""The PBX's brain: who handles which request. Numbers of its own, users, a trunk; what happens lands in the journal."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.peers import dialog as dialogs
from lab.peers import flows
from lab.peers.address import Hop, NameAddr, Uri, parse_name_addr, parse_uri
from lab.peers.bridge import Bridge, Leg
from lab.peers.call import SDP_TYPE, Call
from lab.peers.digest import DigestError
from lab.peers.endpoint import NoAnswerError
from lab.peers.phone import PEER_ERRORS
from lab.peers.rtp import Metronome, open_stream
from lab.peers.services import NUMBERS, Services
from lab.peers.voice import Voice

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.peers.flows import Maker
    from lab.peers.registrar import Binding, Registrar
    from lab.peers.transactions import Incoming
    from lab.peers.ways import Ways

TALK = "600"
HANGUP = "601"
REINVITE = "602"
FLOW_FAILED = 430
"""The phone's other flow is to be tried (RFC 5626 section 6)."""
NEVER = re.compile(r"(?!)")
CALL_ERRORS = (OSError, NoAnswerError, DigestError, *PEER_ERRORS)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a PBX does with calls.

    ``tone_hz`` is what its own numbers play; ``hangup_after_s`` and ``reinvite_after_s`` belong to 601 and 602;
    ``answers`` are further numbers answered like 600; ``trunk`` is where unknown numbers go; ``rtcp``: whether its own
    numbers report what they receive.
    """

    tone_hz: int
    hangup_after_s: float = 4.0
    reinvite_after_s: float = 2.0
    answers: re.Pattern[str] = NEVER
    trunk: Uri | None = None
    rtcp: bool = False


@dataclass(slots=True)
class Exchange:
    """Handles what the endpoint hands over; ``journal`` takes an event's name and its facts.

    ``ways`` is set by whoever wires the two together; ``reply``: answer every INVITE with this code.
    """

    plan: Plan
    registrar: Registrar
    journal: Callable[..., None]
    tasks: asyncio.TaskGroup
    make: Maker = socket.socket
    reply: int | None = None
    ways: Ways = field(init=False)
    services: Services = field(init=False)
    _calls: dict[tuple[str, str], Call | tuple[Leg, Bridge]] = field(default_factory=dict)
    _metronome: Metronome = field(default_factory=Metronome)

    def __post_init__(self) -> None:
        """The services need the exchange."""
        self.services = Services(self)

    def handle(self, incoming: Incoming) -> None:
        """A request that is no copy of another (for `Endpoint`)."""
        self.tasks.create_task(self._guarded(incoming))

    async def dial(self, user: str, talk_s: float) -> None:
        """Call a registered user and play our tone to it; the journal says how it went."""
        bindings = self.registrar.find_all(user, time.monotonic())
        if not bindings:
            self.journal("refused", user=user, code=404)
        for binding in bindings:
            if await self._dial(binding, user, talk_s) != FLOW_FAILED:
                return

    async def _dial(self, binding: Binding, user: str, talk_s: float) -> int:
        """Call along one binding; gives the final code, 0 for none."""
        hop = _first_hop(binding.contact, binding.path)
        try:
            call = await self.call(self.ways.own(hop), hop, user)
            me = NameAddr(parse_uri(f"sip:600@{self.ways.own(hop).host}"), f";tag={secrets.token_hex(4)}")
            invite = dialogs.opening(
                "INVITE",
                binding.contact,
                me,
                f"sip:{user}@{self.registrar.realm}",
                (secrets.token_hex(12), 1),
                SDP_TYPE,
                routes=binding.path,
                body=call.voice.offer(),
            )
            final = await call.place(invite, hop, lambda _: None, 30)
            self.journal("dialled", user=user, code=final.code)
            if final.code < 300:
                await self.converse(call, user, talk_s)
        except CALL_ERRORS as exc:
            self.journal("failed", user=user, reason=f"{type(exc).__name__}: {exc}")
            return 0
        return final.code

    async def _guarded(self, incoming: Incoming) -> None:
        """What the peer got wrong is answered and noted; our own bugs are not caught."""
        asked = incoming.request
        try:
            await self._dispatch(incoming)
        except CALL_ERRORS as exc:
            self.journal("peer error", method=asked.method, reason=f"{type(exc).__name__}: {exc}")
            if asked.method != "ACK":
                incoming.respond(488)

    async def _dispatch(self, incoming: Incoming) -> None:
        asked = incoming.request
        tag = parse_name_addr(asked.get("To")).param("tag")
        if tag is not None:
            sender = parse_name_addr(asked.get("From")).uri.user
            self.journal("in dialog", user=sender, method=asked.method, forwarded_for=asked.all("X-Forwarded-For"))
            await self._inside(incoming, (asked.call_id, tag))
        elif asked.method == "OPTIONS":
            incoming.respond(200)
        elif asked.method == "REGISTER":
            self._register(incoming)
        elif asked.method == "INVITE":
            await self._invite(incoming)
        elif asked.method != "ACK" and not await self.services.outside(incoming):
            incoming.respond(501)

    async def _inside(self, incoming: Incoming, key: tuple[str, str]) -> None:
        if await self.services.inside(incoming, key):
            return
        match self._calls.get(key):
            case None:
                if incoming.request.method != "ACK":
                    incoming.respond(481)
            case Call() as call:
                call.serve(incoming)
                if incoming.request.method == "REFER":
                    await self.services.referred(call, incoming.request.get("Refer-To"))
            case (leg, bridge):
                await bridge.serve(leg, incoming)

    def _register(self, incoming: Incoming) -> None:
        answer = self.registrar.register(incoming.request, time.monotonic())
        incoming.respond(answer.code, *answer.headers)
        user = parse_name_addr(incoming.request.get("To")).uri.user
        contact = incoming.request.get("Contact")
        path = incoming.request.all("Path")
        name = "registered" if answer.code == 200 else "register refused"
        facts = {"forwarded_for": incoming.request.all("X-Forwarded-For"), "over": incoming.flow.local.transport}
        self.journal(name, user=user, code=answer.code, fact=answer.fact, contact=contact, path=path, **facts)

    async def _invite(self, incoming: Incoming) -> None:
        asked = incoming.request
        caller = parse_name_addr(asked.get("From")).uri.user
        number = parse_uri(asked.uri).user
        facts = {"to": number, "from": caller, "source": str(incoming.source)}
        self.journal("invite", **facts, forwarded_for=asked.all("X-Forwarded-For"))
        if self.reply is not None:
            incoming.respond(self.reply)
            return
        refused = self.registrar.refusal(asked, caller) if caller in self.registrar.users else None
        if refused is not None:
            incoming.respond(refused.code, *refused.headers)
            return
        incoming.respond(100)
        if number in (TALK, HANGUP, REINVITE, *NUMBERS) or self.plan.answers.fullmatch(number):
            await self._own_number(incoming, number)
        else:
            await self._bridge(incoming, number)

    async def _own_number(self, incoming: Incoming, number: str) -> None:
        caller = parse_name_addr(incoming.request.get("From")).uri.user
        call = await self.call(incoming.local, incoming.source, caller)
        call.contact = self.ways.contact(incoming.source)
        try:
            if number in NUMBERS:
                await self.services.number(incoming, number, call)
            else:
                incoming.respond(180, ("Contact", call.contact))
                call.accept(incoming)
        except PEER_ERRORS:
            call.end("488")
            raise
        self._calls[call.key] = call
        if number == REINVITE:
            await self._pause(call, self.plan.reinvite_after_s)
            if not call.ended.is_set():
                await call.reinvite()
        await self.converse(call, caller, self.plan.hangup_after_s if number == HANGUP else None)

    async def converse(self, call: Call, user: str, talk_s: float | None) -> None:
        """Until the other side hangs up, or we do after ``talk_s``; then tell what was heard."""
        self._calls[call.key] = call
        await self._pause(call, talk_s)
        try:
            await call.bye()
        finally:
            self._calls.pop(call.key, None)
            heard = await asyncio.to_thread(call.voice.stream.heard)
            self.journal(
                "heard",
                user=user,
                tone_hz=heard.tone_hz,
                seconds=heard.seconds,
                loss_percent=heard.loss_percent,
                sources=call.voice.stream.sources,
                ended_by=call.ended_by,
                reinvites=call.reinvites,
                digits=call.voice.stream.digits,
                udptl=call.voice.stream.udptl,
            )

    async def _pause(self, call: Call, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await call.ended.wait()
        except TimeoutError:
            return

    async def _bridge(self, incoming: Incoming, number: str) -> None:
        asked = incoming.request
        binding = self.registrar.find(number, time.monotonic())
        if binding is not None:
            uri, path = binding.contact, binding.path
            hop = _first_hop(uri, path)
        elif self.plan.trunk is not None:
            trunk = self.plan.trunk
            uri, path, hop = f"sip:{number}@{trunk.host}{trunk.params}", (), trunk.hop()
        else:
            incoming.respond(404)
            return
        caller = NameAddr(parse_name_addr(asked.get("From")).uri, f";tag={secrets.token_hex(6)}")
        b = Leg(self.ways.contact(hop))
        kind = (SDP_TYPE,) if asked.body else ()
        headers = (("Contact", b.contact), *kind)
        to = str(parse_name_addr(asked.get("To")).uri)
        invite = dialogs.opening(
            "INVITE", uri, caller, to, (secrets.token_hex(12), 1), *headers, routes=path, body=asked.body
        )
        a = Leg(self.ways.contact(incoming.source))
        bridge = Bridge(self.ways.endpoint, a, b, self._bridge_event, self._bridge_known, self.tasks)
        await bridge.connect(incoming, invite, hop)

    async def fork(self, users: list[str]) -> None:
        """`Services.fork`; the journal says what the peers got wrong."""
        try:
            await self.services.fork(users)
        except CALL_ERRORS as exc:
            self.journal("failed", user=users[0], reason=f"{type(exc).__name__}: {exc}")

    def _bridge_event(self, name: str, fact: str) -> None:
        self.journal(name, fact=fact)

    def _bridge_known(self, leg: Leg, bridge: Bridge) -> None:
        self._calls[leg.key] = (leg, bridge)

    async def call(self, local: Hop, peer: Hop, user: str) -> Call:
        """A call with our tone in it, not placed or accepted yet. Raises OSError."""
        socks = [self.make(flows.family(local.host), socket.SOCK_DGRAM) for _ in range(1 + self.plan.rtcp)]
        stream = await open_stream(socks, local.host, self._metronome, self.plan.tone_hz)

        def event(name: str, fact: str) -> None:
            self.journal(name, user=user, fact=fact)

        return Call(self.ways.endpoint, Voice(stream), self.ways.contact(peer), event)


def _first_hop(contact: str, path: tuple[str, ...]) -> Hop:
    return parse_name_addr(path[0]).uri.hop() if path else parse_uri(contact).hop()
