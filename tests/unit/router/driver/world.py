"""One router process over real sockets: HAProxy's and the PBXs' places are taken by small servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from tests.unit.router.ldap.messages import BOUND, bind
from voxgate.router.driver.client_side import ClientSide
from voxgate.router.driver.surroundings import Surroundings, TlsWays
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


@dataclass
class World:
    """A router of one protocol, and what it reported."""

    folder: Path
    surroundings: Surroundings
    reports: asyncio.Queue[Report] = field(default_factory=asyncio.Queue)

    async def client(self, header: bytes = HEADER) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(self.folder / "ldap.sock")
        writer.write(header)
        return reader, writer

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the router work; what never holds ends with the world's time."""
        while not holds():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.001)

    def known(self) -> int:
        """Connections of which HAProxy has said whose they are."""
        return sum(one.address is not None for one in self.surroundings.connections)

    def serves(self, *ports: int, tls: int | None = None, verify: str = "") -> None:
        nodes = tuple(Node(ip_address(f"127.0.0.{number}"), number) for number, _ in enumerate(ports, 1))
        service = Service("hq", nodes, plain=None if tls else ports[0], tls=tls, verify=verify)
        self.surroundings.rules = Rules({"ldap": {"example.com": service}})


@asynccontextmanager
async def world(folder: Path, opener: Callable[..., Connection] = LdapConnection) -> AsyncIterator[World]:
    reports: asyncio.Queue[Report] = asyncio.Queue()
    ways = TlsWays(folder / "tls.sock", folder / "verified.sock", folder / "starttls.sock")
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as group:
        surroundings = Surroundings(group, ways, reports.put_nowait)
        loop = asyncio.get_running_loop()
        path = str(folder / "ldap.sock")
        server = await loop.create_unix_server(lambda: ClientSide("ldap", opener, surroundings), path)
        yield World(folder, surroundings, reports)
        server.close()
        surroundings.end()


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
