"""What a phone does beside plain calls: messages, subscriptions, reliable provisional answers, transfer."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from lab.peers import dialog as dialogs
from lab.peers.address import NameAddr, parse_name_addr, parse_uri
from lab.peers.message import MessageError

if TYPE_CHECKING:
    from types import TracebackType

    from lab.peers.call import Call
    from lab.peers.dialog import Dialog
    from lab.peers.message import Request, Response
    from lab.peers.phone import Phone
    from lab.peers.rtp import Packet
    from lab.peers.transactions import Incoming

PATIENCE_S = 10.0


def outside(phone: Phone, method: str, user: str, *headers: tuple[str, str], body: bytes = b"") -> Request:
    """A request outside of a dialog from this phone's user to another one."""
    line = phone.line
    me = NameAddr(parse_uri(f"sip:{line.user}@{line.domain}"), f";tag={secrets.token_hex(4)}")
    to = f"sip:{user}@{line.domain}"
    return dialogs.opening(method, to, me, to, (secrets.token_hex(12), 1), *headers, body=body)


async def message(phone: Phone, user: str, text: str) -> int:
    """MESSAGE (RFC 3428); the final code. Raises OSError, NoAnswerError."""
    request = outside(phone, "MESSAGE", user, ("Content-Type", "text/plain"), body=text.encode())
    return (await phone.endpoint.ask(request, phone.line.edge)).code


@dataclass(slots=True)
class Subscription:
    """SUBSCRIBE to `event` of `user` (RFC 6665). A context manager; ``notified`` holds each NOTIFY.

    The NOTIFY may come before the 200: it is matched by Call-ID and our tag alone.
    """

    phone: Phone
    user: str
    event: str
    notified: asyncio.Queue[Request] = field(default_factory=asyncio.Queue)
    _key: tuple[str, str] = ("", "")
    _dialog: Dialog | None = None

    async def __aenter__(self) -> Self:
        """Subscribe. Raises OSError, NoAnswerError, MessageError for a refusal."""
        headers = (("Contact", self.phone.contact()), ("Event", self.event), ("Expires", "600"))
        request = outside(self.phone, "SUBSCRIBE", self.user, *headers)
        self._key = request.call_id, parse_name_addr(request.get("From")).param("tag") or ""
        self.phone.takers.append(self._take)
        final = await self.phone.endpoint.ask(request, self.phone.line.edge)
        if final.code != 200:
            raise MessageError(f"SUBSCRIBE {final.code}")
        self._dialog = dialogs.established(request, final)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        self.phone.takers.remove(self._take)

    async def next(self) -> Request:
        """The next NOTIFY. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.notified.get()

    async def end(self) -> int:
        """Unsubscribe, inside the dialog; the final code. Raises OSError, NoAnswerError."""
        if self._dialog is None:
            raise RuntimeError("not subscribed")
        self._dialog = self._dialog.next()
        headers = (("Contact", self.phone.contact()), ("Event", self.event), ("Expires", "0"))
        request = dialogs.request(self._dialog, "SUBSCRIBE", self._dialog.cseq, *headers)
        return (await self.phone.endpoint.ask(request, dialogs.next_hop(request))).code

    def _take(self, incoming: Incoming) -> bool:
        asked = incoming.request
        if asked.method != "NOTIFY" or (asked.call_id, parse_name_addr(asked.get("To")).param("tag")) != self._key:
            return False
        incoming.respond(200)
        self.notified.put_nowait(asked)
        return True


@dataclass(slots=True)
class Early:
    """What came before the answer of a call: codes, To tags, answers to our PRACK, audio."""

    codes: list[int] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    pracked: list[int] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)


async def dial(phone: Phone, user: str, *, reliable: bool = False) -> tuple[Call, Early]:
    """Call with early media, and PRACK where `reliable`. Raises what `Call.place` raises."""
    call, invite = await phone.prepare(user)
    early = Early()
    if reliable:
        invite = invite.having(("Supported", "100rel"))
    async with asyncio.TaskGroup() as tasks:

        def provisional(answer: Response) -> None:
            if answer.code == 100:
                return
            early.codes.append(answer.code)
            early.tags.add(parse_name_addr(answer.get("To")).param("tag") or "")
            if answer.body:
                call.voice.take(answer.body)
            if "100rel" in answer.all("Require") and not early.pracked:
                tasks.create_task(acknowledge(answer))

        async def acknowledge(answer: Response) -> None:
            dialog = dialogs.established(invite, answer).next()
            rack = ("RAck", f"{answer.get('RSeq')} {answer.get('CSeq')}")
            request = dialogs.request(dialog, "PRACK", dialog.cseq, rack)
            early.pracked.append((await phone.endpoint.ask(request, dialogs.next_hop(request))).code)

        await call.place(invite, phone.line.edge, provisional, 20)
        early.packets += call.voice.stream.packets
    if call.dialog is not None:
        call.dialog = replace(call.dialog, cseq=call.dialog.cseq + len(early.pracked))
    return call, early
