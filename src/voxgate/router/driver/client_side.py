"""The client's side of a relayed connection: it tells the connection object what happened and does what it commands.

Whoever reads too slowly holds the other side back. What passes takes the shortest way there is: one question, one call.
"""

from __future__ import annotations

import logging
import socket
import time
from typing import TYPE_CHECKING, Final, assert_never

from voxgate.errors import PeerError
from voxgate.router import commands, events
from voxgate.router.accounting import Account, Moment, refused, served
from voxgate.router.client import client_of
from voxgate.router.driver.reaching import Reaching
from voxgate.router.driver.server_side import ServerSide
from voxgate.router.driver.stream import Stream
from voxgate.wire.proxy_v2 import parse

if TYPE_CHECKING:
    from voxgate.router.client import Client
    from voxgate.router.connection import Connection, Opener
    from voxgate.router.driver.surroundings import Surroundings
    from voxgate.router.events import Event
    from voxgate.router.rules import Target

log = logging.getLogger(__name__)

#: HAProxy sends its header with the connection.
HEADER_S: Final = 5.0


class ClientSide(Stream):
    """One client from HAProxy's header to its end. `protocol` is its name in the access log."""

    __slots__ = (
        *("_account", "_asked_s", "_began_s", "_bytes_in", "_bytes_out", "_bytes_passed", "_client", "_connection"),
        *("_handing_over", "_header", "_opener", "_protocol", "_reaching", "_server", "_server_full", "_spliced"),
        *("_surroundings", "_target"),
    )

    def __init__(self, protocol: str, opener: Opener, surroundings: Surroundings, sock: socket.socket) -> None:
        super().__init__(surroundings.poll, sock)
        self._protocol = protocol
        self._opener = opener
        self._surroundings = surroundings
        self._header = b""
        self._client: Client
        self._connection: Connection | None = None
        self._handing_over = b""  # the answer to StartTLS, for when HAProxy has taken the client
        self._reaching: Reaching | None = None
        self._server: ServerSide | None = None
        self._target: Target | None = None
        self._account: Account | None = None
        self._began_s = self._asked_s = 0.0
        self._bytes_in = self._bytes_passed = self._bytes_out = 0
        self._server_full = self._spliced = False
        surroundings.connections.add(self)
        self._poll.wake(self, HEADER_S)

    # What the socket tells.

    def got(self, data: bytes) -> None:
        """Bytes of the client; before them, HAProxy's header."""
        connection, server = self._connection, self._server
        if connection is None:
            self._header_came(self._header + data)
            return
        self._bytes_in += len(data)
        if server is not None and (self._spliced or connection.passes_to_server(data, self._surroundings.rules)):
            self._bytes_passed += len(data)
            server.send(data)
        else:
            self._tell(events.ClientSent(data))

    def ended(self) -> None:
        """The client has said everything."""
        if self._connection is None:
            self.close()
        elif self._spliced and self._server is not None:
            self._server.end()
        else:
            self._tell(events.ClientEnded())

    def lost(self) -> None:
        """The client is gone."""
        self.abort()

    def full(self, is_full: bool) -> None:
        """The client reads too slowly, or has caught up."""
        if self._server is not None:
            self._server.hold(is_full)

    def timed_out(self) -> None:
        """The time that was wished for is over."""
        if self._leaving:
            self.abort()
        elif self._connection is None:
            self.close()
        else:
            self._tell(events.TimedOut())

    # What the server's side tells.

    def server_sent(self, data: bytes) -> None:
        """Bytes of the server."""
        connection = self._connection
        if self._spliced or (connection is not None and connection.passes_to_client(data)):
            self._bytes_out += len(data)
            self.send(data)
        else:
            self._tell(events.ServerSent(data))

    def server_ended(self, *, silent: bool) -> None:
        """The server sends no more; `silent`: it never has."""
        if silent and self._target is not None:
            self._surroundings.health.failed(self._target, time.monotonic())
        if self._spliced:
            self.close()
        else:
            self._tell(events.ServerEnded())

    def server_full(self, is_full: bool) -> None:
        """The server reads too slowly, or has caught up."""
        self._server_full = is_full
        self._hold()

    # What the search for a server tells.

    def reached(self, sock: socket.socket, header: bytes, target: Target | None, rest: tuple[Target, ...]) -> None:
        """There is a server, or HAProxy, which takes the client with TLS."""
        self._reaching, self._target = None, target
        server = self._server = ServerSide(self._poll, sock, self)
        if self._is_full:
            server.hold(True)
        if header:
            server.send(header)
        if target is None:
            self._spliced = True
            self._answer(self._handing_over)
        else:
            self._tell(events.Connected(target, rest))
        self._hold()

    def not_reached(self, reason: str) -> None:
        """There is none."""
        self._reaching = None
        self._tell(events.ConnectFailed(reason))
        self._hold()

    # What is done.

    def close(self) -> None:
        """End it when what was sent has left, or after a while."""
        self._surroundings.connections.discard(self)
        self._leave_server()
        self.leave()

    def abort(self) -> None:
        """End it at once."""
        self._surroundings.connections.discard(self)
        super().abort()
        self._leave_server()

    def _header_came(self, data: bytes) -> None:
        try:
            found = parse(data)
        except PeerError as error:
            # Only HAProxy reaches this socket: it is not as we configured it.
            log.warning("no_proxy_header protocol=%s reason=%s", self._protocol, error)
            self.close()
            return
        if found is None:
            self._header = data
            return
        client = client_of(found[0])
        if client is None:
            self.close()
            return
        self._header = b""
        self._client, self._began_s = client, time.monotonic()
        self._connection = self._opener(client)
        self._tell(events.Opened())
        if len(data) > found[1]:
            self.got(data[found[1] :])

    def _tell(self, event: Event) -> None:
        if self._connection is None or self._leaving:
            return
        for command in self._connection.handle(event, self._surroundings.rules):
            match command:
                case commands.SendToClient(data):
                    self._answer(data)
                case commands.SendToServer(data, last):
                    if self._server is not None:
                        self._bytes_passed += len(data)
                        self._server.send(data, socket.MSG_MORE if last else 0)
                case _:
                    self._do(command)

    def _do(self, command: commands.Steering) -> None:
        match command:
            case commands.Connect(targets):
                self._leave_server()
                self._asked_s = time.monotonic()
                self._seek().begin(targets)
            case commands.StartTls(answer):
                self._handing_over = answer
                self._seek().begin_tls()
            case commands.Forward():
                self._settle()
                self._serve(command)
            case commands.Refuse():
                told = refused(self._protocol, self._client, command, self._began_s, self._moment(self._bytes_in))
                self._surroundings.report(told)
            case commands.Wake(after_s):
                self._poll.wake(self, after_s)
            case commands.EndServer():
                if self._server is not None:
                    self._server.end()
            case commands.Leave():
                self._leave_server()
            case commands.Splice():
                self._spliced = True
            case commands.Close():
                self.close()
            case _:
                assert_never(command)

    def _answer(self, data: bytes) -> None:
        self._bytes_out += len(data)
        self.send(data)

    def _seek(self) -> Reaching:
        """Nothing is read from the client until a server was reached."""
        self._reaching = Reaching(self._surroundings.ways, self, self._client)
        self._hold()
        return self._reaching

    def _leave_server(self) -> None:
        """Give the server up; what was sent to it leaves."""
        if self._server is None and self._reaching is None:
            return
        self._settle()
        if self._server is not None:
            self._server.leave()
        if self._reaching is not None:
            self._reaching.leave()
        self._server, self._reaching, self._target, self._server_full = None, None, None, False
        self._hold()

    def _serve(self, forward: commands.Forward) -> None:
        assert self._target is not None  # noqa: S101  it is commanded after Connected
        since = self._moment(self._bytes_passed)
        if self._asked_s:
            since, self._asked_s = since._replace(monotonic_s=self._asked_s), 0.0
        self._account = Account(forward, self._target, since)

    def _settle(self) -> None:
        """The request that was served has ended."""
        if self._account is not None:
            now = self._moment(self._bytes_passed)
            self._surroundings.report(served(self._protocol, self._client, self._account, now))
            self._account = None

    def _hold(self) -> None:
        """Read from the client, or not yet."""
        self.hold(self._server_full or self._reaching is not None)

    def _moment(self, bytes_in: int) -> Moment:
        return Moment(time.time(), time.monotonic(), bytes_in, self._bytes_out)
