"""UDP, TCP and TLS under asyncio: bytes become messages, messages become bytes. A flow never leaves its socket."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from lab.peers.address import Hop
from lab.peers.message import MessageError, Request, Response, StreamReader, encode, parse_datagram

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Maker = Callable[[socket.AddressFamily, socket.SocketKind], socket.socket]

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Who takes what flows bring."""

    def received(self, message: Request | Response, flow: Flow, source: Hop) -> None:
        """A message came."""

    def garbage(self, reason: str, flow: Flow) -> None:
        """Something came that is no message."""

    def closed(self, flow: Flow) -> None:
        """A stream ended."""


class Flow(Protocol):
    """A way to send. ``local`` is our own address; ``peer`` is None where one socket reaches everybody."""

    local: Hop
    peer: Hop | None

    def send(self, message: Request | Response, to: Hop) -> None:
        """Send; a stream ignores ``to``."""

    def close(self) -> None:
        """Give the socket up."""


@dataclass(slots=True)
class UdpFlow(asyncio.DatagramProtocol):
    """A bound UDP socket."""

    local: Hop
    sink: Sink
    peer: Hop | None = None
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ready."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand on what is a message."""
        try:
            message = parse_datagram(data)
        except MessageError as exc:
            self.sink.garbage(str(exc), self)
            return
        if message is not None:
            self.sink.received(message, self, Hop("udp", addr[0], addr[1]))

    def send(self, message: Request | Response, to: Hop) -> None:
        """Send one datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(encode(message), (to.host, to.port))

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()


@dataclass(slots=True)
class StreamFlow(asyncio.Protocol):
    """A TCP or TLS connection, of whichever direction."""

    transport_name: str
    sink: Sink
    local: Hop = field(default_factory=lambda: Hop("tcp", "", 0))
    peer: Hop | None = None
    _reader: StreamReader = field(default_factory=StreamReader)
    _transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note both ends."""
        self._transport = cast("asyncio.Transport", transport)
        ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self.local = Hop(self.transport_name, ours[0], ours[1])
        self.peer = Hop(self.transport_name, theirs[0], theirs[1])

    def data_received(self, data: bytes) -> None:
        """Hand on complete messages, answer pings (RFC 5626 section 4.4.1)."""
        try:
            messages = self._reader.feed(data)
        except MessageError as exc:
            self.sink.garbage(str(exc), self)
            self.close()
            return
        while self._reader.pings and self._transport is not None:
            self._reader.pings -= 1
            self._transport.write(b"\r\n")
        for message in messages:
            if self.peer is not None:
                self.sink.received(message, self, self.peer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the sink."""
        self._transport = None
        self.sink.closed(self)

    def send(self, message: Request | Response, to: Hop) -> None:
        """Send on the connection; nothing happens when it is gone."""
        if self._transport is not None:
            self._transport.write(encode(message))

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


def family(host: str) -> socket.AddressFamily:
    """The address family of an IP address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def open_udp(make: Maker, local: Hop, sink: Sink) -> UdpFlow:
    """A UDP flow bound to ``local`` (port 0: any). Raises OSError."""
    sock = make(family(local.host), socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((local.host, local.port))
    flow = UdpFlow(Hop("udp", local.host, sock.getsockname()[1]), sink)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: flow, sock=sock)
    return flow


async def connect(
    make: Maker, local: str, hop: Hop, sink: Sink, *, context: ssl.SSLContext | None, name: str = ""
) -> StreamFlow:
    """A TCP or TLS flow from ``local``; ``name`` is the server's name for TLS. Raises OSError (SSLError too)."""
    loop = asyncio.get_running_loop()
    sock = make(family(hop.host), socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        sock.bind((local, 0))
        async with asyncio.timeout(5):
            await loop.sock_connect(sock, (hop.host, hop.port))
            tls = context if hop.transport == "tls" else None
            _, flow = await loop.create_connection(
                lambda: StreamFlow(hop.transport, sink),
                sock=sock,
                ssl=tls,
                server_hostname=(name or hop.host) if tls else None,
            )
    except BaseException:
        with suppress(OSError):
            sock.close()
        raise
    return flow


async def listen(make: Maker, local: Hop, sink: Sink, context: ssl.SSLContext | None) -> asyncio.Server:
    """Accept TCP or TLS connections on ``local``. Raises OSError."""
    sock = make(family(local.host), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((local.host, local.port))
    tls = context if local.transport == "tls" else None
    return await asyncio.get_running_loop().create_server(lambda: StreamFlow(local.transport, sink), sock=sock, ssl=tls)
