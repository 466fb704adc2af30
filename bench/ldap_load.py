"""Binds and searches over LDAP, many at once: the load of bench/ldap.py."""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
from dataclasses import dataclass
from typing import cast

import uvloop

UNBIND = b"\x30\x05\x02\x01\x03\x42\x00"
#: The end of a search: messageID 2, SearchResultDone.
DONE = b"\x02\x01\x02\x65"
#: For one turn.
TIMEOUT_S = 50.0


def element(tag: int, *parts: bytes) -> bytes:
    """A short BER element."""
    content = b"".join(parts)
    size = len(content)
    return bytes((tag, size) if size < 128 else (tag, 0x81, size)) + content


def bind(dn: str, password: str) -> bytes:
    """A simple bind, messageID 1."""
    request = element(0x60, b"\x02\x01\x03", element(4, dn.encode()), element(0x80, password.encode()))
    return element(0x30, b"\x02\x01\x01", request)


def search(base: str) -> bytes:
    """For one person, messageID 2."""
    number = b"\x02\x01\x00"
    scope = element(4, base.encode()) + b"\x0a\x01\x01\x0a\x01\x00" + number + number + b"\x01\x01\x00"
    person = element(0xA3, element(4, b"cn"), element(4, b"person 7"))
    return element(0x30, b"\x02\x01\x02", element(0x63, scope, person, element(0x30)))


class Client(asyncio.Protocol):
    """One connection; asks one thing at a time."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None
        self._end = b""
        self._got = b""
        self.gone = asyncio.Event()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Until the answer is whole."""
        self._got += data
        if self._end in self._got and self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone: whoever waits fails."""
        self.gone.set()
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(str(exc)))

    async def ask(self, request: bytes, end: bytes) -> None:
        """Send and wait for `end`."""
        self._got, self._end = b"", end
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        await self._waiting


@dataclass(frozen=True, slots=True)
class Turn:
    """What each client does: so many units, on one connection or on one each, with TLS or without."""

    port: int
    units: int
    kept: bool
    secure: bool


async def work(options: argparse.Namespace, turn: Turn, context: ssl.SSLContext | None) -> None:
    """One client's units. Raises OSError: a connection that ended."""
    loop = asyncio.get_running_loop()
    login, query = bind(options.dn, options.password), search(options.base)
    name = "edge.example" if context else None
    client: Client | None = None
    for unit in range(1, turn.units + 1):
        if client is None:
            where = (options.address, turn.port)
            _, client = await loop.create_connection(Client, *where, ssl=context, server_hostname=name)
        await client.ask(login, b"\x61\x07\x0a\x01\x00")
        await client.ask(query, DONE)
        if not turn.kept or unit == turn.units:
            client.transport.write(UNBIND)
            client.transport.close()
            last, client = client, None
    await last.gone.wait()


async def together(options: argparse.Namespace, turn: Turn, context: ssl.SSLContext) -> None:
    """All clients at once."""
    async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
        for _ in range(options.clients):
            group.create_task(work(options, turn, context if turn.secure else None))


def main() -> None:
    """A turn for each line of the input, told when it is done."""
    parser = argparse.ArgumentParser()
    for name in ("address", "ca", "dn", "password", "base", "clients"):
        parser.add_argument(name, type=int if name == "clients" else str)
    options = parser.parse_args()
    context = ssl.create_default_context(cafile=options.ca)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for number, line in enumerate(sys.stdin, 1):
            port, units, kept, secure = (int(word) for word in line.split())
            runner.run(together(options, Turn(port, units, bool(kept), bool(secure)), context))
            print(f"turn {number} done", flush=True)


if __name__ == "__main__":
    main()
