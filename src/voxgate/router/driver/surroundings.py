"""What all connections of one router process share: the rules of this moment, the ways to PBXs, where to report."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.errors import PeerError
from voxgate.router.health import Health
from voxgate.router.rules import Rules
from voxgate.wire.proxy_v2 import End, Header, build

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from voxgate.router.client import Client
    from voxgate.router.driver.client_side import ClientSide
    from voxgate.router.driver.server_side import ServerSide
    from voxgate.router.outcasts import Outcasts
    from voxgate.router.reporting import Report
    from voxgate.router.rules import Target

log = logging.getLogger(__name__)

CONNECT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class TlsWays:
    """HAProxy's sockets: TLS towards PBXs, and TLS that a client begins in the middle of a connection."""

    plain: Path
    verified: Path
    start_tls: Path


@dataclass(frozen=True, slots=True)
class Reached:
    """A server: the target that took the connection, and those that were not tried."""

    side: ServerSide
    target: Target
    rest: tuple[Target, ...]


class Surroundings:
    """See above. `rules` is replaced whole."""

    def __init__(self, group: asyncio.TaskGroup, ways: TlsWays, report: Callable[[Report], None]) -> None:
        self.rules = Rules()
        self.connections: set[ClientSide] = set()
        self.report = report
        self.health = Health()
        self._group = group
        self._ways = ways

    def start(self, coroutine: Coroutine[None, None, None]) -> None:
        """Run something beside; it ends by itself."""
        self._group.create_task(coroutine)

    def end(self) -> None:
        """Close all connections."""
        for connection in tuple(self.connections):
            connection.close()

    def close(self, outcasts: Outcasts) -> int:
        """Close the connections of clients from there, whatever is on its way to them; gives their number."""
        found = [one for one in self.connections if one.address is not None and one.address in outcasts]
        for connection in found:
            connection.abort()
        return len(found)

    async def reach(self, targets: tuple[Target, ...], client: Client, side: Callable[[], ServerSide]) -> Reached:
        """The first of `targets` that takes a connection; those that failed lately come last. Raises PeerError."""
        reason = "no target"
        order = self.health.order(targets, time.monotonic())
        for number, target in enumerate(order, 1):
            try:
                async with asyncio.timeout(CONNECT_S):
                    found = await self._connect(target, client, side)
            except OSError as error:
                reason = type(error).__name__ if not error.strerror else error.strerror
                self.health.failed(target, time.monotonic())
                log.info(
                    "not_reached pbx=%s node=%s port=%d reason=%s", target.pbx, target.address, target.port, reason
                )
            else:
                return Reached(found, target, order[number:])
        raise PeerError(reason)

    async def reach_tls(self, client: Client, side: Callable[[], ServerSide]) -> ServerSide:
        """HAProxy, which takes `client` as if it came anew, with TLS. Raises OSError."""
        async with asyncio.timeout(CONNECT_S):
            _, found = await asyncio.get_running_loop().create_unix_connection(side, str(self._ways.start_tls))
        found.write(build(Header(client.source, client.destination)))
        return found

    async def _connect(self, target: Target, client: Client, side: Callable[[], ServerSide]) -> ServerSide:
        loop = asyncio.get_running_loop()
        if not target.tls:
            _, found = await loop.create_connection(side, str(target.address), target.port)
            self.health.served(target)
            return found
        way = self._ways.verified if target.verify else self._ways.plain
        _, found = await loop.create_unix_connection(side, str(way))
        # HAProxy connects to the header's destination; the source must be of the same family.
        same = client.address.version == target.address.version
        source = client.source if same else End(target.address, target.port)
        found.write(build(Header(source, End(target.address, target.port), authority=target.verify)))
        return found
