"""What the tests of H.323 share: two gatekeepers behind an edge, phones outside, certificates of every kind."""

from __future__ import annotations

import ssl
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lab.edge import Edge
from lab.net import Net
from lab.peers.h323.endpoint import Endpoint
from lab.switchboard import Gatekeeper
from lab.tls import Authority, authority
from lab.topologies import BEHIND_NAT, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.office import LOG_TAIL, folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HQ, BRANCH = "192.168.1.20", "192.168.1.30"
PLAIN, TLS = 1720, 1300
EDGE_NAME = "edge.example.com"
Config = dict[str, Any]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OWN = ("--also", "example.com/hq", "--trust-tls")
USERS = ("--user", "alice=secret", "--user", "carol=hush", "--redirect", "bob=hq@example.com/branch")
PHONES, STRANGERS = authority("Phones"), authority("Strangers")
#: Stem -> who signed, common name, life.
CERTIFICATES: dict[str, tuple[Authority, str, timedelta]] = {
    "alice": (PHONES, "alice", HOUR),
    "other": (PHONES, "somebody", HOUR),
    "expired": (PHONES, "alice", -MINUTE),
    "untrusted": (STRANGERS, "alice", HOUR),
}


@dataclass(frozen=True)
class Gatekeepers:
    """A running edge with two PBXs."""

    net: Net
    edge: Edge
    hq: Gatekeeper
    branch: Gatekeeper
    folder: Path

    def phone(self, *, tls: bool = False, certificate: str = "", host: str = "phone-home") -> Endpoint:
        """A phone outside; with `certificate`, it shows that one."""
        address = EDGE_PUBLIC_SIX if host == "phone-six" else EDGE_PUBLIC
        context = self.context(certificate) if tls or certificate else None
        return Endpoint(self.net.maker(host), address, TLS if context else PLAIN, tls=context, name=EDGE_NAME)

    def context(self, certificate: str = "") -> ssl.SSLContext:
        """OpenSSL as phones use it, which checks the edge's certificate."""
        made = ssl.create_default_context(cafile=str(self.folder / "edge" / "ca.pem"))
        if certificate:
            made.load_cert_chain(self.folder / f"{certificate}.pem", self.folder / f"{certificate}.key")
        return made

    def suspicious(self) -> list[str]:
        """What the log says of suspicious requests, from the event on."""
        lines = [line for line in self.edge.text().splitlines() if "protocol=h323" in line and "event=" in line]
        return [line.partition("event=")[2] for line in lines]


def config(made: Path) -> Config:
    """Head quarters check certificates and take TLS, the branch is plain."""
    own = made / "edge"
    return {
        "edge": {"domain": EDGE_NAME, "public_address": EDGE_PUBLIC},
        "certificates": {
            "default": {"certificate": str(own / "server.pem"), "key": str(own / "server.key")},
            "clients_ca": str(made / "ca.pem"),
        },
        # Who tries so much would be shut out.
        "guard": {"whitelist": ["203.0.113.0/24", "2001:db8::/32"]},
        "listen": {"h323": {"plain": PLAIN, "tls": TLS}},
        "pbxs": {
            "hq": {
                "names": ["example.com", "example.com/hq"],
                "nodes": [HQ],
                "h323": {"plain": PLAIN, "tls": TLS, "check_certificate": True},
            },
            "branch": {
                "names": ["example.com/branch", "branch.example.com"],
                "nodes": [BRANCH],
                "h323": {"plain": PLAIN},
            },
        },
    }


def _issue(made: Path) -> None:
    authority("Edge").issue(_folder(made / "edge"), EDGE_NAME)
    authority("PBX").issue(_folder(made / "pbx"), "example.com")
    for stem, (signer, name, life) in CERTIFICATES.items():
        signer.issue(made, name, stem=stem, life=life)
    # What the edge trusts: `issue` writes the last signer's authority.
    PHONES.issue(made, "last", stem="last")
    selfsigned = authority("alice")
    own = selfsigned.issue(_folder(made / "own"), "alice", stem="signed")
    own.certificate.rename(made / "selfsigned.pem")
    own.key.rename(made / "selfsigned.key")


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@contextmanager
def gatekeepers() -> Iterator[Gatekeepers]:
    """The edge with both PBXs registered to nobody yet."""
    with ExitStack() as stack:
        made = stack.enter_context(folder())
        _issue(made)
        net = stack.enter_context(Net(BEHIND_NAT))
        pbx = made / "pbx"
        identity = authority("PBX TLS").issue(pbx, "example.com", stem="tls")
        hq = Gatekeeper(net, "pbx-hq-a", made, "example.com", address=HQ, identity=identity, options=(*USERS, *OWN))
        also = ("--also", "branch.example.com")
        branch = Gatekeeper(net, "pbx-branch", made, "example.com/branch", address=BRANCH, options=also)
        stack.enter_context(hq)
        stack.enter_context(branch)
        edge = stack.enter_context(Edge(net, made, config(made)))
        place = Gatekeepers(net, edge, hq, branch, made)
        try:
            yield place
        except BaseException:
            print(edge.text()[-LOG_TAIL:])
            raise
