"""One router process over real sockets: HAProxy's and the PBXs' places are taken by small servers.

The router has a thread of its own; the servers and clients are asyncio's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING

from tests.unit.router.ldap.messages import BOUND, bind
from voxgate.router.driver.client_side import ClientSide
from voxgate.router.driver.listening import Listening
from voxgate.router.driver.poll import Poll
from voxgate.router.driver.reaching import TlsWays
from voxgate.router.driver.surroundings import Surroundings
from voxgate.router.ldap.connection import LdapConnection
from voxgate.router.rules import Node, Rules, Service
from voxgate.wire.proxy_v2 import End, Header, build

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.router.connection import Connection
    from voxgate.router.reporting import Report

PHONE = End(ip_address("198.51.100.7"), 50000)
EDGE = End(ip_address("203.0.113.45"), 636)
HEADER = build(Header(PHONE, EDGE))
CKL = bind("example.com\\ckl")
BOUND_S = 10.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Counting(Poll):
    """Counts its turns."""

    turns = 0

    def _rest(self) -> None:
        self.turns += 1
        super()._rest()


@dataclass
class World:
    """A router of one protocol, and what it reported."""

    folder: Path
    surroundings: Surroundings
    poll: Counting
    reports: asyncio.Queue[Report] = field(default_factory=asyncio.Queue)

    async def client(self, header: bytes = HEADER) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(self.folder / "ldap.sock")
        writer.write(header)
        return reader, writer

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the router work; what never holds ends with the world's time."""
        while not holds():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.001)

    def turns(self) -> int:
        """How often the router has looked for something to do."""
        return self.poll.turns

    def serves(self, *ports: int, tls: int | None = None, verify: str = "") -> None:
        nodes = tuple(Node(ip_address(f"127.0.0.{number}"), number) for number, _ in enumerate(ports, 1))
        service = Service("hq", nodes, plain=None if tls else ports[0], tls=tls, verify=verify)
        self.surroundings.rules = Rules({"ldap": {"example.com": service}})


@asynccontextmanager
async def world(folder: Path, opener: Callable[..., Connection] = LdapConnection) -> AsyncIterator[World]:
    reports: asyncio.Queue[Report] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    poll = Counting()
    ways = TlsWays(folder / "tls.sock", folder / "verified.sock", folder / "starttls.sock")

    def report(told: Report) -> None:
        loop.call_soon_threadsafe(reports.put_nowait, told)

    surroundings = Surroundings(poll, ways, report)
    doors = (
        Listening(poll, folder / "ldap.sock", lambda sock: ClientSide("ldap", opener, surroundings, sock), mode=0o600),
    )
    router = Thread(target=poll.run)
    router.start()
    try:
        async with asyncio.timeout(BOUND_S):
            yield World(folder, surroundings, poll, reports)
    finally:
        poll.stop()
        await asyncio.to_thread(router.join)
        for door in doors:
            door.close()
        surroundings.end()
        poll.close()


@asynccontextmanager
async def pbx(serve: Serve, address: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, address, port)
    yield server.sockets[0].getsockname()[1]
    server.close()


@asynccontextmanager
async def haproxy(path: Path, serve: Serve) -> AsyncIterator[None]:
    server = await asyncio.start_unix_server(serve, path)
    yield
    server.close()


async def directory(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers a bind with success and sends everything else back."""
    await reader.readexactly(len(CKL))
    writer.write(BOUND)
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


def run(scene: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(scene())
