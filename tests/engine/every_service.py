"""What the tests of TLS share: an edge with every listener that speaks it, and a PBX that takes every service."""

from __future__ import annotations

import ssl
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, SOCK_STREAM
from typing import TYPE_CHECKING, Any

from lab.directory import Directory
from lab.edge import Edge, Kept
from lab.net import Net
from lab.switchboard import Gatekeeper
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from lab.webpbx import WebPbx
from tests.engine.office import HQ, LOG_TAIL, config, folder
from tests.engine.turn_client import TurnClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.tls import Identity

#: Every listener with TLS.
PORTS = {"sip": 5061, "https": 443, "wss": 8080, "ldaps": 636, "h323": 1300, "turn": 5349, "turn-rest": 5351}
#: coturn shows one certificate, whatever name is asked for.
WITHOUT_SNI = frozenset({"turn", "turn-rest"})
EDGE_NAME = "edge.example.com"
#: All names that the edge is known by without a certificate of its own.
NAMES = (EDGE_NAME, "example.com", "shop.example.com", "desk.shop.example.com")
SECRET = "battery staple battery"  # noqa: S105  of a throwaway relay
OFFICE = ("office", "correct horse")


def everything(**sections: object) -> dict[str, Any]:
    """One PBX with every service; `sections` are added or replaced."""
    listen = {
        "sip": {"udp": 5060, "tls": PORTS["sip"], "wss": PORTS["wss"]},
        "http": {"tls": PORTS["https"]},
        "ldap": {"plain": 389, "tls": PORTS["ldaps"]},
        "h323": {"tls": PORTS["h323"]},
    }
    relay = {
        "tls_port": PORTS["turn"],
        "rest_tls_port": PORTS["turn-rest"],
        "accounts": {OFFICE[0]: Kept("turn-office", OFFICE[1])},
        "shared_secret": Kept("turn-rest", SECRET),
    }
    pbx = {
        "names": ["example.com", "shop.example.com", "desk.shop.example.com"],
        "nodes": [HQ],
        "http": {"plain": 80, "allow_urls": "@everything"},
        "ldap": {"plain": 389},
        "h323": {"plain": 1720},
    }
    made = {"listen": listen, "turn": relay, "pbxs": {"hq": pbx}, "guard": {"suspicious_per_minute": 10_000}}
    return config(**{**made, **sections})


def shown_by(default: Identity, **others: tuple[Identity, list[str]]) -> dict[str, Any]:
    """The section `certificates` that shows these files; beside the default one, each for its names."""

    def files(identity: Identity) -> dict[str, Any]:
        return {"certificate": str(identity.certificate), "key": str(identity.key)}

    return {
        "default": files(default),
        "others": {name: {**files(identity), "names": names} for name, (identity, names) in others.items()},
    }


@dataclass(frozen=True)
class Services:
    """A running edge with every listener."""

    net: Net
    edge: Edge
    folder: Path
    directory: Directory
    web: WebPbx

    def secured(
        self, service: str, trust: ssl.SSLContext, name: str | None, *, six: bool = False, host: str = ""
    ) -> ssl.SSLSocket:
        """A connection from outside to that listener, which asks for that name."""
        at = host or ("phone-six" if six else "phone-home")
        plain = self.net.socket(at, AF_INET6 if six else AF_INET, SOCK_STREAM)
        try:
            plain.settimeout(10)
            plain.connect((EDGE_PUBLIC_SIX if six else EDGE_PUBLIC, PORTS[service]))
            return trust.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise

    def relay(self, credentials: tuple[str, str] = OFFICE) -> TurnClient:
        """A client of TURN over TLS."""
        return TurnClient(self.net, "phone-home", (EDGE_PUBLIC, PORTS["turn"]), credentials, "tls")

    def pids(self) -> dict[str, tuple[int, int]]:
        """Of every engine, with its restarts."""
        return {one["name"]: (one["pid"], one["restarts"]) for one in self.edge.status()["engines"]}


def trusting(ca: Path | None = None) -> ssl.SSLContext:
    """A client that takes what this authority signed; None: whatever there is, for tests that compare it."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    if ca is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@contextmanager
def services(first: dict[str, Any] | None = None) -> Iterator[Services]:
    """All of it, running; without certificates, as on the first day."""
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        net = stack.enter_context(Net(BEHIND_NAT))
        directory = stack.enter_context(Directory(net, "pbx-hq-a", place, HQ, "example.com"))
        users = ("--user", "alice=secret")
        stack.enter_context(Gatekeeper(net, "pbx-hq-a", place, "example.com", address=HQ, options=users))
        web = stack.enter_context(WebPbx(net.maker("pbx-hq-a"), "hq", HQ, 80))
        edge = stack.enter_context(Edge(net, place, first or everything()))
        try:
            yield Services(net, edge, place, directory, web)
        except BaseException:
            # The folder goes away; pytest shows this with the failure.
            print(edge.text()[-LOG_TAIL:])
            raise
