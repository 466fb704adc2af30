"""RTCP of the peers: what came is counted as RFC 3550 says, and told to the other side every second.

Source: RFC 3550 sections 6.4 (SR and RR) and 6.5 (SDES), appendices A.3 (loss) and A.8 (jitter). A second is less than
section 6.2 wants: calls of the lab are short.
"""

from __future__ import annotations

import asyncio
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from lab.peers.rtp import Packet, Stream

SENDER, RECEIVER, DESCRIPTION = 200, 201, 202
EVERY_S = 1.0
RATE = 8000
"""The clock of G.711."""
NTP_S = 2_208_988_800
"""Seconds from its epoch to Unix's."""


@dataclass(slots=True)
class Reception:
    """What came from one source: `packet` takes it, `block` tells of it; ``lsr``, ``lsr_at_s``: its last report."""

    ssrc: int
    first: int
    highest: int
    received: int = 0
    jitter: float = 0.0
    lsr: int = 0
    lsr_at_s: float = 0.0
    _transit: float | None = None
    _told: tuple[int, int] = (0, 0)

    def packet(self, packet: Packet) -> None:
        """One more."""
        self.received += 1
        ahead = (packet.sequence - self.highest) & 0xFFFF
        self.highest += ahead if ahead < 0x8000 else 0
        transit = packet.arrival_s * RATE - packet.timestamp
        if self._transit is not None:
            self.jitter += (abs(transit - self._transit) - self.jitter) / 16
        self._transit = transit

    def block(self, now_s: float) -> bytes:
        """The report block, loss since the last one included."""
        expected = self.highest - self.first + 1
        since = expected - self._told[0]
        missing = max(0, since - (self.received - self._told[1]))
        self._told = expected, self.received
        fraction = min(255, missing * 256 // since) if since > 0 else 0
        lost = min(max(0, expected - self.received), 0x7FFFFF)
        delay = int((now_s - self.lsr_at_s) * 65_536) if self.lsr else 0
        words = (self.ssrc, fraction << 24 | lost, self.highest, int(self.jitter), self.lsr, delay)
        return struct.pack("!6I", *(word & 0xFFFFFFFF for word in words))


@dataclass(slots=True)
class Reports(asyncio.DatagramProtocol):
    """The RTCP of one stream, at a port of its own, which SDP names (RFC 3605). Open with `open_reports`.

    ``heard`` are the blocks of the other side about us: loss since the one before in 256ths.
    """

    stream: Stream
    port: int
    heard: list[int] = field(default_factory=list)
    _from: Reception | None = None
    _transport: asyncio.DatagramTransport | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._again()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Remember when the other side's report came."""
        if len(data) < 28 or data[0] >> 6 != 2 or data[1] != SENDER:
            return
        ssrc, high, low = struct.unpack_from("!III", data, 4)
        if self._from and ssrc == self._from.ssrc:
            self._from.lsr = (high & 0xFFFF) << 16 | low >> 16
            self._from.lsr_at_s = asyncio.get_running_loop().time()
        if data[0] & 0x1F and len(data) >= 52:
            self.heard.append(data[32])

    def packet(self, packet: Packet) -> None:
        """Audio came."""
        if self._from is None or self._from.ssrc != packet.ssrc:
            self._from = Reception(packet.ssrc, packet.sequence, packet.sequence)
        self._from.packet(packet)

    def close(self) -> None:
        """Free the port."""
        if self._timer:
            self._timer.cancel()
        if self._transport:
            self._transport.close()

    def _again(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(EVERY_S, self._again)
        stream = self.stream
        if self._transport is None or stream.remote is None or not stream.sent:
            return
        block = self._from.block(loop.time()) if self._from else b""
        seconds, rest = divmod(time.time() + NTP_S, 1)
        count = len(block) // 24
        head = (0x80 | count, SENDER, 6 + 6 * count, stream.ssrc, int(seconds) & 0xFFFFFFFF, int(rest * 2**32))
        report = struct.pack("!BBHIIIIII", *head, stream.at & 0xFFFFFFFF, stream.sent, stream.sent * 160) + block
        name = struct.pack("!BBHIBB", 0x81, DESCRIPTION, 3, stream.ssrc, 1, 4) + b"lab\0\0\0"
        host, port = stream.remote
        self._transport.sendto(report + name, (host, port + 1))


async def open_reports(sock: socket.socket, stream: Stream) -> Reports:
    """From now on this stream reports, once it has its `reports`. Raises OSError."""
    sock.setblocking(False)
    sock.bind((stream.local[0], 0))
    reports = Reports(stream, sock.getsockname()[1])
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: reports, sock=sock)
    return reports


def uplink(lose_each: int, late_s: float) -> Callable[[int], float | None]:
    """A bad way out: one packet in so many is lost, and others come late, by an uneven time up to ``late_s``."""

    def way(number: int) -> float | None:
        if number % lose_each == lose_each - 1:
            return None
        # Uneven and yet the same in each call: steps of a full cycle modulo a prime.
        return late_s * (number * 37 % 101) / 100

    return way
