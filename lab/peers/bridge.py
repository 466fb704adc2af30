"""Two legs of a back-to-back user agent: SDP passes unaltered, each leg has its own Call-ID and route set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.peers import dialog as dialogs
from lab.peers.endpoint import NoAnswerError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from lab.peers.address import Hop
    from lab.peers.dialog import Dialog
    from lab.peers.endpoint import Endpoint
    from lab.peers.message import Message, Request, Response
    from lab.peers.transactions import Incoming, Outgoing

RING_S = 60.0
"""An unanswered call ends after this."""


@dataclass(slots=True)
class Leg:
    """One side: its dialog once there is one, our Contact, and the 2xx whose ACK waits for the other side's."""

    contact: str
    dialog: Dialog | None = None
    unacknowledged: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Call-ID and our tag, by which requests find this leg."""
        return (self.dialog.call_id, self.dialog.local_tag) if self.dialog else ("", "")


@dataclass(slots=True)
class Bridge:
    """A call between ``a``, who called, and ``b``.

    ``event`` is told what happens; ``known`` when a leg can be found by its key.
    """

    endpoint: Endpoint
    a: Leg
    b: Leg
    event: Callable[[str, str], None]
    known: Callable[[Leg, Bridge], None]
    tasks: asyncio.TaskGroup
    over: bool = False

    async def connect(self, incoming: Incoming, invite: Request, hop: Hop) -> None:
        """Carry the INVITE over to ``b`` and its answers back. Raises MessageError, AddressError."""

        def provisional(message: Response) -> None:
            if message.code > 100:
                incoming.respond(message.code, ("Contact", self.a.contact), *_content(message), body=message.body)

        try:
            out = await self.endpoint.start(invite, hop, provisional)
            incoming.on_cancel = lambda: self._cancel(out)
            final = await self.endpoint.finish(out, RING_S)
        except (OSError, NoAnswerError) as exc:
            self.event("bridge failed", str(exc))
            incoming.respond(408)
            return
        if final.code < 300:
            await self._answered(incoming, invite, final)
            return
        self.event("refused", str(final.code))
        if not self.over:
            incoming.respond(final.code)

    def _cancel(self, out: Outgoing) -> None:
        self.over = True
        self.event("cancelled", out.sent.uri)
        self.tasks.create_task(self.endpoint.cancel(out))

    async def _answered(self, incoming: Incoming, invite: Request, final: Response) -> None:
        self.b.dialog = dialogs.established(invite, final)
        self.a.dialog = dialogs.accepted(incoming.request, incoming.tag, 500)
        self.known(self.a, self)
        self.known(self.b, self)
        if incoming.request.body:
            await self.endpoint.ack(self.b.dialog, invite.cseq)
        else:
            # A late offer: the answer comes in the caller's ACK.
            self.b.unacknowledged = invite.cseq
        self.event("bridged", invite.uri)
        incoming.respond(200, ("Contact", self.a.contact), *_content(final), body=final.body)

    async def serve(self, leg: Leg, incoming: Incoming) -> None:
        """A request inside one leg's dialog, to be carried to the other. Raises MessageError, AddressError."""
        other = self.b if leg is self.a else self.a
        asked = incoming.request
        if asked.method == "ACK":
            await self._pass_ack(other, asked)
            return
        if other.dialog is None or leg.dialog is None:
            incoming.respond(481)
            return
        if asked.method == "BYE":
            incoming.respond(200)
            if self.over:
                return
            self.over = True
            self.event("bye", asked.get("From"))
        else:
            leg.dialog = leg.dialog.retargeted(asked) if asked.method == "INVITE" else leg.dialog
        await self._pass(leg, other, other.dialog.next(), incoming)

    async def _pass_ack(self, other: Leg, ack: Request) -> None:
        if other.dialog is not None and other.unacknowledged is not None:
            cseq, other.unacknowledged = other.unacknowledged, None
            await self.endpoint.ack(other.dialog, cseq, ack.body)

    async def _pass(self, leg: Leg, other: Leg, dialog: Dialog, incoming: Incoming) -> None:
        asked = incoming.request
        other.dialog = dialog
        headers = [*_content(asked)]
        if asked.method in ("INVITE", "UPDATE"):
            headers.append(("Contact", other.contact))
        cseq = dialog.cseq
        request = dialogs.request(dialog, asked.method, cseq, *headers, body=asked.body)
        try:
            final = await self.endpoint.ask(request, dialogs.next_hop(request), 20)
        except (OSError, NoAnswerError) as exc:
            self.event("bridge failed", str(exc))
            if asked.method != "BYE":
                incoming.respond(408)
            return
        if asked.method == "BYE":
            return
        if asked.method == "INVITE" and final.code < 300:
            other.dialog = dialog = dialog.retargeted(final)
            if asked.body:
                await self.endpoint.ack(dialog, cseq)
            else:
                other.unacknowledged = cseq
        self.event(f"{asked.method} passed", str(final.code))
        contact = (("Contact", leg.contact),) if asked.method in ("INVITE", "UPDATE") else ()
        incoming.respond(final.code, *contact, *_content(final), body=final.body)


def _content(message: Message) -> tuple[tuple[str, str], ...]:
    kind = message.get("Content-Type")
    return (("Content-Type", kind),) if kind and message.body else ()
