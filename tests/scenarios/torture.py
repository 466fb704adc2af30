"""The messages of RFC 4475 thrown at an edge, and what became of each: at the PBX behind it, and at the sender."""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lab.topologies import EDGE_PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from lab.demo.stage import Stage

VECTORS = Path(__file__).parents[1] / "vectors" / "rfc4475"
COPIED = re.compile(rb"(?ims)^(?:via|v|to|t|from|f|call-id|i|cseq)[ \t]*:.*?\r\n(?![ \t])")
ANSWER = b"SIP/2.0 404 Not Found\r\n"
QUIET_S = 4.0
"""So long after the last message nothing more is on its way: the edge answers within milliseconds."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One row of the table in README.md beside the messages.

    `udp` and `tcp` are what is to happen: ``passes`` (reaches the PBX), a status code the edge answers, ``silence``.
    """

    name: str
    section: str
    valid: bool
    udp: str
    tcp: str
    why: str

    def octets(self) -> bytes:
        """The message, exactly as in the archive of the RFC."""
        return (VECTORS / f"{self.name}.dat").read_bytes()

    def expected(self, transport: str) -> str:
        """What is to happen over that transport."""
        return self.udp if transport == "udp" else self.tcp


def table() -> tuple[Vector, ...]:
    """All rows. Raises ValueError for a row that is none."""
    rows = [
        line.strip("| \n").split(" | ")
        for line in (VECTORS / "README.md").read_text().splitlines()
        if line[:3] == "| 3"
    ]
    return tuple(
        Vector(name.strip("`"), section, valid == "yes", udp, tcp, why) for section, name, valid, udp, tcp, why in rows
    )


@dataclass(slots=True)
class Pbx:
    """A PBX that answers every request with 404 and keeps it, by the edge's address. A context manager."""

    sock: socket.socket
    requests: list[bytes] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Answer from now on."""
        self.sock.settimeout(0.1)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                octets, source = self.sock.recvfrom(65_536)
            except TimeoutError:
                continue
            if octets.startswith(b"SIP/2.0") or not octets.strip():
                continue
            self.requests.append(octets)
            if not octets.startswith(b"ACK "):
                self.sock.sendto(answer(octets), source)


def answer(request: bytes) -> bytes:
    """A refusal of any request, however strange: the headers it must have, octet by octet."""
    head = request.partition(b"\r\n\r\n")[0] + b"\r\n"
    return ANSWER + b"".join(COPIED.findall(head)) + b"Content-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the PBX got of one message, and what the sender got back."""

    at_pbx: tuple[bytes, ...]
    answers: tuple[bytes, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """Status codes the sender got, without 100."""
        found = re.findall(rb"(?m)^SIP/2\.0 (\d+)", b"".join(self.answers))
        return tuple(code.decode() for code in found if code != b"100")

    def __str__(self) -> str:
        if self.at_pbx:
            return "passes"
        return self.codes[0] if self.codes else "silence"


def throw(
    stage: Stage, pbx: Pbx, messages: Mapping[str, bytes], transport: str, quiet_s: float = QUIET_S
) -> dict[str, Outcome]:
    """Send all of them at once, each from a socket of its own; what came of each within `quiet_s`."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    before = len(pbx.requests)
    senders = {}
    for name, octets in messages.items():
        sock = stage.net.socket("stranger", kind=kind)
        sock.settimeout(5)
        sock.connect((EDGE_PUBLIC, 5060))
        sock.send(octets)
        senders[name] = sock
    time.sleep(quiet_s)
    came = pbx.requests[before:]
    outcomes = {}
    for name, sock in senders.items():
        mine = tuple(octets for octets in came if mark(messages[name]) in octets)
        outcomes[name] = Outcome(mine, tuple(waiting(sock)))
        sock.close()
    return outcomes


def mark(octets: bytes) -> bytes:
    """What tells a message from the others, wherever it comes out: its Call-ID, or its Via where it has none."""
    found = re.search(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", octets) or re.search(
        rb"branch=([^\r\n;]+)", octets
    )
    return found[1] if found else octets


def waiting(sock: socket.socket) -> Iterator[bytes]:
    """What lies in a socket."""
    sock.setblocking(False)
    try:
        while octets := sock.recv(65_536):
            yield octets
    except OSError:
        return
