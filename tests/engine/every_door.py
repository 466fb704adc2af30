"""An edge that serves every protocol, a PBX behind all of them, and what attackers and neighbours do at its doors."""

from __future__ import annotations

import os
import select
import socket
import ssl
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING

from lab.directory import Directory
from lab.edge import Edge, Kept
from lab.net import Net
from lab.peers.address import Hop
from lab.peers.h323.endpoint import Endpoint, GoneError, RejectedError
from lab.switchboard import Gatekeeper, Switchboard
from lab.tls import authority
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from lab.webpbx import WebPbx
from tests.engine.attackers import PASSWORD, Site, request
from tests.engine.babble import NO_TLS, babble
from tests.engine.office import HQ, LOG_TAIL, config, folder
from tests.engine.turn_client import RefusedError, TurnClient
from tests.engine.web_office import context
from voxgate.wire.stun import Class, Message, Method, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.office import Config

#: Name of a door -> transport and port.
DOORS = {
    "sip/udp": ("udp", 5060),
    "sip/tcp": ("tcp", 5060),
    "sip/tls": ("tls", 5061),
    "http": ("tcp", 80),
    "https": ("tls", 443),
    "ldap": ("tcp", 389),
    "ldaps": ("tls", 636),
    "h323": ("tcp", 1720),
    "h323/tls": ("tls", 1300),
    "turn/udp": ("udp", 3478),
    "turn/tcp": ("tcp", 3478),
    "turn/tls": ("tls", 5349),
}
SECURE = tuple(port for kind, port in DOORS.values() if kind == "tls")
QUIET_S = 1.0
OF_ALICE = "secret"
ACCOUNT = ("office", PASSWORD)
BIND_DN = "cn=guest,dc=example,dc=com"


def everything(made: Path) -> Config:
    """SIP, HTTP, LDAP, H.323 and TURN, each with and without TLS."""
    listen = {
        "sip": {"udp": 5060, "tcp": 5060, "tls": 5061, "wss": 443},
        "http": {"plain": 80, "tls": 443},
        "ldap": {"plain": 389, "tls": 636},
        "h323": {"plain": 1720, "tls": 1300},
    }
    pbx = {
        "names": ["example.com"],
        "nodes": [HQ],
        "http": {"plain": 80, "allow_urls": ["/PBX0/", "/status/"]},
        "ldap": {"plain": 389},
        "h323": {"plain": 1720},
    }
    own = made / "edge"
    return config(
        certificates={"default": {"certificate": str(own / "server.pem"), "key": str(own / "server.key")}},
        listen=listen,
        pbxs={"hq": pbx},
        turn={"tls_port": 5349, "accounts": {ACCOUNT[0]: Kept("turn-office", ACCOUNT[1])}},
    )


