"""Attackers in a lab network, and an office whose PBX asks for passwords."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.edge import Edge
from lab.net import Net
from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.switchboard import Switchboard
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC
from tests.engine.office import HQ, LOG_TAIL, Config, config, folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Where the attacker is, and where phones at home come from, as the edge sees them.
STRANGER, HOME = "203.0.113.99", "203.0.113.77"
PASSWORD = "correct horse"  # noqa: S105 - of phones in the lab
#: The tools' own folder, in Debian's package.
SIPVICIOUS = Path("/usr/share/sipvicious")


@dataclass
class Site:
    """A running edge with a PBX behind it that knows its users' passwords."""

    net: Net
    edge: Edge
    pbx: Switchboard
    folder: Path

    def phone(self, user: str = "alice", password: str = PASSWORD, port: int = 5060, transport: str = "udp") -> Phone:
        """An honest phone at home, unless its password is wrong."""
        hop = Hop(transport, EDGE_PUBLIC, 5060)
        line = Line(user, "example.com", hop, "10.0.0.50", port=port, password=password)
        return Phone(line, self.net.maker("phone-home"))

    def registers(self, port: int = 5060, transport: str = "udp") -> bool:
        """Whether an honest phone at home gets service now."""

        async def once() -> bool:
            try:
                async with asyncio.timeout(4), self.phone(port=port, transport=transport) as phone:
                    return (await phone.register()).code == 200
            except (TimeoutError, OSError):
                return False

        return asyncio.run(once())

    def why(self, address: str) -> Any:
        """The evidence against an address."""
        return json.loads(self.edge.command("why", address, "--json").out)

    def banned(self) -> list[str]:
        """The networks that are banned."""
        return [ban["network"] for ban in json.loads(self.edge.command("bans", "--json").out)["bans"]]

    def answered(self, packet: bytes, host: str = "stranger", to: tuple[str, int] = (EDGE_PUBLIC, 5060)) -> bool:
        """Whether a packet from a host is answered."""
        with self.net.socket(host) as sock:
            sock.settimeout(3)
            sock.sendto(packet, to)
            try:
                return bool(sock.recv(65_536))
            except TimeoutError:
                return False

    def connects(self, port: int, host: str = "stranger") -> bool:
        """Whether a TCP connection from a host is accepted."""
        with self.net.socket(host, kind=socket.SOCK_STREAM) as sock:
            sock.settimeout(3)
            return sock.connect_ex((EDGE_PUBLIC, port)) == 0

    def shakes_hands(self, port: int, host: str = "stranger") -> bool:
        """Whether a TLS handshake from a host is answered."""
        with self.net.socket(host, kind=socket.SOCK_STREAM) as sock:
            sock.settimeout(3)
            try:
                sock.connect((EDGE_PUBLIC, port))
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                context.wrap_socket(sock, server_hostname="edge.example.com").close()
            except OSError:
                return False
        return True

    def sipvicious(self, tool: str, *words: str, agent: str = "", timeout_s: float = 60) -> str:
        """Run a tool on the attacker's machine; `agent` in the place of the name by which everybody knows it."""
        home = SIPVICIOUS
        if agent:
            home = self.folder / "tools"
            shutil.copytree(SIPVICIOUS, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            helper = home / "sipvicious/libs/svhelper.py"
            helper.write_text(helper.read_text().replace("friendly-scanner", agent))
        argv = ["timeout", str(timeout_s), "/usr/bin/python3", "-m", f"sipvicious.{tool}", *words]
        done = self.net.run(
            "stranger", argv, timeout_s=timeout_s + 10, env={"PYTHONPATH": str(home), "HOME": str(self.folder)}
        )
        return done.out + done.err


@contextmanager
def site(first: Config | None = None) -> Iterator[Site]:
    """All of it, running."""
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        users = place / "users.txt"
        users.write_text("".join(f"{user}:{PASSWORD}\n" for user in ("alice", "100", *map(str, range(1000, 1200)))))
        net = stack.enter_context(Net(BEHIND_NAT))
        listen = (Hop("udp", HQ, 5060), Hop("tcp", HQ, 5060))
        options = ("--users", str(users))
        pbx = stack.enter_context(Switchboard(net, "pbx-hq-a", place, tone_hz=620, listen=listen, options=options))
        edge = stack.enter_context(Edge(net, place, config() if first is None else first))
        try:
            edge.wait_for_node(HQ, "up")
            yield Site(net, edge, pbx, place)
        except BaseException:
            # The folder goes away; pytest shows this with the failure.
            print(edge.text()[-LOG_TAIL:])
            raise


def request(
    method: str = "REGISTER",
    domain: str = "example.com",
    *headers: str,
    user: str = "100",
    number: int = 1,
    transport: str = "UDP",
) -> bytes:
    """A request as a program writes it."""
    lines = [
        f"{method} sip:{domain} SIP/2.0",
        f"Via: SIP/2.0/{transport} {STRANGER}:5999;branch=z9hG4bK{number:08x};rport",
        "Max-Forwards: 70",
        f"From: <sip:{user}@{domain}>;tag=a{number}",
        f"To: <sip:{user}@{domain}>",
        f"Call-ID: {number}@attack",
        f"CSeq: {number} {method}",
        f"Contact: <sip:{user}@{STRANGER}:5999;transport={transport.lower()}>",
        *headers,
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def forged(
    net: Net,
    source: str,
    packets: Sequence[bytes],
    *,
    sources: int = 1,
    host: str = "stranger",
    target: str = EDGE_PUBLIC,
) -> None:
    """Send datagrams to the edge that carry others' addresses: all that of `source`, or one each of so many."""
    told = "\n".join(packet.hex() for packet in packets)
    argv = [sys.executable, str(Path(__file__).with_name("forger.py")), source, target, str(sources)]
    done = net.run(host, argv, stdin=told, timeout_s=120)
    assert done.code == 0, done.err
