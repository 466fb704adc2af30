"""A lab network with an edge and its PBXs in it, ready for phones.

    with stage(Setting(BEHIND_NAT), folder) as office:
        office.pbxs["pbx-hq-a"].wait("registered")

`hq` has the nodes `pbx-hq-a` and `pbx-hq-b`, `branch` has one; each node plays a tone of its own.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab import tls
from lab.edge import Edge
from lab.net import Net
from lab.peers.address import Hop
from lab.switchboard import Switchboard
from lab.topologies import DMZ, EDGE_INSIDE, EDGE_LAN, EDGE_PUBLIC, EDGE_PUBLIC_SIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lab.topology import Topology

EDGE_NAME = "edge.example.com"
HQ = "example.com"
BRANCH = "branch.example.com"
TONES_HZ = {"pbx-hq-a": 620, "pbx-hq-b": 710, "pbx-branch": 890}
PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "wss": 443, "ws": 8080}
NOBODY_IS_BANNED = {"suspicious_per_minute": 100_000}
"""Scenes with strangers look at what each single request gets; the guard's own tests and claim set it otherwise."""
EVERY_TRANSPORT = {"listen": {"sip": PORTS}}
"""For `Setting.more`: WebSocket beside what is served by default."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What to build.

    `edge`, `pbxs` and `more` are laid over the configuration's sections of that name and over the whole; `options` are
    those of the PBX program by host, `transports` what the PBXs listen on.
    """

    topology: Topology
    edge: Mapping[str, Any] = field(default_factory=dict)
    pbxs: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    transports: Sequence[str] = ("udp",)


@dataclass(frozen=True, slots=True)
class Stage:
    """A running office; `ca` is what phones verify TLS with, `identity` what the edge shows them."""

    net: Net
    edge: Edge
    pbxs: Mapping[str, Switchboard]
    folder: Path
    identity: tls.Identity

    @property
    def ca(self) -> Path:
        """The PEM file of the authority."""
        return self.identity.ca

    def way(self, host: str, transport: str) -> Hop:
        """How phones on `host` reach the edge."""
        return Hop(transport, edge_address(self.net.topology, host), PORTS[transport])


def edge_address(topology: Topology, host: str) -> str:
    """The edge's address for phones on `host`: the private one inside, else the public one of their IP version."""
    if host == "phone-six":
        return EDGE_PUBLIC_SIX
    if host == "phone-lan":
        return EDGE_INSIDE if topology is DMZ else EDGE_LAN
    return EDGE_PUBLIC


def node(topology: Topology, host: str) -> str:
    """The IPv4 address of a PBX."""
    return topology.host(host).ipv4()


def configuration(setting: Setting, identity: tls.Identity) -> dict[str, Any]:
    """What stands in the edge's file."""
    topology = setting.topology
    place = {"interface": "eth0", "inside_interface": "eth1"} if topology is DMZ else {"public_address": EDGE_PUBLIC}
    hq = [node(topology, host) for host in ("pbx-hq-a", "pbx-hq-b")]
    books = "ldap" in setting.more.get("listen", {})
    pbxs: dict[str, Any] = {
        "hq": {"names": [HQ], "nodes": hq, **({"ldap": {"plain": 389, "nodes": hq[:1]}} if books else {})},
        "branch": {
            "names": [BRANCH],
            "nodes": [node(topology, "pbx-branch")],
            **({"ldap": {"plain": 389}} if books else {}),
        },
    }
    return {
        "edge": {"domain": EDGE_NAME, **place, **setting.edge},
        "certificates": {"default": {"certificate": str(identity.certificate), "key": str(identity.key)}},
        "health": {"interval_seconds": 1},
        "guard": NOBODY_IS_BANNED,
        "pbxs": {**pbxs, **setting.pbxs},
        **setting.more,
    }


@contextmanager
def stage(setting: Setting, folder: Path) -> Iterator[Stage]:
    """Build it, and remove it at the end. `folder` has a short path and is open to the engines' users.

    Raises LabError when a part does not start.
    """
    identity = tls.authority().issue(folder, EDGE_NAME, HQ, BRANCH, EDGE_PUBLIC, EDGE_PUBLIC_SIX, EDGE_LAN, EDGE_INSIDE)
    secure = ("--cert", str(identity.certificate), "--key", str(identity.key))
    with ExitStack() as stack:
        net = stack.enter_context(Net(setting.topology))
        pbxs = {}
        for host, tone_hz in TONES_HZ.items():
            listen = [Hop(kind, node(setting.topology, host), PORTS[kind]) for kind in setting.transports]
            options = [*secure, *setting.options.get(host, ())]
            made = Switchboard(net, host, folder, tone_hz=tone_hz, listen=listen, options=options)
            pbxs[host] = stack.enter_context(made)
        edge = stack.enter_context(Edge(net, folder, configuration(setting, identity)))
        yield Stage(net, edge, pbxs, folder, identity)
