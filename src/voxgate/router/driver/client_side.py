"""The client's side of a relayed connection, as an asyncio protocol: it tells the connection object what happened

and does what it commands. Whoever reads too slowly holds the other side back, at the transports' own limits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, assert_never, cast

from voxgate.errors import PeerError
from voxgate.router import commands, events
from voxgate.router.accounting import Account, Moment, refused, served
from voxgate.router.client import client_of
from voxgate.router.driver.server_side import FLUSH_S, ServerSide
from voxgate.wire.proxy_v2 import parse

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from voxgate.router.client import Client
    from voxgate.router.connection import Connection, Opener
    from voxgate.router.driver.surroundings import Surroundings
    from voxgate.router.events import Event
    from voxgate.router.rules import Address, Target

log = logging.getLogger(__name__)

#: HAProxy sends its header with the connection.
HEADER_S: Final = 5.0


class ClientSide(asyncio.Protocol):
    """One client from HAProxy's header to its end. `protocol` is its name in the access log."""

    def __init__(self, protocol: str, opener: Opener, surroundings: Surroundings) -> None:
        self._protocol = protocol
        self._opener = opener
        self._surroundings = surroundings
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._header = b""
        self.address: Address | None = None  # the client's, as soon as HAProxy has told it
        self._client: Client
        self._connection: Connection | None = None
        self._server: ServerSide | None = None
        self._target: Target | None = None
        self._account: Account | None = None
        self._began: Moment
        self._timer: asyncio.TimerHandle | None = None
        self._bytes_in = self._bytes_out = 0
        self._connecting = self._server_full = self._spliced = self._over = False

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """HAProxy is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._surroundings.connections.add(self)
        self._wake(HEADER_S)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client; before them, HAProxy's header."""
        if self._over:
            return
        if self._connection is None:
            self._header_came(self._header + data)
            return
        self._bytes_in += len(data)
        if self._spliced and self._server is not None:
            self._server.write(data)
        else:
            self._tell(events.ClientSent(data))

    def eof_received(self) -> bool:
        """The client has said everything."""
        if self._connection is None:
            self.close()
        elif self._spliced and self._server is not None:
            self._server.end()
        else:
            self._tell(events.ClientEnded())
        return True  # it is closed by command

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        del exc
        self._surroundings.connections.discard(self)
        self._over = True
        self._wake(None)
        self._leave()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        if self._server is not None:
            self._server.hold(True)

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._server is not None:
            self._server.hold(False)

    # What the server's side tells.

    def server_sent(self, data: bytes) -> None:
        """Bytes of the server."""
        if self._spliced:
            self._send(data)
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

    def server_full(self, full: bool) -> None:
        """The server reads too slowly, or has caught up."""
        self._server_full = full
        self._hold()

    # What is done.

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
        self._client, self.address, self._began = client, client.address, self._moment()
        self._connection = self._opener(client)
        self._wake(None)
        self._tell(events.Opened())
        if len(data) > found[1]:
            self.data_received(data[found[1] :])

    def _tell(self, event: Event) -> None:
        if self._connection is None or self._over:
            return
        for command in self._connection.handle(event, self._surroundings.rules):
            match command:
                case commands.SendToClient(data):
                    self._send(data)
                case commands.SendToServer(data):
                    if self._server is not None:
                        self._server.write(data)
                case _:
                    self._do(command)

    def _do(self, command: commands.Steering) -> None:
        match command:
            case commands.Connect(targets):
                self._leave()
                self._wait_for(self._connect(targets))
            case commands.StartTls(answer):
                self._wait_for(self._start_tls(answer))
            case commands.Forward():
                self._settle()
                assert self._target is not None  # noqa: S101  it is commanded after Connected
                self._account = Account(command, self._target, self._moment())
            case commands.Refuse():
                told = refused(self._protocol, self._client, command, self._began, self._moment())
                self._surroundings.report(told)
            case commands.Wake(after_s):
                self._wake(after_s)
            case commands.EndServer():
                if self._server is not None:
                    self._server.end()
            case commands.Leave():
                self._leave()
            case commands.Splice():
                self._spliced = True
            case commands.Close():
                self.close()
            case _:
                assert_never(command)

    def _send(self, data: bytes) -> None:
        self._bytes_out += len(data)
        self._transport.write(data)

    def _wait_for(self, reaching: Coroutine[None, None, None]) -> None:
        """Read nothing from the client until a server was reached."""
        self._connecting = True
        self._hold()
        self._surroundings.start(reaching)

    async def _connect(self, targets: tuple[Target, ...]) -> None:
        try:
            reached = await self._surroundings.reach(targets, self._client, lambda: ServerSide(self))
        except PeerError as error:
            self._reached(None, events.ConnectFailed(str(error)))
        else:
            self._target = reached.target
            self._reached(reached.side, events.Connected(reached.target, reached.rest))

    async def _start_tls(self, answer: bytes) -> None:
        try:
            side = await self._surroundings.reach_tls(self._client, lambda: ServerSide(self))
        except OSError as error:
            log.warning("starttls_not_served reason=%s", error)
            self._reached(None, events.ConnectFailed("starttls"))
        else:
            self._spliced = True
            self._send(answer)
            self._reached(side, None)

    def _reached(self, side: ServerSide | None, event: Event | None) -> None:
        self._connecting = False
        if self._over:
            if side is not None:
                side.leave()
            return
        self._server = side
        if event is not None:
            self._tell(event)
        self._hold()

    def _leave(self) -> None:
        """Give the server up; what was sent to it leaves."""
        self._settle()
        if self._server is not None:
            self._server.leave()
        self._server, self._target, self._server_full = None, None, False
        self._hold()

    def _settle(self) -> None:
        """The request that was served has ended."""
        if self._account is not None:
            self._surroundings.report(served(self._protocol, self._client, self._account, self._moment()))
            self._account = None

    def _hold(self) -> None:
        """Read from the client, or not yet."""
        if self._transport.is_closing():
            return
        if self._connecting or self._server_full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _wake(self, after_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(after_s, self._timed_out) if after_s is not None else None

    def _timed_out(self) -> None:
        if self._over:
            self._transport.abort()
        elif self._connection is None:
            self.close()
        else:
            self._tell(events.TimedOut())

    def close(self) -> None:
        """End it when what was sent has left, or after `FLUSH_S`."""
        self._over = True
        self._wake(FLUSH_S)
        self._leave()
        self._transport.close()

    def abort(self) -> None:
        """End it at once, and its server's side."""
        self._over = True
        self._leave()
        self._transport.abort()

    def _moment(self) -> Moment:
        return Moment(datetime.now(UTC), time.monotonic(), self._bytes_in, self._bytes_out)
