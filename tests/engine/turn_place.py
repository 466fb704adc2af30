"""An edge with TURN between the internet and PBXs, for tests."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from lab import tls
from lab.edge import Edge, Kept
from lab.net import Net
from lab.topologies import DMZ, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.office import folder
from tests.engine.turn_client import RefusedError, TurnClient, time_limited

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OFFICE = ("office", "correct horse")
SECRET, NEXT_SECRET = "battery staple battery", "another staple battery"
# Made when the tests are collected, used when their turn comes: a day is enough for any run.
REST = time_limited(SECRET, seconds=86400)
PORTS = {"accounts": {"udp": 3478, "tcp": 3478, "tls": 5349}, "rest": {"udp": 3480, "tcp": 3480, "tls": 5351}}
MEDIA_PORT = 10002


def turn(**more: object) -> dict[str, Any]:
    """Both kinds of credentials."""
    both = {"accounts": {"office": Kept("turn-office", OFFICE[1])}, "shared_secret": Kept("turn-rest", SECRET)}
    return {"tls_port": 5349, **both, **more}


class Place:
    """A running edge between the internet and PBXs."""

    def __init__(self, net: Net, made: Path, kind: type[Edge]) -> None:
        self.net = net
        self.folder = made
        self.identity = tls.authority().issue(made, "edge.example.com")
        self.edge = kind(net, made, self.config(turn()))

    def config(self, section: dict[str, Any]) -> dict[str, Any]:
        """The edge's file with this section `turn`."""
        return {
            "edge": {"domain": "edge.example.com", "interface": "eth0", "inside_interface": "eth1"},
            "certificates": {"default": {"certificate": str(self.identity.certificate), "key": str(self.identity.key)}},
            "pbxs": {"hq": {"names": ["example.com"], "nodes": ["172.16.0.10"]}},
            # These tests guess more than anybody may.
            "guard": {"suspicious_per_minute": 10000},
            "turn": section,
        }

    def apply(self, section: dict[str, Any]) -> None:
        """Without a human word: nothing is interrupted."""
        done = self.edge.apply(self.config(section))
        assert done.code == 0, done.err + done.out

    def client(
        self,
        credentials: tuple[str, str] = OFFICE,
        transport: str = "udp",
        *,
        host: str = "stranger",
        six: bool = False,
    ) -> TurnClient:
        kind = "rest" if credentials[0].endswith(":web") or ":greedy" in credentials[0] else "accounts"
        server = (EDGE_PUBLIC_SIX if six else EDGE_PUBLIC, PORTS[kind][transport])
        return TurnClient(self.net, host, server, credentials, transport)

    def listener(self, host: str, where: str, port: int) -> socket.socket:
        """A UDP socket on a host of the lab."""
        sock: socket.socket = self.net.socket(host, socket.AF_INET6 if ":" in where else socket.AF_INET)
        sock.bind((where, port))
        sock.settimeout(3)
        return sock


class Unprivileged(Edge):
    """An edge that may not touch packet filters, as in many containers."""

    def _command(self) -> list[str]:
        return ["setpriv", "--bounding-set=-net_admin", "--", *super()._command()]


@contextmanager
def running(kind: type[Edge] = Edge) -> Iterator[Place]:
    """One, and its log when it ends."""
    with ExitStack() as stack:
        made = stack.enter_context(folder())
        place = Place(stack.enter_context(Net(DMZ)), made, kind)
        stack.enter_context(place.edge)
        try:
            yield place
        finally:
            # The folder goes away; pytest shows this with a failure.
            print(place.edge.text()[-20000:])


def refused(client: TurnClient, peer: str) -> int:
    """The code with which a peer is refused; 0: it is not."""
    try:
        client.permit(peer)
    except RefusedError as error:
        return error.code
    return 0
