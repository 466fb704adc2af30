"""Load for `bench.h323`: phones that register, and a PBX that confirms everything.

    python -m bench.h323_load serve ADDRESS PORT
    python -m bench.h323_load register|message|hold ADDRESS PORT COUNT [--tls]

`register` opens a connection for each, `message` sends keepalive registrations on a few, `hold` registers COUNT phones,
says so and stays. Each waits for its answers.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import ssl
import sys
from typing import cast

import uvloop

from lab.peers.h323 import message

PHONES = 32
GATEKEEPER_ID = "example.com"
RRQ = message.write(message.tunnel(message.registration(7, GATEKEEPER_ID, ("alice", "1001"), "secret")))
KEEPALIVE = message.write(message.tunnel(message.registration(7, GATEKEEPER_ID, (), "", "e1", keep_alive=True)))
RCF = message.write(
    message.tunnel(
        (
            "registrationConfirm",
            {
                "requestSeqNum": 7,
                "protocolIdentifier": message.PROTOCOL,
                "callSignalAddress": [],
                "gatekeeperIdentifier": GATEKEEPER_ID,
                "endpointIdentifier": "e1",
                "timeToLive": 60,
                "willRespondToIRR": False,
                "maintainConnection": True,
            },
        )
    )
)
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Pbx(asyncio.Protocol):
    """Confirms whatever it is asked."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A phone."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """One request, as the load sends one at a time."""
        del data
        self._transport.write(RCF)


async def serve(address: str, port: int) -> None:
    """Until ended."""
    server = await asyncio.get_running_loop().create_server(Pbx, address, port, backlog=4096)
    say("serving")
    await server.serve_forever()


async def ask(line: Line, request: bytes) -> None:
    """One request and its answer."""
    line[1].write(request)
    await line[0].readexactly(len(RCF))


async def register(count: int, place: tuple[str, int], tls: ssl.SSLContext | None) -> None:
    """So many registrations, each on a connection of its own."""

    async def phone() -> None:
        for _ in range(count // PHONES):
            line = await asyncio.open_connection(*place, ssl=tls)
            await ask(line, RRQ)
            line[1].close()
            # A phone that leaves without waiting for TLS's goodbye.
            line[1].transport.abort()

    await asyncio.gather(*(phone() for _ in range(PHONES)))


async def messages(count: int, place: tuple[str, int], tls: ssl.SSLContext | None) -> None:
    """So many keepalives, on a few connections."""

    async def phone() -> None:
        line = await asyncio.open_connection(*place, ssl=tls)
        await ask(line, RRQ)
        for _ in range(count // PHONES):
            await ask(line, KEEPALIVE)
        line[1].transport.abort()

    await asyncio.gather(*(phone() for _ in range(PHONES)))


async def hold(count: int, place: tuple[str, int], tls: ssl.SSLContext | None) -> None:
    """So many registered phones at once."""
    lines: list[Line] = []

    async def phones() -> None:
        while len(lines) < count:
            line = await asyncio.open_connection(*place, ssl=tls)
            lines.append(line)
            await ask(line, RRQ)

    await asyncio.gather(*(phones() for _ in range(PHONES)))
    say("held")
    await asyncio.Event().wait()


def say(word: str) -> None:
    """For whoever started us."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main() -> None:
    """Parse and do it."""
    parser = argparse.ArgumentParser(prog="bench.h323_load")
    parser.add_argument("mode", choices=("serve", "register", "message", "hold"))
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int, nargs="?", default=0)
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tls = None
    if options.tls:
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    place = (options.address, options.port)
    match options.mode:
        case "serve":
            asyncio.run(serve(*place))
        case "register":
            asyncio.run(register(options.count, place, tls))
        case "message":
            asyncio.run(messages(options.count, place, tls))
        case _:
            asyncio.run(hold(options.count, place, tls))


if __name__ == "__main__":
    main()
