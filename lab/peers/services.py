"""What a PBX does beside plain calls: numbers with a trick, messages, subscriptions, transfer.

603 rings for ever, 604 refreshes the session with UPDATE (RFC 4028), 605 lets early media be heard, reliably where the
caller can (RFC 3262), 607 turns to T.38, 608 rings under two To tags, as a fork does (RFC 3261 section 16.7), 609 is
reached through three more proxies, which stay on the way. 610 says back what it hears, as echo tests do; 611 plays its
tone before, until it hears something.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from lab.peers import dialog as dialogs
from lab.peers.address import AddressError, NameAddr, parse_name_addr, parse_uri
from lab.peers.call import SDP_TYPE
from lab.peers.endpoint import NoAnswerError

if TYPE_CHECKING:
    from lab.peers.call import Call
    from lab.peers.dialog import Dialog
    from lab.peers.exchange import Exchange
    from lab.peers.message import Request
    from lab.peers.transactions import Incoming, Outgoing

NUMBERS: Final = ("603", "604", "605", "607", "608", "609", "610", "611")
EARLY_S: Final = 1.2
"""So long 605 plays before it answers."""
SOON_S: Final = 0.5
SESSION: Final = (("Supported", "timer"), ("Session-Expires", "1800;refresher=uac"))
BODIES: Final = {
    "dialog": (
        "application/dialog-info+xml",
        '<?xml version="1.0"?><dialog-info state="full" version="{n}" entity="{u}"/>',
    ),
    "message-summary": ("application/simple-message-summary", "Messages-Waiting: yes\r\nVoice-Message: {n}/8\r\n"),
}
"""Event package to content type and body (RFC 4235, RFC 3842)."""


@dataclass(slots=True)
class Services:
    """Handles these for one exchange."""

    exchange: Exchange
    _subscriptions: dict[tuple[str, str], tuple[Dialog, str]] = field(default_factory=dict)
    _reliable: dict[tuple[str, str], asyncio.Event] = field(default_factory=dict)

    async def outside(self, incoming: Incoming) -> bool:
        """A request outside of a dialog; False when it is none of ours."""
        asked = incoming.request
        if asked.method == "MESSAGE":
            incoming.respond(202)
            sender = parse_name_addr(asked.get("From")).uri.user
            self.exchange.journal("message", user=sender, text=asked.body.decode(errors="replace"))
        elif asked.method == "SUBSCRIBE" and asked.get("Event") in BODIES:
            await self._subscribe(incoming, dialogs.accepted(asked, incoming.tag, 50))
        else:
            return False
        return True

    async def inside(self, incoming: Incoming, key: tuple[str, str]) -> bool:
        """A request inside a dialog; False when it is none of ours."""
        asked = incoming.request
        if asked.all("Route"):
            user = parse_name_addr(asked.get("From")).uri.user
            self.exchange.journal("routed", user=user, method=asked.method, routes=asked.all("Route"))
        waiting = self._reliable.get(key)
        if asked.method == "PRACK" and waiting is not None:
            incoming.respond(200)
            self.exchange.journal("prack", rack=asked.get("RAck"))
            waiting.set()
        elif asked.method == "SUBSCRIBE" and key in self._subscriptions:
            await self._subscribe(incoming, self._subscriptions[key][0])
        else:
            return False
        return True

    async def referred(self, call: Call, target: str) -> None:
        """Tell who transfers that it worked (RFC 3515 section 2.4.4), and hang up on it."""
        headers = (("Event", "refer"), ("Subscription-State", "terminated;reason=noresource"))
        kind = ("Content-Type", "message/sipfrag;version=2.0")
        final = await call.ask("NOTIFY", *headers, kind, body=b"SIP/2.0 200 OK\r\n")
        self.exchange.journal("transferred", target=target, code=final.code)

    async def send(self, method: str, user: str, text: str) -> None:
        """A MESSAGE, or a NOTIFY nobody subscribed to, for a registered user along its Path."""
        binding = self.exchange.registrar.find(user, time.monotonic())
        if binding is None:
            self.exchange.journal("sent", user=user, method=method, code=404)
            return
        hop = parse_uri(binding.contact).hop()
        hop = parse_name_addr(binding.path[0]).uri.hop() if binding.path else hop
        own = self.exchange.ways.own(hop)
        me = NameAddr(parse_uri(f"sip:600@{own.host}"), f";tag={secrets.token_hex(4)}")
        headers = [("Content-Type", "text/plain")]
        if method == "NOTIFY":
            headers = [("Event", "message-summary"), ("Subscription-State", "active")]
            headers += [("Content-Type", BODIES["message-summary"][0]), ("Contact", self.exchange.ways.contact(hop))]
        to = f"sip:{user}@{self.exchange.registrar.realm}"
        sequence = (secrets.token_hex(12), 1)
        request = dialogs.opening(
            method, binding.contact, me, to, sequence, *headers, routes=binding.path, body=text.encode()
        )
        final = await self.exchange.ways.endpoint.ask(request, hop)
        self.exchange.journal("sent", user=user, method=method, code=final.code)

    async def fork(self, users: list[str]) -> None:
        """Ring all these users with one INVITE, as a forking proxy does: same Call-ID, tag and CSeq.

        Who answers first has the call, the others are cancelled (RFC 3261 section 16.7 step 10).
        """
        exchange, endpoint = self.exchange, self.exchange.ways.endpoint
        sequence, tag = (secrets.token_hex(12), 1), secrets.token_hex(4)
        started: list[tuple[str, Request, Outgoing]] = []
        for user in users:
            binding = exchange.registrar.find(user, time.monotonic())
            if binding is None:
                raise AddressError(f"{user} is not registered")
            hop = parse_name_addr(binding.path[0]).uri.hop() if binding.path else parse_uri(binding.contact).hop()
            if not started:
                call = await exchange.call(exchange.ways.own(hop), hop, "fork")
                me = NameAddr(parse_uri(f"sip:600@{exchange.ways.own(hop).host}"), f";tag={tag}")
                body = call.voice.offer()
            headers = (("Contact", call.contact), SDP_TYPE)
            to = f"sip:{users[0]}@{exchange.registrar.realm}"
            routes = binding.path
            invite = dialogs.opening("INVITE", binding.contact, me, to, sequence, *headers, routes=routes, body=body)
            started.append((user, invite, await endpoint.start(invite, hop)))
        finals = {out.final: (user, invite, out) for user, invite, out in started}
        done, _ = await asyncio.wait(finals, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        winner = next(iter(done))
        for final, (user, _, out) in finals.items():
            if final is not winner:
                code = (await endpoint.cancel(out)).code
                exchange.journal("forked off", user=user, code=code, final=(await endpoint.finish(out, 10)).code)
        user, invite, out = finals[winner]
        answer = await endpoint.finish(out, 1)
        call.dialog = dialogs.established(invite, answer)
        call.voice.take(answer.body)
        await endpoint.ack(call.dialog, invite.cseq)
        await exchange.converse(call, user, 1.5)

    async def number(self, incoming: Incoming, number: str, call: Call) -> None:
        """Ring, play and answer as `number` does."""
        contact = ("Contact", call.contact)
        if number == "603":
            gone = asyncio.Event()
            incoming.on_cancel = gone.set
            incoming.respond(180, contact)
            await gone.wait()
            call.end("cancelled")
            return
        body = call.voice.answer(incoming.request.body)
        call.dialog = dialogs.accepted(incoming.request, incoming.tag, 100)
        match number:
            case "605":
                await self._early(incoming, call, body)
            case "609":
                here = call.contact[:-1]
                further = tuple(("Record-Route", f"{here};lr;proxy={name}>") for name in "cba")
                incoming.request = replace(incoming.request, headers=(*further, *incoming.request.headers))
                incoming.respond(180, contact)
            case "610" | "611":
                call.voice.stream.echo, call.voice.stream.greets = True, number == "611"
                incoming.respond(180, contact)
            case "608":
                incoming.respond(180, contact)
                first, incoming.tag = incoming.tag, secrets.token_hex(6)
                incoming.respond(183, contact, SDP_TYPE, body=body)
                await asyncio.sleep(SOON_S)
                incoming.tag = first
            case _:
                incoming.respond(180, contact)
        session = SESSION if number == "604" else ()
        incoming.respond(200, contact, SDP_TYPE, *session, body=body)
        if number in ("604", "607"):
            self.exchange.tasks.create_task(self._later(call, number, incoming.request))

    async def _early(self, incoming: Incoming, call: Call, body: bytes) -> None:
        headers = [("Contact", call.contact), SDP_TYPE]
        if "100rel" not in incoming.request.all("Supported"):
            incoming.respond(183, *headers, body=body)
            await asyncio.sleep(EARLY_S)
            return
        waiting = self._reliable.setdefault(call.key, asyncio.Event())
        incoming.respond(183, *headers, ("Require", "100rel"), ("RSeq", "7"), body=body)
        async with asyncio.timeout(8):
            await waiting.wait()
        await asyncio.sleep(EARLY_S)

    async def _later(self, call: Call, number: str, invite: Request) -> None:
        await asyncio.sleep(SOON_S)
        if call.ended.is_set():
            return
        user = parse_name_addr(invite.get("From")).uri.user
        try:
            code = (await call.ask("UPDATE", *SESSION)).code if number == "604" else await call.reinvite(fax=True)
        except (OSError, NoAnswerError):
            code = 408
        self.exchange.journal("updated" if number == "604" else "fax", user=user, code=code)

    async def _subscribe(self, incoming: Incoming, dialog: Dialog) -> None:
        asked = incoming.request
        package = asked.get("Event")
        contact = ("Contact", self.exchange.ways.contact(incoming.source))
        over = asked.get("Expires") == "0"
        incoming.respond(200, contact, ("Expires", asked.get("Expires") or "600"))
        dialog = replace(dialog.retargeted(asked), cseq=dialog.cseq + 1)
        self._subscriptions[dialog.call_id, dialog.local_tag] = dialog, package
        kind, text = BODIES[package]
        body = text.format(n=dialog.cseq - 50, u=dialog.local).encode()
        state = ("Subscription-State", "terminated;reason=timeout" if over else "active;expires=600")
        notify = dialogs.request(
            dialog, "NOTIFY", dialog.cseq, contact, ("Event", package), state, ("Content-Type", kind), body=body
        )
        final = await self.exchange.ways.endpoint.ask(notify, dialogs.next_hop(notify))
        self.exchange.journal(
            "notified", package=package, user=parse_name_addr(asked.get("From")).uri.user, code=final.code
        )
