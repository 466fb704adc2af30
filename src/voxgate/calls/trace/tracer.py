"""Takes what Kamailio captures, keeps it, sends it on to Homer, and pauses capturing under load.

Kamailio sends each message as it is on the wire before encryption, once as it comes in and once as it goes out. OPTIONS
of health checks and keepalives say nothing about calls and are dropped unread.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from voxgate.calls.trace.masks import masked
from voxgate.calls.trace.message import LONGEST, Message, call_id_of
from voxgate.calls.trace.ring import Ring
from voxgate.config.trace import Trace
from voxgate.engines.siptrace import SOURCE, TARGET
from voxgate.errors import EngineError, HostError, PeerError
from voxgate.wire import hep

if TYPE_CHECKING:
    from voxgate.host.clock import Clock

log = logging.getLogger(__name__)

TICK_S: Final = 1.0
#: How long capturing pauses when there was too much in a second: twice as long each time, while the load lasts.
PAUSE_S: Final = (10.0, 320.0)
_RECEIVE_BUFFER_BYTES: Final = 4 * 1024 * 1024
_SO_RCVBUFFORCE: Final = 33
_DULL: Final = (b"OPTIONS ",)
_DULL_REPLY: Final = b" OPTIONS\r\n"


class Rpc(Protocol):
    """Kamailio's JSON-RPC. Raises EngineError or PeerError."""

    async def call(self, method: str, *params: str | int) -> object:
        """The result of one call."""


class Tracer(asyncio.DatagramProtocol):
    """Captures what `follow` says is wanted; `ring` holds it."""

    def __init__(self, rpc: Rpc, clock: Clock) -> None:
        self._rpc = rpc
        self._clock = clock
        self._wanted = Trace()
        self.ring = self._ring()
        self._came = 0
        self._full = asyncio.Event()
        self._pause_s, self._resumes_s = PAUSE_S[0], 0.0
        self._on: bool | None = None
        self._homer: socket.socket | None = None

    def follow(self, wanted: Trace) -> None:
        """What is wanted from now on; what was kept stays as far as it has room."""
        self._wanted, kept = wanted, self.ring
        self.ring = self._ring()
        if wanted.enabled:
            for call_id, messages in reversed(list(kept.calls())):
                for message in messages:
                    self.ring.add(call_id, message)
        self._on = None
        if self._homer:
            self._homer.close()
            self._homer = None
        if wanted.enabled and wanted.homer:
            family = socket.AF_INET if wanted.homer.address.version == 4 else socket.AF_INET6
            self._homer = socket.socket(family, socket.SOCK_DGRAM)
            self._homer.setblocking(False)

    def restarted(self) -> None:
        """A new Kamailio captures nothing until it is told to."""
        self._on = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One message. Only Kamailio holds the port that it comes from."""
        self._came += 1
        if self._came > self._wanted.messages_per_second:
            self._full.set()
            return
        if addr != SOURCE:
            return
        try:
            packet = hep.decode(data)
        except PeerError:
            return
        head = packet.payload[:1500].partition(b"\r\n\r\n")[0]
        if packet.payload.startswith(_DULL) or _DULL_REPLY in head or not (call_id := call_id_of(packet.payload)):
            return
        proto = "udp" if packet.proto == hep.UDP else "tcp"
        source, target = _place(packet.source, packet.source_port), _place(packet.target, packet.target_port)
        self.ring.add(call_id, Message(packet.epoch_s, source, target, proto, packet.payload[:LONGEST]))
        if self._homer:
            self._send_on(packet, call_id)

    async def serve(self) -> None:
        """Every second until cancelled. Raises HostError where the port is taken."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=_receiver())
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self._full.wait()
                await self.tick()
        finally:
            transport.close()

    async def tick(self) -> None:
        """Switch capturing on and off as it is wanted and as the load is."""
        now_s, came = self._clock.monotonic(), self._came
        self._came = 0
        self.ring.expire(self._clock.wall().timestamp())
        if self._full.is_set():
            self._full.clear()
            if self._on:
                self._resumes_s = now_s + self._pause_s
                log.info("trace_pauses messages=%d seconds=%g", came, self._pause_s)
                self._pause_s = min(self._pause_s * 2, PAUSE_S[1])
        elif self._on:
            self._pause_s = PAUSE_S[0]
        on = self._wanted.enabled and now_s >= self._resumes_s
        if on is not self._on:
            try:
                await self._rpc.call("siptrace.status", "on" if on else "off")
                self._on = on
            except (EngineError, PeerError) as error:
                log.info("trace_not_switched reason=%s", error)

    def _send_on(self, packet: hep.Packet, call_id: str) -> None:
        homer = self._wanted.homer
        if homer is None or self._homer is None:
            return
        told = hep.Packet(
            *(packet.source, packet.source_port, packet.target, packet.target_port, packet.proto, packet.epoch_s),
            masked(packet.payload),
            homer.capture_id,
            call_id.encode(),
        )
        try:
            self._homer.sendto(hep.encode(told), (str(homer.address), homer.port))
        except (OSError, PeerError):
            # A capture server that is not there is no reason to hold anything up.
            return

    def _ring(self) -> Ring:
        return Ring(self._wanted.megabytes * 1024 * 1024, self._wanted.minutes * 60.0)


def _place(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _receiver() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    try:
        sock.bind(TARGET)
    except OSError as error:
        sock.close()
        raise HostError(f"UDP port {TARGET[1]} on {TARGET[0]} is taken", "stop who has it") from error
    sock.setblocking(False)
    return sock
