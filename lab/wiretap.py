"""Listens on a host's wire: which datagrams passed, and what somebody who can read them would hear.

    with Wiretap(net, "phone-home", folder / "home.pcap") as tap:
        ...
    tap.audible()     # {(("10.0.0.50", 7078), ("203.0.113.45", 10020)): Heard(...)}

``tcpdump`` records; its file is read here (libpcap's savefile format, Ethernet).
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from lab import tones
from lab.peers import rtp
from lab.procs import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from lab.net import Net
    from lab.procs import Process
    from lab.tones import Heard

Place = tuple[str, int]
ETHERNET = 14
HEADERS = {0x0800: (20, 9, slice(12, 16), slice(16, 20)), 0x86DD: (40, 6, slice(8, 24), slice(24, 40))}
"""By EtherType: length of the IP header, place of the protocol in it, places of the two addresses."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram; ``at_s`` is the time of day."""

    at_s: float
    source: Place
    target: Place
    payload: bytes


class Wiretap:
    """Records the UDP of one host while it is entered. Raises LabError when the recorder does not start."""

    def __init__(self, net: Net, host: str, path: Path, interface: str = "eth0") -> None:
        self._net = net
        self._host = host
        self._path = path
        self._argv = ("tcpdump", "-n", "-U", "-s", "0", "-i", interface, "-w", str(path), "udp")
        self._process: Process | None = None

    def __enter__(self) -> Self:
        """Start, and wait until it records."""
        log = self._path.with_suffix(".log")
        self._process = self._net.spawn(self._host, self._argv, log_path=log)
        end_s = time.monotonic() + 10
        while "listening on" not in log.read_text():
            if time.monotonic() > end_s or self._process.poll() is not None:
                raise LabError(f"{self._host}: tcpdump does not listen; see {log}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def datagrams(self) -> list[Datagram]:
        """All that passed so far. Raises OSError."""
        return list(read(self._path.read_bytes()))

    def messages(self) -> list[str]:
        """The SIP messages among it."""
        return [one.payload.decode(errors="replace") for one in self.datagrams() if b"SIP/2.0" in one.payload]

    def audible(self) -> dict[tuple[Place, Place], Heard]:
        """What can be heard of each flow of RTP by whoever takes its payload for G.711."""
        flows: dict[tuple[Place, Place], list[rtp.Packet]] = {}
        for one in self.datagrams():
            packet = rtp.parse(one.payload, one.at_s)
            if packet is not None:
                flows.setdefault((one.source, one.target), []).append(packet)
        return {places: tones.listen(rtp.assemble(packets)) for places, packets in flows.items() if len(packets) > 20}


def read(octets: bytes) -> Iterator[Datagram]:
    """The UDP datagrams in a savefile; a record that was cut short ends it."""
    at = 24
    while at + 16 <= len(octets):
        seconds, micros, size, _ = struct.unpack_from("<IIII", octets, at)
        frame = octets[at + 16 : at + 16 + size]
        at += 16 + size
        if len(frame) < size:
            return
        kind = int.from_bytes(frame[12:ETHERNET], "big")
        if kind in HEADERS:
            found = _datagram(frame[ETHERNET:], kind, seconds + micros / 1e6)
            if found is not None:
                yield found


def _datagram(packet: bytes, kind: int, at_s: float) -> Datagram | None:
    length, protocol, source, target = HEADERS[kind]
    if len(packet) < length + 8 or packet[protocol] != socket.IPPROTO_UDP:
        return None
    family = socket.AF_INET if kind == 0x0800 else socket.AF_INET6
    ports = struct.unpack_from("!HH", packet, length)
    places = [
        (socket.inet_ntop(family, packet[part]), port) for part, port in zip((source, target), ports, strict=True)
    ]
    return Datagram(at_s, places[0], places[1], packet[length + 8 :])
