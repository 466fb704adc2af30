"""Somebody who writes SIP by hand to the edge, and listens to what comes back."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Self

from lab.topologies import EDGE_PUBLIC

if TYPE_CHECKING:
    import socket
    from types import TracebackType

    from lab.demo.stage import Stage

PATIENCE_S = 3.0
"""An answer that was due comes within this time."""


class Stranger:
    """A UDP socket on `host`, ``stranger`` on the internet if nothing else is said. A context manager."""

    def __init__(self, stage: Stage, port: int, host: str = "stranger") -> None:
        self._here = stage.net.host(host).ipv4()
        self._port = port
        self.socket = stage.net.socket(host)
        self.socket.bind((self._here, port))

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the socket."""
        self.socket.close()

    def request(self, method: str, uri: str, *headers: str, in_dialog: bool = False, way: str = "UDP") -> bytes:
        """A request; `headers` are lines, `in_dialog` forges a To-tag, `way` is the transport in Via."""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{way} {self._here}:{self._port};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards: 70",
            *headers,
            f"From: <sip:mallory@{self._here}>;tag={secrets.token_hex(4)}",
            f"To: <{uri}>{';tag=forged' if in_dialog else ''}",
            f"Call-ID: {secrets.token_hex(8)}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:mallory@{self._here}:{self._port}>",
            "Content-Length: 0",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def send(self, *packets: bytes, to: tuple[str, int] = (EDGE_PUBLIC, 5060)) -> None:
        """Send to the edge, or to somebody else."""
        for packet in packets:
            self.socket.sendto(packet, to)


def received(sock: socket.socket, *, first_s: float = PATIENCE_S, quiet_s: float = 0.4) -> list[str]:
    """Messages, or pieces of a stream: the first within `first_s`, further ones until none comes for `quiet_s`."""
    sock.settimeout(first_s)
    found: list[str] = []
    while True:
        try:
            data = sock.recv(65_536)
        except TimeoutError:
            return found
        if not data:
            return found
        found.append(data.decode(errors="replace"))
        sock.settimeout(quiet_s)


def first_lines(messages: list[str]) -> list[str]:
    """The start line of each."""
    return [message.partition("\r\n")[0] for message in messages]