@dataclass
class EveryDoor(Site):
    """All of it, running."""

    web: WebPbx
    _ports: Iterator[int] = field(default_factory=lambda: count(5100))

    # -- who comes to a door -----------------------------------------------------------------------

    def open_doors(self, host: str = "stranger", *, six: bool = False) -> set[str]:
        """The doors that answer `host` a single packet: with a datagram, or by taking a connection."""
        where = EDGE_PUBLIC_SIX if six else EDGE_PUBLIC
        family = socket.AF_INET6 if six else socket.AF_INET
        found: set[str] = set()
        with ExitStack() as stack:
            waiting = {}
            for door, (kind, port) in DOORS.items():
                udp = kind == "udp"
                made = self.net.socket(host, family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
                sock = stack.enter_context(made)
                sock.setblocking(False)
                sock.connect_ex((where, port))
                if udp:
                    sock.send(self._question(port))
                waiting[sock] = door
            deadline_s = time.monotonic() + QUIET_S
            while waiting and (left_s := deadline_s - time.monotonic()) > 0:
                udps = [sock for sock, door in waiting.items() if DOORS[door][0] == "udp"]
                reads, writes, _ = select.select(udps, [one for one in waiting if one not in udps], [], left_s)
                for sock in (*reads, *writes):
                    door = waiting.pop(sock)
                    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                        found.add(door)
        return found

    @contextmanager
    def lines(self, host: str = "stranger") -> Iterator[dict[str, socket.socket]]:
        """A connection to every door that takes some, on each of which something was said."""
        with ExitStack() as stack:
            found = {}
            for door, (kind, port) in DOORS.items():
                if kind == "udp":
                    continue
                sock = stack.enter_context(self.connected(port, host))
                found[door] = stack.enter_context(context().wrap_socket(sock)) if kind == "tls" else sock
                found[door].sendall(self.word(door))
                if door.startswith(("sip", "http")):
                    assert found[door].recv(4096), door
            yield found

    @staticmethod
    def word(door: str) -> bytes:
        """What an honest client says first; LDAP and H.323 clients have not finished their first sentence yet."""
        if door.startswith("sip"):
            number = int.from_bytes(os.urandom(3))
            return request("OPTIONS", "edge.example.com", number=number, transport=door[4:].upper())
        if door.startswith("http"):
            return b"GET /PBX0/x HTTP/1.1\r\nHost: example.com\r\n\r\n"
        return {"l": b"\x30\x30\x02", "h": b"\x03\x00\x00", "t": b"\x00\x01\x00"}[door[0]]

    def served(self) -> bool:
        """Whether an honest neighbour at home gets service over every protocol."""
        home = "phone-home"
        bind = ("-D", BIND_DN, "-w", "pbx-guest")
        ldap = self.net.run(home, ["ldapwhoami", "-x", "-o", "nettimeout=5", "-H", f"ldap://{EDGE_PUBLIC}", *bind])
        with Endpoint(self.net.maker(home), EDGE_PUBLIC, 1720) as phone:
            registered = phone.register("example.com", "alice", password=OF_ALICE)
        with TurnClient(self.net, home, (EDGE_PUBLIC, 3478), ACCOUNT) as relayed:
            relayed.allocate()
        return (
            self.registers(next(self._ports))
            and self.get("/PBX0/x", host=home) == 200
            and ldap.code == 0
            and registered == "example.com"
        )

    def get(self, path: str, name: str = "example.com", *, host: str = "stranger", more: str = "") -> int:
        """One HTTP request; gives the status, 0 when there was none."""
        with self.net.socket(host, kind=socket.SOCK_STREAM) as sock, suppress(OSError):
            sock.settimeout(3)
            sock.connect((EDGE_PUBLIC, 80))
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n{more}\r\n".encode())
            answer = sock.recv(4096)
            return int(answer.split(b" ", 2)[1]) if answer else 0
        return 0

    # -- attackers ---------------------------------------------------------------------------------

    def web_guesser(self, times: int, *, six: bool = False) -> None:
        """Guess passwords of a page as scripts do: Python's urllib, a new connection for each."""
        where = f"[{EDGE_PUBLIC_SIX}]" if six else EDGE_PUBLIC
        program = (
            "import base64, sys, urllib.request\n"
            "for number in range(int(sys.argv[1])):\n"
            "    word = base64.b64encode(f'admin:{number}'.encode()).decode()\n"
            "    headers = {'Host': 'example.com', 'Authorization': f'Basic {word}'}\n"
            "    asked = urllib.request.Request(f'http://{sys.argv[2]}/status/401', headers=headers)\n"
            "    try: urllib.request.urlopen(asked, timeout=2)\n"
            "    except OSError: pass\n"
        )
        self.net.run("stranger", [sys.executable, "-c", program, str(times), where], timeout_s=90)

    def directory_guesser(self, times: int, *, six: bool = False) -> None:
        """The loop that everybody writes."""
        where = f"[{EDGE_PUBLIC_SIX}]" if six else EDGE_PUBLIC
        loop = (
            f"for word in $(seq {times}); do "
            f"ldapsearch -x -o nettimeout=2 -H ldap://{where} -D {BIND_DN} -w $word -b dc=example,dc=com; done"
        )
        self.net.run("stranger", ["sh", "-c", loop], timeout_s=90)

    def phone_guesser(self, times: int, *, six: bool = False) -> None:
        """Register at the gatekeeper again and again."""
        for number in range(times):
            with suppress(OSError, GoneError, RejectedError), self._endpoint(six=six) as phone:
                phone.register("example.com", "alice", password=f"guess{number}")

    def relay_guesser(self, times: int, transport: str = "udp", *, six: bool = False) -> None:
        """Ask for a relay with one password after the other."""
        where = (EDGE_PUBLIC_SIX if six else EDGE_PUBLIC, 3478)
        for number in range(times):
            with (
                suppress(OSError, RefusedError),
                TurnClient(self.net, "stranger", where, ("office", f"guess{number}"), transport) as client,
            ):
                client.allocate()

    def no_tls(self, port: int, times: int, *, six: bool = False) -> None:
        """Speak to a TLS port what is no TLS, as scanners do."""
        babble(lambda: self.connected(port, six=six), NO_TLS, times)

    def mistrusts(self, port: int) -> None:
        """An honest client that does not know who signed our certificate."""
        with self.connected(port) as sock, suppress(OSError):
            ssl.create_default_context().wrap_socket(sock, server_hostname="edge.example.com")

    def domain_guesser(self, times: int, *, six: bool = False) -> None:
        """Ask for domains over SIP."""
        with suppress(OSError), self.connected(5060, six=six) as sock:
            for number in range(times):
                sock.sendall(request("REGISTER", f"guess{number}.example.net", number=number, transport="TCP"))

    def _endpoint(self, *, six: bool) -> Endpoint:
        return Endpoint(self.net.maker("stranger"), EDGE_PUBLIC_SIX if six else EDGE_PUBLIC, 1720)

    def connected(self, port: int, host: str = "stranger", *, six: bool = False) -> socket.socket:
        made: socket.socket = self.net.socket(host, socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
        made.settimeout(2)
        made.connect((EDGE_PUBLIC_SIX if six else EDGE_PUBLIC, port))
        return made

    @staticmethod
    def _question(port: int) -> bytes:
        if port == 3478:
            return encode(Message(Method.BINDING, Class.REQUEST, os.urandom(12)))
        return request("OPTIONS", "edge.example.com", number=int.from_bytes(os.urandom(3)))


class Line(StrEnum):
    """How a connection is."""

    OPEN = "open"
    SILENT = "silent"
    CLOSED = "closed"


def state(sock: socket.socket, word: bytes = b"") -> Line:
    """Of a connection on which somebody says `word`: answered, silent, or at its end. Silence to no word is open."""
    try:
        sock.settimeout(QUIET_S)
        sock.sendall(word)
        return Line.OPEN if sock.recv(4096) else Line.CLOSED
    except TimeoutError:
        return Line.SILENT if word else Line.OPEN
    except OSError:
        return Line.CLOSED


@contextmanager
def every_door(kind: type[Edge] = Edge, **sections: object) -> Iterator[EveryDoor]:
    """All of it, running."""
    with ExitStack() as stack:
        made = stack.enter_context(folder())
        own = made / "edge"
        own.mkdir()
        authority().issue(own, "edge.example.com", "example.com", EDGE_PUBLIC, EDGE_PUBLIC_SIX)
        users = made / "users.txt"
        users.write_text(f"alice:{PASSWORD}\n100:{PASSWORD}\n")
        net = stack.enter_context(Net(BEHIND_NAT))
        listen = (Hop("udp", HQ, 5060), Hop("tcp", HQ, 5060))
        options = ("--users", str(users))
        host = "pbx-hq-a"
        pbx = stack.enter_context(Switchboard(net, host, made, tone_hz=620, listen=listen, options=options))
        web = stack.enter_context(WebPbx(net.maker(host), "hq", HQ, 80))
        stack.enter_context(Directory(net, host, made, HQ, "example.com"))
        stack.enter_context(
            Gatekeeper(net, host, made, "example.com", address=HQ, options=("--user", f"alice={OF_ALICE}"))
        )
        edge = stack.enter_context(kind(net, made, everything(made) | sections))
        try:
            edge.wait_for_node(HQ, "up")
            yield EveryDoor(net, edge, pbx, made, web)
        except BaseException:
            # The folder goes away; pytest shows this with the failure.
            print(edge.text()[-LOG_TAIL:])
            raise
