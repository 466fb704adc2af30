"""RTP of the peers: one metronome sends everybody's tone every 20 ms; what comes is kept by its timestamps.

Source of the header: RFC 3550 section 5.1; payload types: RFC 3551; DTMF: RFC 4733 section 2.3; UDPTL: ITU-T T.38.
"""

from __future__ import annotations

import asyncio
import random
import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from lab import g711, tones
from lab.g711 import Law
from lab.peers.rtcp import open_reports

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from lab.peers.rtcp import Reports
    from lab.peers.secrecy import Secrecy

FRAME = 160
FRAME_S = 0.02
LONGEST_S = 300
"""A recording is cut here."""
KEYS = "0123456789*#ABCD"
"""DTMF in the order of its codes."""
PRESSED = 5
"""Packets of a key that is held for 100 ms; the last of them is sent three times."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A received RTP packet; ``arrival_s`` is the clock of the event loop."""

    kind: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    arrival_s: float


def parse(data: bytes, arrival_s: float) -> Packet | None:
    """None for what is no RTP of version 2, RTCP included."""
    if len(data) < 12 or data[0] >> 6 != 2 or 64 <= data[1] & 0x7F <= 95:
        return None
    sequence, timestamp, ssrc = struct.unpack_from("!HII", data, 2)
    start = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10 and len(data) >= start + 4:
        start += 4 + 4 * int(struct.unpack_from("!H", data, start + 2)[0])
    return Packet(data[1] & 0x7F, sequence, timestamp, ssrc, data[start:], arrival_s)


def assemble(packets: list[Packet]) -> array[int]:
    """The recording: each packet at its timestamp, silence where none came; a new SSRC starts where it arrived."""
    out = array("h")
    if not packets:
        return out
    bases: dict[int, tuple[int, int]] = {}
    for packet in packets:
        if packet.kind not in (Law.PCMU, Law.PCMA):
            continue
        at = round((packet.arrival_s - packets[0].arrival_s) * tones.RATE)
        place, first = bases.setdefault(packet.ssrc, (at, packet.timestamp))
        place += (packet.timestamp - first + 0x80000000) % 0x100000000 - 0x80000000
        if not 0 <= place < LONGEST_S * tones.RATE:
            continue
        samples = g711.decode(Law(packet.kind), packet.payload)
        if place + len(samples) > len(out):
            out.extend([0] * (place + len(samples) - len(out)))
        out[place : place + len(samples)] = samples
    return out


class Metronome:
    """Calls every subscriber each 20 ms from the running event loop; late ticks are caught up, so no tone has gaps."""

    def __init__(self) -> None:
        self._subscribers: set[Callable[[], None]] = set()
        self._handle: asyncio.TimerHandle | None = None
        self._next_s = 0.0

    def add(self, subscriber: Callable[[], None]) -> None:
        """Start calling it."""
        self._subscribers.add(subscriber)
        if self._handle is None:
            loop = asyncio.get_running_loop()
            self._next_s = loop.time() + FRAME_S
            self._handle = loop.call_at(self._next_s, self._tick)

    def remove(self, subscriber: Callable[[], None]) -> None:
        """Stop calling it; with the last one the clock stops."""
        self._subscribers.discard(subscriber)
        if not self._subscribers and self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while self._next_s <= loop.time():
            for subscriber in tuple(self._subscribers):
                subscriber()
            self._next_s += FRAME_S
        self._handle = loop.call_at(self._next_s, self._tick) if self._subscribers else None


