"""The places an edge may stand in: public, behind NAT, in a DMZ, on the router, without internet, and so on.

Each has an example configuration (docs/examples), a page with a drawing made from what stands here (`lab.drawing`), and
a test with calls, web requests and registrations. `example.com` is the SIP domain of the PBX `hq` in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from lab.topologies import CARRIER, EDGE_PUBLIC, EDGE_SECOND, home, plain
from lab.topology import Forward, Host, Interface, NatKind, Route, Router, Topology

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What the example configurations serve to the outside.
SERVED = (("udp", "5060"), ("tcp", "5060"), ("tcp", "5061"), ("tcp", "80"), ("tcp", "443"), ("udp", "10000-20000"))
OUTER = (
    home("router-home", "home", "203.0.113.77", "10.0.0.1", NatKind.PORT_RESTRICTED),
    plain("phone-home", "home", "10.0.0.50/24", via=("10.0.0.1",)),
    plain("stranger", "net", "203.0.113.99/24", via=(CARRIER,)),
    Host("internet", (Interface("eth0", "net", (f"{CARRIER}/24",)),), (), Router("eth0", "eth0")),
)

#: The top of most drawings.
WORLD = (("phone-home",), ("home", "at home"), ("router-home", "stranger"), ("net", "the internet"))


@dataclass(frozen=True, slots=True)
class Site:
    """A place for an edge. `name` is also that of the example and of the page.

    `pbx`: host of the PBX, with the ports of its SIP and its web server; `reach`: phone's host to the edge's address
    for it; `filters`: packet filters by host, as nft reads them; `rows`: the drawing from top to bottom, a segment with
    its caption or the hosts between two segments.
    """

    name: str
    topology: Topology
    reach: Mapping[str, str]
    rows: tuple[tuple[str, str] | tuple[str, ...], ...]
    pbx: str = "pbx-hq"
    sip_port: int = 5060
    web_port: int = 80
    filters: Mapping[str, str] = field(default_factory=dict)


def _topology(name: str, summary: str, *hosts: Host) -> Topology:
    segments = dict.fromkeys(port.segment for host in hosts for port in host.interfaces)
    return Topology(name, summary, tuple(segments), hosts)


def _router(name: str, lan: str, inside: str, edge: str, *routes: Route) -> Host:
    """The router at the internet connection; it forwards to the edge what is served, and cannot hairpin."""
    return Host(
        name,
        (Interface("wan", "net", (f"{EDGE_PUBLIC}/24",)), Interface("lan", lan, (f"{inside}/24",))),
        (Route("default", CARRIER), *routes),
        Router(
            "lan",
            "wan",
            NatKind.PORT_RESTRICTED,
            tuple(Forward(proto, ports, edge) for proto, ports in SERVED),
            EDGE_PUBLIC,
        ),
    )


def _filter(hook: str, *rules: str) -> str:
    """A packet filter that drops what no rule accepts."""
    lines = (f"type filter hook {hook} priority 0; policy drop;", "ct state established,related accept", *rules)
    return "\n".join(("table inet own {", f"chain {hook} {{", *lines, "}", "}", ""))


def _firewall(edge: str) -> str:
    """Between DMZ and office: from the DMZ the edge alone gets in."""
    return _filter("forward", 'iifname "lan" accept', f'iifname "dmz" ip saddr {edge} accept')


PUBLIC = Site(
    "public-address",
    _topology(
        "public_address",
        "A rented machine with a public address; the PBX has one of its own and lets nobody in but the edge.",
        *OUTER,
        plain("edge", "net", f"{EDGE_PUBLIC}/24", via=(CARRIER,)),
        plain("pbx-hq", "net", "203.0.113.20/24", via=(CARRIER,)),
    ),
    {"phone-home": EDGE_PUBLIC, "stranger": EDGE_PUBLIC},
    (
        *WORLD,
        ("edge", "pbx-hq"),
    ),
    filters={"pbx-hq": _filter("input", 'iifname "lo" accept', f"ip saddr {EDGE_PUBLIC} accept")},
)

BEHIND_ROUTER = Site(
    "behind-nat",
    _topology(
        "office",
        "One interface in the office's network, public through port forwards of a router that cannot hairpin.",
        *OUTER,
        _router("router", "lan", "192.168.1.1", "192.168.1.10"),
        plain("edge", "lan", "192.168.1.10/24", via=("192.168.1.1",)),
        plain("pbx-hq", "lan", "192.168.1.20/24", via=("192.168.1.1",)),
        plain("phone-lan", "lan", "192.168.1.50/24", via=("192.168.1.1",)),
    ),
    {"phone-home": EDGE_PUBLIC, "phone-lan": "192.168.1.10"},
    (
        *WORLD,
        ("router",),
        ("lan", "the office"),
        ("edge", "pbx-hq", "phone-lan"),
    ),
)

FLAT_DMZ = Site(
    "flat-dmz",
    _topology(
        "flat_dmz",
        "One interface in a DMZ between two firewalls; the inner one lets nobody but the edge into the office.",
        *OUTER,
        _router("outer", "dmz", "192.168.100.1", "192.168.100.10", Route("192.168.1.0/24", "192.168.100.2")),
        Host(
            "edge",
            (Interface("eth0", "dmz", ("192.168.100.10/24",)),),
            (Route("default", "192.168.100.1"), Route("192.168.1.0/24", "192.168.100.2")),
        ),
        Host(
            "inner",
            (Interface("dmz", "dmz", ("192.168.100.2/24",)), Interface("lan", "lan", ("192.168.1.1/24",))),
            (Route("default", "192.168.100.1"),),
            Router("lan", "dmz"),
        ),
        plain("pbx-hq", "lan", "192.168.1.20/24", via=("192.168.1.1",)),
        plain("phone-lan", "lan", "192.168.1.50/24", via=("192.168.1.1",)),
    ),
    {"phone-home": EDGE_PUBLIC, "phone-lan": "192.168.100.10"},
    (
        *WORLD,
        ("outer",),
        ("dmz", "the DMZ"),
        ("edge", "inner"),
        ("lan", "the office"),
        ("pbx-hq", "phone-lan"),
    ),
    filters={"inner": _firewall("192.168.100.10")},
)

SEGMENTED_DMZ = Site(
    "segmented-dmz",
    _topology(
        "segmented_dmz",
        "One interface in the outer segment of a DMZ, one in the inner segment, and a firewall before the office.",
        *OUTER,
        _router("outer", "front", "192.168.100.1", "192.168.100.10"),
        Host(
            "edge",
            (Interface("eth0", "front", ("192.168.100.10/24",)), Interface("eth1", "back", ("192.168.200.10/24",))),
            (Route("default", "192.168.100.1"), Route("172.16.0.0/16", "192.168.200.1")),
        ),
        Host(
            "inner",
            (Interface("dmz", "back", ("192.168.200.1/24",)), Interface("lan", "lan", ("172.16.0.1/16",))),
            (),
            Router("lan", "dmz"),
        ),
        plain("pbx-hq", "lan", "172.16.0.10/16", via=("172.16.0.1",)),
        plain("phone-lan", "lan", "172.16.0.50/16", via=("172.16.0.1",)),
    ),
    {"phone-home": EDGE_PUBLIC, "phone-lan": "192.168.200.10"},
    (
        *WORLD,
        ("outer",),
        ("front", "the DMZ, outer segment"),
        ("edge",),
        ("back", "the DMZ, inner segment"),
        ("inner",),
        ("lan", "the office"),
        ("pbx-hq", "phone-lan"),
    ),
    filters={"inner": _firewall("192.168.200.10")},
)

ON_THE_ROUTER = Site(
    "on-the-router",
    _topology(
        "on_the_router",
        "The edge is the office's router: it translates addresses for everybody, and drops what nobody asked for.",
        *OUTER,
        Host(
            "edge",
            (Interface("wan", "net", (f"{EDGE_PUBLIC}/24",)), Interface("lan", "lan", ("192.168.1.1/24",))),
            (Route("default", CARRIER),),
            Router("lan", "wan", NatKind.PORT_RESTRICTED),
        ),
        plain("pbx-hq", "lan", "192.168.1.20/24", via=("192.168.1.1",)),
        plain("phone-lan", "lan", "192.168.1.50/24", via=("192.168.1.1",)),
    ),
    {"phone-home": EDGE_PUBLIC, "phone-lan": "192.168.1.1"},
    (
        *WORLD,
        ("edge",),
        ("lan", "the office"),
        ("pbx-hq", "phone-lan"),
    ),
)

LOCAL_ONLY = Site(
    "local-only",
    _topology(
        "local_only",
        "No internet at all: phones on two networks of a house, joined by a router.",
        Host(
            "gate",
            (Interface("eth0", "lan", ("192.168.1.1/24",)), Interface("eth1", "floor", ("192.168.2.1/24",))),
            (),
            Router("eth0", "eth1"),
        ),
        plain("edge", "lan", "192.168.1.10/24", via=("192.168.1.1",)),
        plain("pbx-hq", "lan", "192.168.1.20/24", via=("192.168.1.1",)),
        plain("phone-lan", "lan", "192.168.1.50/24", via=("192.168.1.1",)),
        plain("phone-floor", "floor", "192.168.2.50/24", via=("192.168.2.1",)),
    ),
    {"phone-lan": "192.168.1.10", "phone-floor": "192.168.1.10"},
    (("phone-floor",), ("floor", "second floor"), ("gate",), ("lan", "first floor"), ("edge", "pbx-hq", "phone-lan")),
)

SEVERAL = Site(
    "several-addresses",
    _topology(
        "several_addresses",
        "A machine with two public addresses, one of which belongs to something else; PBXs on a network of their own.",
        *OUTER,
        Host(
            "edge",
            (
                Interface("eth0", "net", (f"{EDGE_PUBLIC}/24", f"{EDGE_SECOND}/24")),
                Interface("eth1", "inside", ("172.16.0.1/16",)),
            ),
            (Route("default", CARRIER),),
        ),
        plain("pbx-hq", "inside", "172.16.0.10/16"),
    ),
    {"phone-home": EDGE_SECOND, "stranger": EDGE_SECOND},
    (
        *WORLD,
        ("edge",),
        ("inside", "the PBXs' network"),
        ("pbx-hq",),
    ),
)

ON_THE_PBX = Site(
    "on-the-pbx",
    _topology(
        "on_the_pbx",
        "Edge and PBX share a machine and its address; the PBX has moved to other ports.",
        *OUTER,
        _router("router", "lan", "192.168.1.1", "192.168.1.10"),
        plain("edge", "lan", "192.168.1.10/24", via=("192.168.1.1",), note="also the PBX"),
        plain("phone-lan", "lan", "192.168.1.50/24", via=("192.168.1.1",)),
    ),
    {"phone-home": EDGE_PUBLIC, "phone-lan": "192.168.1.10"},
    (
        *WORLD,
        ("router",),
        ("lan", "the office"),
        ("edge", "phone-lan"),
    ),
    pbx="edge",
    sip_port=5080,
    web_port=8081,
)

_ALL = (PUBLIC, BEHIND_ROUTER, FLAT_DMZ, SEGMENTED_DMZ, ON_THE_ROUTER, LOCAL_ONLY, SEVERAL, ON_THE_PBX)
SITES = MappingProxyType({site.name: site for site in _ALL})
