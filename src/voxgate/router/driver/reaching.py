"""The way to a server: targets are tried one after the other, each for so long."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from voxgate.router.driver.poll import BROKEN, OUT
from voxgate.router.driver.wheel import Timed
from voxgate.wire.proxy_v2 import End, Header, build

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.router.client import Client
    from voxgate.router.driver.poll import Poll
    from voxgate.router.health import Health
    from voxgate.router.rules import Target

log = logging.getLogger(__name__)

CONNECT_S: Final = 3.0
_TCP: Final = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class TlsWays:
    """HAProxy's sockets: TLS towards PBXs, and TLS that a client begins in the middle of a connection."""

    plain: Path
    verified: Path
    start_tls: Path


@dataclass(frozen=True, slots=True)
class Ways:
    """What there is to reach servers by."""

    poll: Poll
    tls: TlsWays
    health: Health


class Seeker(Protocol):
    """Who wants a server."""

    def reached(self, sock: socket.socket, header: bytes, target: Target | None, rest: tuple[Target, ...], /) -> None:
        """There is one: `target`, or HAProxy's TLS. It is to be sent `header` first; `rest` was not tried."""

    def not_reached(self, reason: str, /) -> None:
        """There is none."""

    def abort(self) -> None:
        """Give it up."""


class Reaching(Timed):
    """One search. It never tells its seeker from within `begin`."""

    __slots__ = ("_client", "_header", "_left", "_seeker", "_sock", "_target", "_ways")

    def __init__(self, ways: Ways, seeker: Seeker, client: Client) -> None:
        super().__init__()
        self._ways = ways
        self._seeker: Seeker | None = seeker
        self._client = client
        self._left: tuple[Target, ...] = ()
        self._target: Target | None = None
        self._header = b""
        self._sock: socket.socket | None = None

    def begin(self, targets: tuple[Target, ...]) -> None:
        """Seek the first of `targets` that takes a connection; those that failed lately are tried last."""
        self._left = self._ways.health.order(targets, time.monotonic())
        self._next("no target")

    def begin_tls(self) -> None:
        """Seek HAProxy, which takes the client as if it came anew, with TLS."""
        self._header = build(Header(self._client.source, self._client.destination))
        self._try(socket.AF_UNIX, str(self._ways.tls.start_tls))

    def leave(self) -> None:
        """Seek no more."""
        self._seeker = None
        self._drop()

    def ready(self, mask: int) -> None:
        """The connection is there, or will never be. Implements `poll.Reader`."""
        if self._sock is not None:
            self._tried(self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if mask & BROKEN else 0)

    def timed_out(self) -> None:
        """It takes too long."""
        self._tried(errno.ETIMEDOUT)

    def abort(self) -> None:
        """Implements `poll.Handler`."""
        seeker = self._seeker
        self.leave()
        if seeker is not None:
            seeker.abort()

    def _next(self, reason: str) -> None:
        if not self._left:
            self._ways.poll.soon(self, lambda: self._tell_failure(reason))
            return
        target, self._left = self._left[0], self._left[1:]
        self._target = target
        if target.tls:
            self._header = _header(self._client, target)
            self._try(socket.AF_UNIX, str(self._ways.tls.verified if target.verify else self._ways.tls.plain))
        else:
            self._header = b""
            self._try(_TCP[target.address.version], (target.host, target.port))

    def _try(self, family: socket.AddressFamily, where: str | tuple[str, int]) -> None:
        try:
            sock = self._sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            if family != socket.AF_UNIX:
                # Short messages do not wait for each other's acknowledgements, and the first one, which follows at
                # once, brings that of the handshake (tcp(7)): a packet less, and the server is woken up once.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            number = sock.connect_ex(where)
        except OSError as error:  # no descriptor, or a path that is none
            number = error.errno or errno.EINVAL
        if number == errno.EINPROGRESS:
            self._ways.poll.watch(sock, self, OUT)
            self._ways.poll.wake(self, CONNECT_S)
        else:
            self._ways.poll.soon(self, lambda: self._tried(number))

    def _tried(self, number: int) -> None:
        """`number` is the error, or 0."""
        if self._seeker is None:
            return
        if number:
            self._drop()
            self._failed(os.strerror(number))
            return
        sock, self._sock = self._sock, None
        self._ways.poll.wake(self, None)
        assert sock is not None  # noqa: S101  a connection was made
        if self._target is not None:
            self._ways.health.served(self._target)
        self._seeker.reached(sock, self._header, self._target, self._left)

    def _failed(self, reason: str) -> None:
        target = self._target
        if target is None:
            log.warning("starttls_not_served reason=%s", reason)
            self._tell_failure("starttls")
            return
        self._ways.health.failed(target, time.monotonic())
        log.info("not_reached pbx=%s node=%s port=%d reason=%s", target.pbx, target.address, target.port, reason)
        self._next(reason)

    def _tell_failure(self, reason: str) -> None:
        if self._seeker is not None:
            self._seeker.not_reached(reason)

    def _drop(self) -> None:
        self._ways.poll.wake(self, None)
        if self._sock is not None:
            self._ways.poll.release(self._sock)
            self._sock = None


def _header(client: Client, target: Target) -> bytes:
    """HAProxy connects to the header's destination; the source must be of the same family."""
    destination = End(target.address, target.port)
    same = client.address.version == target.address.version
    return build(Header(client.source if same else destination, destination, authority=target.verify))
