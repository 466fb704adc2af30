"""A call with our own voice in it, as the phone has it and as the PBX's numbers do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lab.peers import dialog as dialogs
from lab.peers import digest
from lab.peers.sdp import Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.peers.address import Hop
    from lab.peers.dialog import Dialog
    from lab.peers.digest import Account
    from lab.peers.endpoint import Endpoint
    from lab.peers.message import Request, Response
    from lab.peers.transactions import Incoming, Outgoing
    from lab.peers.voice import Voice

SDP_TYPE = ("Content-Type", "application/sdp")


def authorised(request: Request, refusal: Response, account: Account, cnonce: str) -> Request:
    """The request again, with the answer to the challenge. Raises DigestError."""
    proxy = refusal.code == 407
    asked = refusal.get("Proxy-Authenticate" if proxy else "WWW-Authenticate")
    value = digest.answer(asked, account, request.method, request.uri, cnonce)
    headers = [pair for pair in request.headers if pair[0] not in ("CSeq", "Authorization", "Proxy-Authorization")]
    headers.append(("CSeq", f"{request.cseq + 1} {request.method}"))
    headers.append(("Proxy-Authorization" if proxy else "Authorization", value))
    return replace(request, headers=tuple(headers))


@dataclass(slots=True)
class Call:
    """One dialog and its voice.

    ``contact`` is our Contact value; ``event`` is told what happens (name, then facts); ``ended_by`` is "us", "them"
    or the code that refused the call.
    """

    endpoint: Endpoint
    voice: Voice
    contact: str
    event: Callable[[str, str], None]
    dialog: Dialog | None = None
    outgoing: Outgoing | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ended_by: str = ""
    reinvites: int = 0
    _awaits_answer: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Call-ID and our tag, by which requests find this call."""
        return (self.dialog.call_id, self.dialog.local_tag) if self.dialog else ("", "")

    async def place(
        self,
        invite: Request,
        hop: Hop,
        provisional: Callable[[Response], None],
        timeout_s: float,
        account: tuple[Account, str] | None = None,
    ) -> Response:
        """Send an INVITE (without Contact and body: a late offer) and see it through to the ACK.

        Raises OSError, NoAnswerError, SdpError, MessageError, AddressError, DigestError.
        """
        invite = invite.having(("Contact", self.contact))
        self.outgoing = await self.endpoint.start(invite, hop, provisional)
        final = await self.endpoint.finish(self.outgoing, timeout_s)
        if final.code in (401, 407) and account is not None:
            invite = authorised(invite, final, *account)
            self.outgoing = await self.endpoint.start(invite, hop, provisional)
            final = await self.endpoint.finish(self.outgoing, timeout_s)
        if final.code >= 300:
            self.end(str(final.code))
            return final
        self.dialog = dialogs.established(invite, final)
        if invite.body:
            self.voice.take(final.body)
            await self.endpoint.ack(self.dialog, invite.cseq)
        else:
            await self.endpoint.ack(self.dialog, invite.cseq, self.voice.answer(final.body))
        self.event("answered", f"hop={dialogs.next_hop(dialogs.request(self.dialog, 'ACK', 1))}")
        return final

    def accept(self, incoming: Incoming) -> None:
        """Answer with 200. Raises SdpError, MessageError, AddressError."""
        asked = incoming.request
        body = self.voice.answer(asked.body) if asked.body else self.voice.offer()
        self._awaits_answer = not asked.body
        self.dialog = dialogs.accepted(asked, incoming.tag, 100)
        incoming.respond(200, ("Contact", self.contact), SDP_TYPE, body=body)
        self.event("accepted", asked.get("From"))

    def serve(self, incoming: Incoming) -> None:
        """A request inside the dialog. Raises SdpError, MessageError, AddressError."""
        asked = incoming.request
        match asked.method:
            case "ACK":
                if asked.body and self._awaits_answer:
                    self.voice.take(asked.body)
                self._awaits_answer = False
            case "INVITE" | "UPDATE":
                self._renegotiate(incoming)
            case "BYE":
                incoming.respond(200)
                self.end("them")
            case "OPTIONS" | "INFO" | "NOTIFY" | "MESSAGE" | "PRACK":
                incoming.respond(200)
                self.event(asked.method.lower(), asked.get("RAck") or asked.body.decode(errors="replace").strip())
            case "REFER":
                incoming.respond(202, ("Contact", self.contact))
                self.event("referred", asked.get("Refer-To"))
            case _:
                incoming.respond(501)

    async def reinvite(self, direction: Direction = Direction.BOTH, *, fax: bool = False) -> int:
        """Renegotiate; hold is ``Direction.SEND``. Returns the final code. Raises what `place` raises."""
        dialog = self._next()
        offer = self.voice.fax() if fax else self.voice.offer(direction)
        headers = (("Contact", self.contact), SDP_TYPE)
        request = dialogs.request(dialog, "INVITE", dialog.cseq, *headers, body=offer)
        final = await self.endpoint.ask(request, dialogs.next_hop(request), 15)
        if final.code < 300:
            self.dialog = dialog.retargeted(final)
            self.voice.take(final.body)
            await self.endpoint.ack(self.dialog, dialog.cseq)
        self.event("reinvited", str(final.code))
        return final.code

    async def ask(self, method: str, *headers: tuple[str, str], body: bytes = b"") -> Response:
        """Any other request inside the dialog. Raises OSError, NoAnswerError."""
        dialog = self._next()
        request = dialogs.request(dialog, method, dialog.cseq, ("Contact", self.contact), *headers, body=body)
        return await self.endpoint.ask(request, dialogs.next_hop(request))

    async def bye(self) -> int:
        """Hang up. Returns the code, 0 if the call is over already. Raises OSError, NoAnswerError."""
        if self.ended.is_set():
            return 0
        dialog = self._next()
        request = dialogs.request(dialog, "BYE", dialog.cseq)
        self.end("us")
        final = await self.endpoint.ask(request, dialogs.next_hop(request))
        self.event("bye", str(final.code))
        return final.code

    def end(self, who: str) -> None:
        """It is over: silence, and whoever waits is woken."""
        if not self.ended.is_set():
            self.ended_by = who
            self.voice.stream.close()
            self.ended.set()
            self.event("ended", who)

    def _renegotiate(self, incoming: Incoming) -> None:
        asked = incoming.request
        if self.dialog is not None and asked.method == "INVITE":
            self.dialog = self.dialog.retargeted(asked)
        self.reinvites += 1
        headers: list[tuple[str, str]] = [("Contact", self.contact)]
        body = b""
        if asked.body or asked.method == "INVITE":
            body = self.voice.answer(asked.body) if asked.body else self.voice.offer()
            self._awaits_answer = not asked.body
            headers.append(SDP_TYPE)
        incoming.respond(200, *headers, body=body)
        self.event("reinvite", asked.method)

    def _next(self) -> Dialog:
        if self.dialog is None:
            raise RuntimeError("the call has no dialog yet")
        self.dialog = self.dialog.next()
        return self.dialog