@dataclass(slots=True)
class Stream(asyncio.DatagramProtocol):
    """One call's audio: sends ``tone_hz`` to ``remote`` while it is set, keeps what comes from anywhere.

    ``sources`` counts packets by address. ``events`` is the payload type of DTMF, ``digits`` the keys the other side
    pressed; ``secrecy`` encrypts. With ``echo``, what comes is sent back in the place of the tone, which plays before
    with ``greets``. With ``fax``, UDPTL is sent instead of RTP; ``udptl`` counts what came of it. With ``reports``,
    RTCP is spoken as well. ``uplink`` tells of each packet by how many seconds it comes late, or None where it is
    lost. Open with `open_stream`.
    """

    metronome: Metronome
    tone_hz: int
    law: Law = Law.PCMU
    remote: tuple[str, int] | None = None
    packets: list[Packet] = field(default_factory=list)
    sources: dict[str, int] = field(default_factory=dict)
    local: tuple[str, int] = ("", 0)
    sending: bool = True
    events: int | None = None
    digits: str = ""
    fax: bool = False
    udptl: int = 0
    secrecy: Secrecy | None = None
    echo: bool = False
    greets: bool = False
    reports: Reports | None = None
    uplink: Callable[[int], float | None] | None = None
    ssrc: int = field(default_factory=lambda: random.getrandbits(32))
    _pressed: list[tuple[int, bytes]] = field(default_factory=list)
    _digit_at: int = -1
    _transport: asyncio.DatagramTransport | None = None
    _frames: dict[Law, list[bytes]] = field(default_factory=dict)
    _count: int = 0
    _sequence: int = field(default_factory=lambda: random.randrange(0x8000))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there: start ticking."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.metronome.add(self._send)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep it."""
        if self.secrecy is not None and not self.fax:
            plain = self.secrecy.receiving(data)
            if plain is None:
                return
            data = plain
        packet = parse(data, asyncio.get_running_loop().time())
        if packet is None:
            self.udptl += self.fax and len(data) > 2 and data[0] >> 6 == 0
            return
        if packet.kind == self.events and len(packet.payload) >= 4:
            self._key(packet)
        if self.reports:
            self.reports.packet(packet)
        if len(self.packets) < LONGEST_S * 50:
            self.packets.append(packet)
            self.sources[addr[0]] = self.sources.get(addr[0], 0) + 1
        if self.echo and packet.kind == int(self.law):
            self._send(packet.payload)

    def press(self, keys: str) -> None:
        """Send these keys, one after the other, instead of the tone."""
        for key in keys:
            code = KEYS.index(key)
            ends = [0] * PRESSED + [0x80] * 3
            for number, end in enumerate(ends):
                duration = FRAME * min(number + 1, PRESSED + 1)
                self._pressed.append((number, struct.pack("!BBH", code, end | 10, duration)))

    @property
    def pressing(self) -> bool:
        """Whether keys wait to be sent."""
        return bool(self._pressed)

    def _key(self, packet: Packet) -> None:
        """A key counts when it is let go, once for all repetitions."""
        if packet.payload[1] & 0x80 and packet.timestamp != self._digit_at:
            self._digit_at = packet.timestamp
            self.digits += KEYS[packet.payload[0]] if packet.payload[0] < len(KEYS) else "?"

    def mute(self) -> None:
        """Send nothing from now on, whatever is negotiated: a microphone that is broken."""
        self.metronome.remove(self._send)

    def close(self) -> None:
        """Stop sending and free the port."""
        self.metronome.remove(self._send)
        if self.reports is not None:
            self.reports.close()
        if self._transport is not None:
            self._transport.close()

    def heard(self) -> tones.Heard:
        """What the other side played; takes about 15 ms for each second of audio."""
        return tones.listen(assemble(self.packets))

    def _send(self, heard: bytes = b"") -> None:
        if self.remote is None or self._transport is None or not self.sending:
            return
        if self.echo and not heard and not (self.greets and not self.packets):
            return
        number = self._count
        self._count += 1
        if self.fax:
            # A sequence number, one empty primary IFP packet (T.30 indicator "no signal"), no secondary ones.
            self._transport.sendto(struct.pack("!HBBBB", number & 0xFFFF, 1, 0, 0, 0), self.remote)
            return
        kind, marked, at = int(self.law), number == 0, number * FRAME
        if self._pressed and self.events is not None:
            place, payload = self._pressed.pop(0)
            # All packets of a key carry the time at which it was pressed.
            kind, marked, at = self.events, place == 0, at - place * FRAME
        else:
            frames = self._frames.get(self.law) or self._prepare()
            payload = heard or frames[number % len(frames)]
        second = kind | (0x80 if marked else 0)
        sequence = (self._sequence + number) & 0xFFFF
        head = struct.pack("!BBHII", 0x80, second, sequence, at & 0xFFFFFFFF, self.ssrc)
        data = head + payload
        if self.secrecy is not None:
            secret = self.secrecy.sending(data)
            if secret is None:
                return
            data = secret
        self._put(number, data)

    @property
    def sent(self) -> int:
        """Packets so far, lost ones too."""
        return self._count

    @property
    def at(self) -> int:
        """The time of the next packet, in units of its clock."""
        return self._count * FRAME

    def _put(self, number: int, data: bytes) -> None:
        late_s = self.uplink(number) if self.uplink else 0.0
        if late_s is None or self._transport is None or self.remote is None:
            return
        if late_s:
            asyncio.get_running_loop().call_later(late_s, self._transport.sendto, data, self.remote)
        else:
            self._transport.sendto(data, self.remote)

    def say(self, data: bytes) -> None:
        """Send something else than audio on the same way."""
        if self._transport is not None and self.remote is not None:
            self._transport.sendto(data, self.remote)

    def _prepare(self) -> list[bytes]:
        octets = g711.encode(self.law, tones.tone(self.tone_hz, 1.0))
        frames = [octets[n : n + FRAME] for n in range(0, len(octets), FRAME)]
        self._frames[self.law] = frames
        return frames


async def open_stream(socks: Sequence[socket.socket], host: str, metronome: Metronome, tone_hz: int) -> Stream:
    """Bind the socket, and the second one for RTCP, to a free port of ``host``; start the stream. Raises OSError."""
    sock, *reports = socks
    sock.setblocking(False)
    sock.bind((host, 0))
    stream = Stream(metronome, tone_hz, local=(host, sock.getsockname()[1]))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: stream, sock=sock)
    for one in reports:
        stream.reports = await open_reports(one, stream)
    return stream
