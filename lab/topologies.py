"""The networks we test in. Host names are the same in all of them, so a test or a demo can use either.

Outside: ``phone-home`` (port-restricted NAT), ``phone-hotel`` (symmetric NAT), ``phone-six`` (IPv6 only, routed),
``stranger`` and ``provider`` directly on the internet, ``internet`` as everybody's next hop.
Inside: ``pbx-hq-a``, ``pbx-hq-b``, ``pbx-branch``; ``edge`` between the two.
"""

from __future__ import annotations

from types import MappingProxyType

from lab.topology import Forward, Host, Interface, NatKind, Route, Router, Topology

EDGE_PUBLIC = "203.0.113.45"
EDGE_PUBLIC_SIX = "2001:db8:1::10"
EDGE_LAN = "192.168.1.10"
EDGE_INSIDE = "172.16.0.1"
EDGE_INSIDE_SIX = "fd00:172::1"
CARRIER = "203.0.113.1"


def plain(name: str, segment: str, *addresses: str, via: tuple[str, ...] = (), note: str = "") -> Host:
    """A host with one port, ``eth0``, and default routes."""
    routes = tuple(Route("default", hop) for hop in via)
    return Host(name, (Interface("eth0", segment, addresses),), routes, note=note)


def home(name: str, segment: str, outside: str, inside: str, kind: NatKind) -> Host:
    """A subscriber's router: NAT of that kind, nothing forwarded."""
    return Host(
        name,
        (Interface("wan", "net", (f"{outside}/24",)), Interface("lan", segment, (f"{inside}/24",))),
        (Route("default", CARRIER),),
        Router("lan", "wan", kind),
        note=f"NAT, {kind.value}",
    )


def _outside(prefix6: str) -> tuple[Host, ...]:
    """Everything on the far side; ``prefix6`` is the IPv6 prefix of the internet segment (``2001:db8:f:``)."""
    return (
        home("router-home", "home", "203.0.113.77", "10.0.0.1", NatKind.PORT_RESTRICTED),
        plain("phone-home", "home", "10.0.0.50/24", via=("10.0.0.1",), note="seen as 203.0.113.77"),
        home("router-hotel", "hotel", "203.0.113.88", "10.0.1.1", NatKind.SYMMETRIC),
        plain("phone-hotel", "hotel", "10.0.1.50/24", via=("10.0.1.1",), note="seen as 203.0.113.88"),
        Host(
            "router-six",
            (
                Interface("wan", "net", (f"{prefix6}:2/64",)),
                Interface("lan", "six", ("2001:db8:2::1/64",)),
            ),
            (Route("default", f"{prefix6}:1"),),
            Router("lan", "wan", ipv6_open=True),
            note="routes IPv6, no NAT",
        ),
        plain("phone-six", "six", "2001:db8:2::50/64", via=("2001:db8:2::1",), note="IPv6 only"),
        plain(
            "stranger",
            "net",
            "203.0.113.99/24",
            f"{prefix6}:99/64",
            via=(CARRIER, f"{prefix6}:1"),
            note="attacks",
        ),
        plain(
            "provider",
            "net",
            "203.0.113.60/24",
            f"{prefix6}:60/64",
            via=(CARRIER, f"{prefix6}:1"),
            note="SIP trunks",
        ),
    )


def _internet(prefix6: str, *routes: Route) -> Host:
    interfaces = (Interface("eth0", "net", (f"{CARRIER}/24", f"{prefix6}:1/64")),)
    six = Route("2001:db8:2::/64", f"{prefix6}:2")
    return Host("internet", interfaces, (six, *routes), Router("eth0", "eth0", ipv6_open=True), "next hop")


def _edge_router() -> Host:
    """The office router: forwards SIP and media to the edge, cannot hairpin."""
    forwards = (
        Forward("udp", "5060", EDGE_LAN),
        Forward("udp", "10000-20000", EDGE_LAN),
        Forward("tcp", "5060", EDGE_LAN),
        Forward("tcp", "5061", EDGE_LAN),
        Forward("tcp", "80", EDGE_LAN),
        Forward("tcp", "389", EDGE_LAN),
        Forward("tcp", "443", EDGE_LAN),
        Forward("tcp", "636", EDGE_LAN),
        Forward("tcp", "1300", EDGE_LAN),
        Forward("tcp", "1720", EDGE_LAN),
        Forward("udp", "3478", EDGE_LAN),
        Forward("tcp", "3478", EDGE_LAN),
        Forward("tcp", "5349", EDGE_LAN),
        Forward("tcp", "8080", EDGE_LAN),
    )
    return Host(
        "router",
        (
            Interface("wan", "net", (f"{EDGE_PUBLIC}/24", "2001:db8:f::45/64")),
            Interface("lan", "lan", ("192.168.1.1/24", "2001:db8:1::1/64")),
        ),
        (Route("default", CARRIER), Route("default", "2001:db8:f::1")),
        Router("lan", "wan", NatKind.PORT_RESTRICTED, forwards, EDGE_PUBLIC, ipv6_open=True),
        note="forwards 80, 389, 443, 636, 1300, 1720, 3478, 5060-5061, 5349, 8080, 10000-20000; no hairpin",
    )


