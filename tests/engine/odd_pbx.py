"""PBXs and providers that do what real ones do on their bad days: scripted by the number that is called.

`x486`, `0486` and the like are answered with that code; `unheard` nothing is answered at all; `rings` rings for eleven
seconds and gives up; `port0` refuses the audio in its 200; `savp` encrypts what was offered plain; `noack` never sees
an ACK; `refuses` and `glares` take the call and refuse to change it. Whatever else is called is answered, and silent.

A 200 is sent again until its ACK comes; without one the call is ended after 64 * T1 (RFC 3261 section 13.3.1.4).
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from lab.peers import dialog as dialogs
from lab.peers.address import parse_uri
from lab.peers.message import Request, Response, encode, parse_datagram

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from lab.net import Net
    from lab.peers.message import Message

T1_S: Final = 0.5
NO_ACK_S: Final = 64 * T1_S
RINGS_S: Final = 11.0
SDP: Final = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} {profile} 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\n{more}"
)
_KEY: Final = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
_COPIED: Final = ("Via", "From", "Call-ID", "CSeq", "Record-Route")
_CODE: Final = re.compile(r"[x0]([3-6]\d\d)")
_LATER: Final = {"refuses": 488, "glares": 491}


@dataclass
class OddPbx(asyncio.DatagramProtocol):
    """One socket; `acked` are the Call-IDs whose ACK came, `finals` the codes that our own calls got."""

    host: str
    port: int
    acked: set[str] = field(default_factory=set)
    finals: dict[str, asyncio.Future[Response]] = field(default_factory=dict)
    _numbers: dict[str, str] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One message."""
        message = parse_datagram(data)
        if isinstance(message, Request):
            self._request(message, addr)
        elif isinstance(message, Response):
            self._response(message, addr)

    async def invite(self, uri: str, edge: tuple[str, int], *, ack: bool = True) -> tuple[str, Response]:
        """Call through the edge; the Call-ID and the final answer. Without `ack` a 200 gets none."""
        call_id = secrets.token_hex(12)
        self.finals[call_id] = asyncio.get_running_loop().create_future()
        if not ack:
            self._numbers[call_id] = "unacknowledged"
        me = f"sip:odd@{self.host}:{self.port}"
        head = (
            ("Via", f"SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{call_id};rport"),
            *(("Max-Forwards", "70"), ("From", f"<sip:odd@{self.host}>;tag={call_id[:8]}"), ("To", f"<{uri}>")),
            *(("Call-ID", call_id), ("CSeq", "1 INVITE"), ("Contact", f"<{me}>"), ("Content-Type", "application/sdp")),
        )
        request = Request(head, self._sdp(), method="INVITE", uri=uri)
        for _ in range(6):
            self._send(encode(request), edge)
            done, _ = await asyncio.wait([self.finals[call_id]], timeout=T1_S * 4)
            if done:
                break
        return call_id, await asyncio.wait_for(self.finals[call_id], 30)

    def close(self) -> None:
        """Be silent."""
        for task in self._tasks:
            task.cancel()
        if self._transport:
            self._transport.close()

    def _request(self, asked: Request, addr: tuple[str, int]) -> None:
        inside = ";tag=" in asked.get("To")
        match asked.method:
            case "ACK":
                self.acked.add(asked.call_id)
            case "INVITE" if inside:
                self._answer(asked, addr, _LATER.get(self._numbers.get(asked.call_id, ""), 200))
            case "INVITE" if asked.call_id not in self._numbers:
                number = self._numbers[asked.call_id] = parse_uri(asked.uri).user
                self._spawn(self._serve(asked, addr, number))
            case "INVITE":
                return
            case _:
                self._answer(asked, addr, 200)

    async def _serve(self, asked: Request, addr: tuple[str, int], number: str) -> None:
        if number == "unheard":
            return
        if code := _CODE.fullmatch(number):
            self._answer(asked, addr, int(code[1]))
            return
        self._answer(asked, addr, 180)
        if number == "rings":
            await asyncio.sleep(RINGS_S)
            self._answer(asked, addr, 480)
            return
        body = (
            self._sdp(port=0) if number == "port0" else self._sdp("RTP/SAVP", _KEY) if number == "savp" else self._sdp()
        )
        pause_s, waited_s = T1_S, 0.0
        while waited_s < NO_ACK_S and (number == "noack" or asked.call_id not in self.acked):
            self._answer(asked, addr, 200, body)
            await asyncio.sleep(min(pause_s, NO_ACK_S - waited_s))
            waited_s, pause_s = waited_s + pause_s, min(pause_s * 2, 4.0)
        if waited_s >= NO_ACK_S:
            dialog = dialogs.accepted(asked, self._tag(asked), 2)
            bye = dialogs.request(dialog, "BYE", 2)
            via = ("Via", f"SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bKbye{asked.call_id};rport")
            self._send(encode(Request((via, *bye.headers), method="BYE", uri=bye.uri)), addr)

    def _response(self, answer: Response, addr: tuple[str, int]) -> None:
        waiting = self.finals.get(answer.call_id)
        if answer.code < 200 or answer.cseq_method != "INVITE" or waiting is None:
            return
        if answer.code >= 300 or self._numbers.get(answer.call_id) != "unacknowledged":
            self._send(encode(self._ack(answer)), addr)
        if not waiting.done():
            waiting.set_result(answer)

    def _ack(self, answer: Response) -> Request:
        branch = answer.branch if answer.code >= 300 else f"z9hG4bKack{answer.call_id}"
        routes = tuple(("Route", value) for value in reversed(answer.all("Record-Route"))) if answer.code < 300 else ()
        uri = answer.get("Contact").strip("<>") if answer.code < 300 else "sip:ack@edge.example.com"
        head = (
            ("Via", f"SIP/2.0/UDP {self.host}:{self.port};branch={branch};rport"),
            *(("Max-Forwards", "70"), ("From", answer.get("From")), ("To", answer.get("To"))),
            *(("Call-ID", answer.call_id), ("CSeq", f"{answer.cseq} ACK"), *routes),
        )
        return Request(head, method="ACK", uri=uri)

    def _answer(self, asked: Message, addr: tuple[str, int], code: int, body: bytes = b"") -> None:
        to = asked.get("To")
        to = to if ";tag=" in to or code == 100 else f"{to};tag={self._tag(asked)}"
        copied = tuple(pair for pair in asked.headers if pair[0] in _COPIED)
        head = (*copied, ("To", to), ("Contact", f"<sip:odd@{self.host}:{self.port}>"))
        if body:
            head = (*head, ("Content-Type", "application/sdp"))
        self._send(encode(Response(head, body, code=code, reason="As Scripted")), addr)

    def _sdp(self, profile: str = "RTP/AVP", more: str = "", port: int = 40_000) -> bytes:
        return SDP.format(host=self.host, port=port, profile=profile, more=more).encode()

    def _tag(self, asked: Message) -> str:
        return f"odd{asked.call_id[:8]}"

    def _send(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport:
            self._transport.sendto(data, addr)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def odd_pbx(net: Net, name: str, host: str, port: int) -> AsyncIterator[OddPbx]:
    """One that listens on a host of the network."""
    sock = net.socket(name, kind=socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, port))
    made = OddPbx(host, port)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, sock=sock)
    try:
        yield made
    finally:
        made.close()
