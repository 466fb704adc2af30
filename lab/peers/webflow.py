"""SIP over WebSocket (RFC 7118) as a flow: like a browser it names no address of its own."""

from __future__ import annotations

import asyncio
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from lab.peers.address import Hop, bracketed
from lab.peers.flows import family
from lab.peers.message import MessageError, Request, Response, encode, parse_datagram
from lab.peers.websocket import FrameReader, Kind, WebSocketError, check_upgraded, frame, new_key, upgrade

if TYPE_CHECKING:
    import ssl

    from lab.peers.flows import Maker, Sink

LONGEST_HEAD = 8192


def _nowhere() -> Hop:
    return Hop("ws", f"{secrets.token_hex(6)}.invalid", 443)


@dataclass(slots=True)
class WebFlow(asyncio.Protocol):
    """A WebSocket to the edge. `opened` is done when it is upgraded, or fails with WebSocketError.

    `peer` is the edge, always with the transport `ws`: SIP knows no other word for it in URIs (RFC 7118 section 5.3).
    """

    sink: Sink
    request: bytes
    key: str
    opened: asyncio.Future[None]
    local: Hop = field(default_factory=_nowhere)
    peer: Hop | None = None
    seen_as: str = ""
    _head: bytes = b""
    _reader: FrameReader = field(default_factory=FrameReader)
    _transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        theirs, ours = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.peer = Hop("ws", theirs[0], theirs[1])
        self.seen_as = f"{bracketed(ours[0])}:{ours[1]}"
        self._transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """The answer to the handshake first, then frames."""
        try:
            if not self.opened.done():
                data = self._upgraded(data)
            for kind, payload in self._reader.feed(data):
                self._frame(kind, payload)
        except (WebSocketError, MessageError) as exc:
            if self.opened.done():
                self.sink.garbage(str(exc), self)
            else:
                self.opened.set_exception(exc)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the sink."""
        self._transport = None
        if not self.opened.done():
            self.opened.set_exception(WebSocketError("closed without an answer"))
        self.sink.closed(self)

    def send(self, message: Request | Response, to: Hop) -> None:
        """One message is one frame; nothing happens when the connection is gone."""
        del to
        if self._transport is not None:
            self._transport.write(frame(Kind.TEXT, encode(message)))

    def close(self) -> None:
        """Close the connection, with a closing frame."""
        if self._transport is not None:
            if self.opened.done():
                self._transport.write(frame(Kind.CLOSE, b"\x03\xe8"))
            self._transport.close()

    def abort(self) -> None:
        """Vanish, as a phone does that loses its network."""
        if self._transport is not None:
            self._transport.abort()

    def _upgraded(self, data: bytes) -> bytes:
        self._head += data
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found:
            if len(self._head) > LONGEST_HEAD:
                raise WebSocketError("an endless answer to the handshake")
            return b""
        check_upgraded(head, self.key)
        self.opened.set_result(None)
        return rest

    def _frame(self, kind: Kind, payload: bytes) -> None:
        match kind:
            case Kind.PING if self._transport is not None:
                self._transport.write(frame(Kind.PONG, payload))
            case Kind.CLOSE:
                self.close()
            case Kind.TEXT | Kind.BINARY if self.peer is not None:
                message = parse_datagram(payload)
                if message is not None:
                    self.sink.received(message, self, self.peer)
            case _:
                return


async def open_web(
    make: Maker,
    local: str,
    hop: Hop,
    sink: Sink,
    *,
    context: ssl.SSLContext | None,
    name: str,
    origin: str = "",
    port: int = 0,
    more: tuple[str, ...] = (),
) -> WebFlow:
    """A flow to `hop` (transport ws, or wss with `context`); `name` is the edge's, for TLS and Host.

    `origin` is that of the page, `https://name` where empty. Raises OSError (SSLError too), WebSocketError.
    """
    loop = asyncio.get_running_loop()
    key = new_key()
    request = upgrade(name, key, origin=origin or f"https://{name}", more=more)
    sock = make(family(hop.host), socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((local, port))
        async with asyncio.timeout(10):
            await loop.sock_connect(sock, (hop.host, hop.port))
            tls = context if hop.transport == "wss" else None
            _, flow = await loop.create_connection(
                lambda: WebFlow(sink, request, key, loop.create_future()),
                sock=sock,
                ssl=tls,
                server_hostname=name if tls else None,
            )
            await flow.opened
    except BaseException:
        with suppress(OSError):
            sock.close()
        raise
    return flow
