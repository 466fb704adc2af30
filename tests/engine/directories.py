"""What the tests of LDAP share: two directories with different suffixes behind an edge, clients outside."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.directory import Directory
from lab.edge import Edge
from lab.net import Net
from lab.tls import Authority, Identity, authority
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.office import LOG_TAIL, folder
from voxgate.wire.router_control import RouterClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.procs import Completed

HQ, BRANCH = "192.168.1.20", "192.168.1.30"
ALBUM = 3 << 20
PLAIN, SECURE = f"ldap://{EDGE_PUBLIC}", f"ldaps://{EDGE_PUBLIC}"
Config = dict[str, Any]


@dataclass(frozen=True)
class Directories:
    """A running edge with two PBXs' directories; `ca` signed every certificate in it."""

    net: Net
    edge: Edge
    hq: Directory
    branch: Directory
    ca: Authority
    folder: Path

    def client(
        self, program: str, *words: str, host: str = "phone-home", env: dict[str, str] | None = None
    ) -> Completed:
        """ldapsearch or ldapwhoami (Debian's speak TLS by GnuTLS), simple bind, trusting `ca`."""
        trust = {"LDAPTLS_CACERT": str(self.folder / "ca.pem")}
        argv = [program, "-x", "-o", "nettimeout=10", *words]
        return self.net.run(host, argv, env=trust)

    def search(self, url: str, directory: Directory, *words: str, host: str = "phone-home") -> Completed:
        """A search for one person as the directory's guest."""
        who = ("-D", directory.bind_dn, "-w", directory.password, "-b", directory.suffix.dn)
        return self.client("ldapsearch", "-LLL", "-H", url, *who, *words, "(cn=person 7)", "telephoneNumber", host=host)

    def connections(self) -> list[int]:
        """How many clients each process of the router has, in their order."""
        sockets = sorted((self.edge.folder / "run").glob("router-*/control.sock"))
        return [asyncio.run(RouterClient(one.parent.name, one).ask("status"))["connections"] for one in sockets]

    def suspicious(self) -> list[str]:
        """Lines about suspicious requests in the edge's log, from `event=` on."""
        lines = [line for line in self.edge.text().splitlines() if "protocol=ldap" in line and "event=" in line]
        return ["event=" + line.partition("event=")[2] for line in lines]

    def accesses(self) -> list[dict[str, Any]]:
        """Lines of the access log."""
        path = self.edge.folder / "state" / "access.log"
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in found if line["protocol"].startswith("ldap")]


def config(place: Path, **sections: object) -> Config:
    """The PBX hq takes LDAP with and without TLS, branch without."""
    base: Config = {
        "edge": {"domain": "edge.example.com", "public_address": EDGE_PUBLIC},
        "certificates": {
            "default": {"certificate": str(place / "edge.pem"), "key": str(place / "edge.key")},
            "clients_ca": str(place / "ca.pem"),
        },
        "listen": {"sip": {"udp": 5060}, "ldap": {"plain": 389, "tls": 636}},
        "pbxs": {
            "hq": {"names": ["example.com"], "nodes": [HQ], "ldap": {"plain": 389, "tls": 636}},
            "branch": {"names": ["branch.example"], "nodes": [BRANCH], "ldap": {"plain": 389}},
        },
    }
    return base | sections


@contextmanager
def directories(change: Config | None = None) -> Iterator[Directories]:
    """All of it, running; `change` replaces sections of `config`."""
    with ExitStack() as stack:
        place = stack.enter_context(folder())
        net = stack.enter_context(Net(BEHIND_NAT))
        ca = authority()
        issue(ca, place, "edge", "edge.example.com", EDGE_PUBLIC, EDGE_PUBLIC_SIX)
        own = issue(ca, place, "slapd", "example.com")
        hq = stack.enter_context(Directory(net, "pbx-hq-a", place, HQ, "example.com", tls=own, album_bytes=ALBUM))
        branch = stack.enter_context(Directory(net, "pbx-branch", place, BRANCH, "branch.example"))
        edge = stack.enter_context(Edge(net, place, config(place, **(change or {}))))
        try:
            yield Directories(net, edge, hq, branch, ca, place)
        except BaseException:
            # The folder goes away; pytest shows this with the failure.
            print(edge.text()[-LOG_TAIL:])
            raise


def issue(ca: Authority, place: Path, stem: str, *names: str) -> Identity:
    """A certificate in the folder, readable by the clients."""
    return ca.issue(place, *names, stem=stem)
