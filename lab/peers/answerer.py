"""A provider that is sockets and little more: it answers by a table, and keeps what it was asked.

with Answerer(net.maker("provider"), [Hop("udp", "203.0.113.60", 5071)]) as provider:
    provider.wait("INVITE").text
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from lab.peers.flows import family

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from lab.peers.address import Hop

    Maker = Callable[[socket.AddressFamily, socket.SocketKind], socket.socket]

ANSWERS: Final = {"OPTIONS": 200, "INVITE": 486, "REGISTER": 200, "MESSAGE": 200, "BYE": 200}
_KEPT: Final = frozenset({"via", "from", "to", "call-id", "cseq", "record-route"})
_STEP_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: on which of our places, from which address and port; `server_name` is TLS's."""

    place: Hop
    source: tuple[str, int]
    text: str
    server_name: str = ""
    client: str = ""

    @property
    def method(self) -> str:
        """The first word."""
        return self.text.partition(" ")[0]

    @property
    def code(self) -> int:
        """Of an answer."""
        return int(self.text[8:11])

    def values(self, name: str) -> list[str]:
        """Every value of a header."""
        return re.findall(rf"(?mi)^{name}:[ \t]*(.*?)\r?$", self.text.partition("\r\n\r\n")[0])


@dataclass(slots=True)
class _Stream:
    """A connection that was taken in."""

    sock: socket.socket
    place: Hop
    source: tuple[str, int]
    server_name: str = ""
    client: str = ""
    data: bytes = b""


@dataclass(slots=True)
class Answerer:
    """Listens on `places`. A method without an entry in `answers` gets no answer; `tls` is for places with TLS."""

    make: Maker
    places: Sequence[Hop]
    answers: Mapping[str, int] = field(default_factory=lambda: dict(ANSWERS))
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _sockets: list[socket.socket] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _thread: threading.Thread | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Open everything and begin to answer. Raises OSError."""
        for place in self.places:
            kind = socket.SOCK_DGRAM if place.transport == "udp" else socket.SOCK_STREAM
            sock = self.make(family(place.host), kind)
            if kind is socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((place.host, place.port))
            if kind is socket.SOCK_STREAM:
                sock.listen()
            self._selector.register(sock, selectors.EVENT_READ, place)
            self._sockets.append(sock)
        if self.tls:
            self.tls.sni_callback = self._named
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything."""
        self._stop.set()
        if self._thread:
            self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def wait(self, method: str, timeout_s: float = 30, after: int = 0) -> Asked:
        """The first request of a method, not counting the first `after` of all. Raises TimeoutError."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            for one in self.asked[after:]:
                if one.method == method:
                    return one
            time.sleep(_STEP_S)
        raise TimeoutError(f"no {method} in {timeout_s} s; refused: {self.refused}")

    def until_refused(self, timeout_s: float = 30) -> None:
        """Wait until a connection has failed. Raises TimeoutError."""
        end_s = time.monotonic() + timeout_s
        while not self.refused:
            if time.monotonic() > end_s:
                raise TimeoutError(f"nothing failed in {timeout_s} s")
            time.sleep(_STEP_S)

    def send(self, packet: bytes, to: tuple[str, int]) -> None:
        """Send from the first place, which is UDP."""
        self._sockets[0].sendto(packet, to)

    def answer(self, packet: bytes, timeout_s: float = 30) -> Asked:
        """The final answer to a request that was sent. Raises TimeoutError."""
        lines = packet.decode().split("\r\n")
        call, count = (next(line for line in lines if line.startswith(name)) for name in ("Call-ID", "CSeq"))
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            for one in self.asked:
                if one.method == "SIP/2.0" and one.code >= 200 and call in one.text and count in one.text:
                    return one
            time.sleep(_STEP_S)
        raise TimeoutError(f"no answer to {lines[0]} in {timeout_s} s")

    def _named(self, sock: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        self._names[id(sock)] = name or ""

    def _serve(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(_STEP_S):
                try:
                    match key.data:
                        case _Stream() as stream:
                            self._read(stream)
                        case place if place.transport == "udp":
                            self._datagram(key.fileobj, place)  # type: ignore[arg-type]
                        case place:
                            self._accept(key.fileobj, place)  # type: ignore[arg-type]
                except OSError as error:
                    self.refused.append(str(error))

    def _datagram(self, sock: socket.socket, place: Hop) -> None:
        data, source = sock.recvfrom(65_536)
        if reply := self._take(Asked(place, source[:2], data.decode(errors="replace"))):
            sock.sendto(reply, source)

    def _accept(self, sock: socket.socket, place: Hop) -> None:
        connection, source = sock.accept()
        connection.settimeout(5)
        stream = _Stream(connection, place, source[:2])
        if place.transport == "tls" and self.tls:
            try:
                secure = self.tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                raise
            stream.sock, stream.server_name = secure, self._names.pop(id(secure), "")
            names = dict(part for rdn in (secure.getpeercert() or {}).get("subject", ()) for part in rdn)  # type: ignore[misc]
            stream.client = str(names.get("commonName", ""))
        self._selector.register(stream.sock, selectors.EVENT_READ, stream)

    def _read(self, stream: _Stream) -> None:
        try:
            data = stream.sock.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(stream.sock)
            stream.sock.close()
            return
        stream.data += data
        while b"\r\n\r\n" in stream.data:
            head, _, rest = stream.data.lstrip(b"\r\n").partition(b"\r\n\r\n")
            length = re.search(rb"(?mi)^(?:content-length|l):\s*(\d+)", head)
            size = int(length[1]) if length else 0
            if not head or len(rest) < size:
                return
            stream.data = rest[size:]
            text = (head + b"\r\n\r\n" + rest[:size]).decode(errors="replace")
            asked = Asked(stream.place, stream.source, text, stream.server_name, stream.client)
            if reply := self._take(asked):
                stream.sock.sendall(reply)

    def _take(self, asked: Asked) -> bytes:
        self.asked.append(asked)
        code = self.answers.get(asked.method)
        if code is None or asked.text.startswith("SIP/2.0"):
            return b""
        lines = [line for line in asked.text.split("\r\n\r\n")[0].split("\r\n")[1:] if _name(line) in _KEPT]
        lines = [f"{line};tag=a" if _name(line) == "to" and ";tag=" not in line else line for line in lines]
        if asked.method == "REGISTER":
            lines += [f"Contact: {value}" for value in asked.values("Contact")]
        if asked.method == "INVITE" and code < 300:
            lines.append(f"Contact: <sip:answerer@{asked.place.host}:{asked.place.port}>")
        return "\r\n".join([f"SIP/2.0 {code} Answer", *lines, "Content-Length: 0", "", ""]).encode()


def _name(line: str) -> str:
    return line.partition(":")[0].strip().lower()
