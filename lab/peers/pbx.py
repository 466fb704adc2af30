"""A small PBX as a program; what happens is written as JSON lines to stdout.

    python -m lab.peers.pbx --listen udp:192.168.1.20:5060 --tone 620 --users passwords.txt

Registers users and connects them to each other. 600 answers, plays this PBX's tone and says what it heard; 601 does the
same and hangs up; 602 does the same and sends a re-INVITE. Through ``--control`` (a datagram socket in the file system)
it takes JSON: ``{"call": "alice", "talk_s": 3}``, ``{"deaf": true}``, ``{"reply": 503}``, ``{"reply": null}``,
``{"send": "MESSAGE", "to": "alice", "text": "hello"}`` (or ``NOTIFY``), ``{"fork": ["alice", "bob"]}``.
More numbers: see `lab.peers.services`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import secrets
import signal
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lab.peers.address import parse_uri
from lab.peers.agent import hop
from lab.peers.exchange import Exchange, Plan
from lab.peers.phone import trust
from lab.peers.registrar import Registrar, read_users
from lab.peers.ways import Ways


def journal(event: str, **facts: object) -> None:
    """One line on stdout; ``t`` is the time of day in seconds."""
    sys.stdout.write(json.dumps({"t": round(time.time(), 3), "event": event, **facts}) + "\n")
    sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m lab.peers.pbx", description=__doc__)
    made.add_argument("--listen", required=True, action="append", type=hop, help="TRANSPORT:ADDRESS:PORT")
    made.add_argument("--tone", required=True, type=int, help="what our own numbers play, Hz")
    made.add_argument("--realm", default="pbx")
    made.add_argument("--users", type=Path, help="file with user:password lines; without it nobody is asked")
    made.add_argument("--cert", type=Path, help="PEM certificate for tls listeners")
    made.add_argument("--key", type=Path)
    made.add_argument("--ca", type=Path, help="whom to trust when we connect over TLS; without it anybody")
    made.add_argument("--hangup-after", type=float, default=4.0, help="601 ends a call after this many seconds")
    made.add_argument("--reinvite-after", type=float, default=2.0, help="602 renegotiates after this")
    made.add_argument("--answers", type=re.compile, default=re.compile(r"(?!)"), help="regex of more own numbers")
    made.add_argument("--trunk", type=parse_uri, help="SIP URI that gets calls to numbers we do not know")
    made.add_argument("--mute-after", type=float, help="stop answering anything after this many seconds")
    made.add_argument("--rtcp", action="store_true", help="our own numbers report what they receive")
    made.add_argument("--reply", type=int, help="answer every INVITE with this code")
    made.add_argument("--control", type=Path, help="take commands on this socket")
    made.add_argument("--run", type=float, default=3600.0, help="end after this many seconds")
    return made


@dataclass(slots=True)
class Control(asyncio.DatagramProtocol):
    """Takes commands as JSON datagrams."""

    exchange: Exchange

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Obey one command; what is none is noted."""
        try:
            command = json.loads(data)
        except ValueError:
            command = {}
        match command:
            case {"call": str(user)}:
                talk_s = float(command.get("talk_s", 3))
                self.exchange.tasks.create_task(self.exchange.dial(user, talk_s))
            case {"send": str(method), "to": str(user)}:
                text = str(command.get("text", ""))
                self.exchange.tasks.create_task(self.exchange.services.send(method, user, text))
            case {"fork": list(users)}:
                self.exchange.tasks.create_task(self.exchange.fork([str(user) for user in users]))
            case {"deaf": bool(deaf)}:
                self.exchange.ways.deaf = deaf
            case {"refuse_registrations": bool(refuses)}:
                self.exchange.registrar.refuses = refuses
            case {"reply": int() | None as code}:
                self.exchange.reply = code
            case _:
                journal("no command", text=data[:100].decode(errors="replace"))


async def serve(args: argparse.Namespace) -> None:
    """Run until SIGTERM or the time is over. Raises OSError, ValueError for a bad setup."""
    users = read_users(args.users) if args.users else {}
    registrar = Registrar(args.realm, secrets.token_hex(8), users)
    plan = Plan(args.tone, args.hangup_after, args.reinvite_after, args.answers, args.trunk, args.rtcp)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        exchange = Exchange(plan, registrar, journal, tasks, reply=args.reply)
        ways = Ways(exchange.handle, journal, server=_server_context(args), client=trust(args.ca))
        exchange.ways = ways
        for place in args.listen:
            await ways.listen(place)
        if args.control:
            await loop.create_datagram_endpoint(lambda: Control(exchange), sock=_control_socket(args.control))
        if args.mute_after is not None:
            loop.call_later(args.mute_after, setattr, ways, "deaf", True)
        journal("listening", on=[str(place) for place in args.listen])
        try:
            async with asyncio.timeout(args.run):
                await stop.wait()
        except TimeoutError:
            journal("time is over")
        ways.close()
        raise SystemExit(0)


def _control_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(str(path))
    return sock


def _server_context(args: argparse.Namespace) -> ssl.SSLContext | None:
    if args.cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(args.cert, args.key)
    return context


if __name__ == "__main__":
    asyncio.run(serve(parser().parse_args()))
