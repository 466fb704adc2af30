"""An H.323 phone over one TCP or TLS connection, with blocking sockets: every wait is bounded."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from lab.peers.h323 import message
from lab.peers.h323.message import Message, Ras

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    Maker = Callable[[socket.AddressFamily, socket.SocketKind], socket.socket]

PATIENCE_S = 10.0


class RejectedError(Exception):
    """A GRJ or RRJ. `elsewhere` is the gatekeeper ID that it redirects to, if it does."""

    def __init__(self, reason: str, elsewhere: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.elsewhere = elsewhere


class ReleasedError(Exception):
    """A call was not taken; carries the reason of the ReleaseComplete."""


class GoneError(Exception):
    """The other side has closed the connection."""


class Endpoint:
    """A phone that has connected. `tls` is a context with, or without, a certificate of its own."""

    def __init__(
        self, make: Maker, address: str, port: int, *, tls: ssl.SSLContext | None = None, name: str | None = None
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        made = make(family, socket.SOCK_STREAM)
        made.settimeout(PATIENCE_S)
        try:
            made.connect((address, port))
            self.socket = tls.wrap_socket(made, server_hostname=name) if tls else made
        except BaseException:
            made.close()
            raise
        self._rest = b""
        self._number = 0
        self._endpoint_id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up the connection, without a word."""
        with suppress(OSError):
            self.socket.close()

    def discover(self, gatekeeper_id: str | None, *aliases: str) -> str:
        """GRQ; gives the gatekeeper's own ID. Raises RejectedError, GoneError."""
        confirmed = self.ask(message.discovery(self._next(), gatekeeper_id, aliases))
        return str(confirmed.get("gatekeeperIdentifier", ""))

    def register(self, gatekeeper_id: str | None, *aliases: str, password: str = "") -> str:
        """Full RRQ; gives the gatekeeper's own ID. Raises RejectedError, GoneError."""
        confirmed = self.ask(message.registration(self._next(), gatekeeper_id, aliases, password))
        self._endpoint_id = confirmed["endpointIdentifier"]
        return str(confirmed.get("gatekeeperIdentifier", ""))

    def keep_alive(self, gatekeeper_id: str | None = None) -> None:
        """RRQ that only says that we are still here. Raises RejectedError, GoneError."""
        self.ask(message.registration(self._next(), gatekeeper_id, (), "", self._endpoint_id, keep_alive=True))

    def unregister(self) -> None:
        """URQ. Raises GoneError."""
        self.ask(("unregistrationRequest", {"requestSeqNum": self._next(), "callSignalAddress": []}))

    def ask(self, request: Ras) -> dict[str, Any]:
        """One RAS request; gives the confirm. Raises RejectedError, GoneError."""
        self.send(message.tunnel(request))
        while True:
            for name, value in self.receive().ras:
                if value.get("requestSeqNum") != request[1]["requestSeqNum"]:
                    continue
                if name.endswith("Reject"):
                    others = value.get("altGKInfo", {}).get("alternateGatekeeper", [])
                    elsewhere = others[0].get("gatekeeperIdentifier", "") if others else ""
                    raise RejectedError(value.get("rejectReason", ("",))[0], elsewhere)
                return value

    def call(self, called: str, caller: str, reference: int = 7) -> Message:
        """Setup; waits for Connect. Raises ReleasedError, GoneError."""
        self.send(Message(message.SETUP, reference, body=message.setup(called, caller)))
        while True:
            answer = self.receive()
            if answer.kind == message.CONNECT and answer.call_reference == reference:
                return answer
            if answer.kind == message.RELEASE_COMPLETE and answer.call_reference == reference:
                raise ReleasedError(answer.body[1].get("reason", ("",))[0] if answer.body else "")

    def answer(self) -> Message:
        """Wait for a Setup and take the call; gives the Setup. Raises GoneError."""
        while (offered := self.receive()).kind != message.SETUP:
            pass
        self.send(Message(message.CONNECT, offered.call_reference, from_destination=True, body=message.connected()))
        return offered

    def hang_up(self, reference: int = 7, *, from_destination: bool = False) -> None:
        """ReleaseComplete."""
        self.send(Message(message.RELEASE_COMPLETE, reference, from_destination, message.release()))

    def send(self, said: Message) -> None:
        """One message."""
        self.raw(message.write(said))

    def raw(self, octets: bytes) -> None:
        """Whatever octets."""
        self.socket.sendall(octets)

    def receive(self) -> Message:
        """The next message. Raises GoneError, TimeoutError."""
        while len(self._rest) < 4 or len(self._rest) < int.from_bytes(self._rest[2:4], "big"):
            try:
                more = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError) as error:
                raise GoneError(str(error)) from None
            if not more:
                raise GoneError("closed")
            self._rest += more
        size = int.from_bytes(self._rest[2:4], "big")
        frame, self._rest = self._rest[:size], self._rest[size:]
        return message.read(frame)

    def is_closed(self) -> bool:
        """Whether the other side closes it within our patience; what it still says is passed over."""
        try:
            while True:
                self.receive()
        except GoneError:
            return True
        except TimeoutError:
            return False

    def _next(self) -> int:
        self._number += 1
        return self._number