BEHIND_NAT = Topology(
    "behind_nat",
    "One interface in the office LAN, public through port forwards of a router that cannot hairpin.",
    ("net", "lan", "home", "hotel", "six"),
    (
        plain(
            "edge",
            "lan",
            f"{EDGE_LAN}/24",
            f"{EDGE_PUBLIC_SIX}/64",
            via=("192.168.1.1", "2001:db8:1::1"),
            note=f"public {EDGE_PUBLIC}",
        ),
        plain("pbx-hq-a", "lan", "192.168.1.20/24", via=("192.168.1.1",)),
        plain("pbx-hq-b", "lan", "192.168.1.21/24", via=("192.168.1.1",)),
        plain("pbx-branch", "lan", "192.168.1.30/24", via=("192.168.1.1",)),
        plain("phone-lan", "lan", "192.168.1.50/24", via=("192.168.1.1",)),
        _edge_router(),
        _internet("2001:db8:f:", Route("2001:db8:1::/64", "2001:db8:f::45")),
        *_outside("2001:db8:f:"),
    ),
)

DMZ = Topology(
    "dmz",
    "Two interfaces: a public one on the internet, an inside one to PBXs that can reach nothing else.",
    ("net", "inside", "home", "hotel", "six"),
    (
        Host(
            "edge",
            (
                Interface("eth0", "net", (f"{EDGE_PUBLIC}/24", f"{EDGE_PUBLIC_SIX}/64")),
                Interface("eth1", "inside", (f"{EDGE_INSIDE}/16", f"{EDGE_INSIDE_SIX}/64")),
            ),
            (Route("default", CARRIER), Route("default", "2001:db8:1::1")),
            note="does not route",
        ),
        plain("pbx-hq-a", "inside", "172.16.0.10/16", "fd00:172::10/64", note="no default route"),
        plain("pbx-hq-b", "inside", "172.16.0.11/16", "fd00:172::11/64", note="no default route"),
        plain("pbx-branch", "inside", "172.16.8.10/16", note="no default route"),
        plain("phone-lan", "inside", "172.16.0.50/16", note="no default route"),
        _internet("2001:db8:1:"),
        *_outside("2001:db8:1:"),
    ),
)

_KINDS = {
    "full": (NatKind.FULL_CONE, "203.0.113.71", "10.1.0.1"),
    "restricted": (NatKind.RESTRICTED, "203.0.113.72", "10.2.0.1"),
    "port": (NatKind.PORT_RESTRICTED, "203.0.113.73", "10.3.0.1"),
    "symmetric": (NatKind.SYMMETRIC, "203.0.113.74", "10.4.0.1"),
}
EDGE_SECOND = "203.0.113.46"
EDGE_SECOND_SIX = "2001:db8:1::11"

NAT_KINDS = Topology(
    "nat_kinds",
    "An edge with two public addresses, and one home behind each of the four kinds of NAT that people name.",
    ("net", *_KINDS),
    (
        plain(
            "edge",
            "net",
            *(f"{EDGE_PUBLIC}/24", f"{EDGE_SECOND}/24", f"{EDGE_PUBLIC_SIX}/64", f"{EDGE_SECOND_SIX}/64"),
            via=(CARRIER, "2001:db8:1::1"),
        ),
        _internet("2001:db8:1:"),
        plain("open", "net", "203.0.113.99/24", "2001:db8:1::99/64", via=(CARRIER, "2001:db8:1::1"), note="no NAT"),
        *(home(f"router-{name}", name, outside, inside, kind) for name, (kind, outside, inside) in _KINDS.items()),
        *(
            plain(f"phone-{name}", name, f"{inside.removesuffix('.1')}.50/24", via=(inside,))
            for name, (_, _, inside) in _KINDS.items()
        ),
    ),
)

TOPOLOGIES = MappingProxyType({topology.name: topology for topology in (BEHIND_NAT, DMZ, NAT_KINDS)})
