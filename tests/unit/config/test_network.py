"""The network model: which address is shown to whom, and who counts as inside."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.config.model import Config
from voxgate.config.network import Network, Side, cautions, resolve
from voxgate.errors import ConfigError
from voxgate.host.facts import Facts, Interface, InterfaceAddress


def interface(name: str, *addresses: str, routes: tuple[str, ...] = ()) -> Interface:
    """`~` before an address: temporary."""
    held = tuple(InterfaceAddress(ip_interface(text.lstrip("~")), not text.startswith("~")) for text in addresses)
    return Interface(name, held, tuple(ip_network(text) for text in routes))


def facts(*interfaces: Interface, default4: str | None = "eth0", default6: str | None = "eth0") -> Facts:
    lo = interface("lo", "127.0.0.1/8", "::1/128")
    names = {one.name for one in interfaces}
    return Facts((lo, *interfaces), default4 if default4 in names else None, default6 if default6 in names else None)


def config(nodes: tuple[str, ...] = ("192.168.1.20",), **edge: object) -> Config:
    return Config.model_validate(
        {"edge": {"domain": "proxy.example.com", **edge}, "pbxs": {"hq": {"names": "example.com", "nodes": nodes}}}
    )


def shown(network: Network) -> dict[str, str]:
    """Side -> `local` or `local!shown`, as rtpengine writes it."""
    return {
        one.side.value: str(one.local) + ("" if one.shown == one.local else f"!{one.shown}") for one in network.sides
    }


LAN = interface("eth0", "192.168.1.10/24", "fe80::1/64", routes=("10.8.0.0/24", "198.51.100.0/24"))
PUBLIC = interface("eth0", "203.0.113.45/24", "fd00::10/64", "~2001:db8::99/64", "2001:db8::10/64")
OUTER = interface("eth0", "192.168.254.2/30", "2001:db8::10/64")
INNER = interface("eth1", "172.16.0.1/24", "fd00:1::1/64", routes=("172.16.8.0/24", "198.51.100.0/24"))
LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Case:
    config: Config
    facts: Facts
    sides: dict[str, str]
    local: tuple[str, ...]


CASES = {
    "behind a NAT router: private networks and routes are local, public routes are not": Case(
        config(public_address="203.0.113.45"),
        facts(LAN),
        {"i4": "192.168.1.10", "o4": "192.168.1.10!203.0.113.45"},
        ("10.8.0.0/24", "127.0.0.0/8", "192.168.1.0/24", "::1/128"),
    ),
    "public address on the interface: its network is outside, the private PBX is inside": Case(
        config(("10.0.0.5", "2001:db8::5")),
        facts(PUBLIC),
        {"i4": "203.0.113.45", "o4": "203.0.113.45", "i6": "2001:db8::10", "o6": "2001:db8::10"},
        ("10.0.0.5/32", "127.0.0.0/8", "::1/128", "fd00::/64"),
    ),
    "local network only": Case(
        config(),
        facts(LAN),
        {"i4": "192.168.1.10", "o4": "192.168.1.10"},
        ("10.8.0.0/24", "127.0.0.0/8", "192.168.1.0/24", "::1/128"),
    ),
    "two interfaces: all networks behind the inner one are inside, also public ones, and so are all nodes": Case(
        config(
            ("172.16.0.10", "192.0.2.7"),
            interface="eth0",
            inside_interface="eth1",
            public_address=["203.0.113.45", "2001:db8:1::45"],
        ),
        facts(OUTER, INNER),
        {
            "i4": "172.16.0.1",
            "o4": "192.168.254.2!203.0.113.45",
            "i6": "fd00:1::1",
            "o6": "2001:db8::10!2001:db8:1::45",
        },
        ("127.0.0.0/8", "172.16.0.0/24", "172.16.8.0/24", "192.0.2.7/32", "198.51.100.0/24", "::1/128", "fd00:1::/64"),
    ),
    "networks listed by hand replace the found ones, loopback and nodes stay": Case(
        config(("10.9.9.9",), local_networks=["10.8.0.0/24"]),
        facts(LAN),
        {"i4": "192.168.1.10", "o4": "192.168.1.10"},
        ("10.8.0.0/24", "10.9.9.9/32", "127.0.0.0/8", "::1/128"),
    ),
    "an address given by hand decides about its version alone": Case(
        config(("10.0.0.5",), address="203.0.113.45"),
        facts(PUBLIC),
        {"i4": "203.0.113.45", "o4": "203.0.113.45"},
        ("10.0.0.5/32", "127.0.0.0/8", "::1/128"),
    ),
    "a PBX in the carriers' shared space is inside": Case(
        config(("100.64.1.2",), local_networks=[]),
        facts(LAN),
        {"i4": "192.168.1.10", "o4": "192.168.1.10"},
        ("100.64.1.2/32", "127.0.0.0/8", "::1/128"),
    ),
    "only temporary IPv6 addresses: better than none": Case(
        config(("fd00::5",), interface="wan"),
        facts(interface("wan", "~2001:db8::99/64")),
        {"i6": "2001:db8::99", "o6": "2001:db8::99"},
        ("127.0.0.0/8", "::1/128", "fd00::5/128"),
    ),
    "on loopback": Case(
        config(("127.0.0.2",), interface="lo"),
        facts(),
        {"i4": "127.0.0.1", "o4": "127.0.0.1", "i6": "::1", "o6": "::1"},
        LOOPBACK,
    ),
    "the inner interface lacks IPv6: nobody is inside over IPv6": Case(
        config(("172.16.0.10",), inside_interface="eth1"),
        facts(OUTER, interface("eth1", "172.16.0.1/24")),
        {"i4": "172.16.0.1", "o4": "192.168.254.2", "o6": "2001:db8::10"},
        ("127.0.0.0/8", "172.16.0.0/24", "::1/128"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_sides_and_local_networks_follow_from_configuration_and_machine(name: str) -> None:
    case = CASES[name]
    network = resolve(case.config, case.facts)
    assert shown(network) == case.sides
    assert tuple(map(str, network.local_networks)) == case.local


REFUSED = {
    "unknown interface": (
        config(interface="eth9"),
        facts(LAN),
        "edge.interface",
        "no interface eth9",
        "eth0 (192.168.1.10)",
    ),
    "unknown inside interface": (
        config(inside_interface="eth9"),
        facts(LAN),
        "edge.inside_interface",
        "no interface eth9",
        "eth0 (192.168.1.10)",
    ),
    "interface without address": (
        config(interface="eth1"),
        facts(LAN, interface("eth1", "fe80::2/64", "169.254.3.4/16")),
        "edge.interface",
        "eth1 has no address",
        "eth0",
    ),
    "address of another machine": (
        config(address="192.168.1.11"),
        facts(LAN),
        "edge.address",
        "no address 192.168.1.11",
        "192.168.1.10",
    ),
    "no default route": (
        config(),
        facts(interface("lan", "192.168.1.10/24")),
        "edge",
        "no default route",
        "lan (192.168.1.10)",
    ),
    "PBX of a version that the edge has not": (
        config(("2001:db8::5",)),
        facts(LAN),
        "pbxs.hq.nodes[0]",
        "is IPv6",
        "give the edge an IPv6 address",
    ),
    "PBX of a version that the inner interface has not": (
        config(("2001:db8::5",), inside_interface="eth1"),
        facts(OUTER, interface("eth1", "172.16.0.1/24")),
        "pbxs.hq.nodes[0]",
        "is IPv6",
        "give the edge an IPv6 address",
    ),
    "public address of a version that the edge has not": (
        config(public_address="2001:db8::45"),
        facts(LAN),
        "edge.public_address",
        "IPv6",
        "give the interface an IPv6 address",
    ),
    "PBX that is the edge": (
        config(("192.168.1.10",)),
        facts(LAN),
        "pbxs.hq.nodes[0]",
        "is the edge itself",
        "another port",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_this_machine_cannot_be_is_a_problem(name: str) -> None:
    wrong, machine, key, message, advice = REFUSED[name]
    with pytest.raises(ConfigError) as caught:
        resolve(wrong, machine)
    (problem,) = caught.value.problems
    assert problem.key == key
    assert message in problem.message
    assert advice in problem.advice


def test_a_private_address_shown_outside_is_a_caution_and_a_public_one_is_not() -> None:
    (caution,) = cautions(resolve(config(), facts(LAN)))
    assert caution.key == "edge.public_address"
    assert "local network only" in caution.message
    assert cautions(resolve(config(public_address="203.0.113.45"), facts(LAN))) == ()


IPV4_MAPPED = ip_network("::ffff:0:0/96")
ADDRESSES = st.ip_addresses().filter(
    lambda one: not (one.is_multicast or one.is_unspecified or one.is_link_local or one in IPV4_MAPPED)
)
NETWORKS = st.builds(
    lambda address, cut: ip_network((address, max(8, address.max_prefixlen - cut)), strict=False),
    ADDRESSES,
    st.integers(0, 24),
)


@given(
    nodes=st.lists(ADDRESSES, min_size=1, max_size=4, unique=True),
    listed=st.one_of(st.just("auto"), st.lists(NETWORKS, max_size=4)),
    public=st.booleans(),
    two=st.booleans(),
)
def test_every_network_holds_its_invariants(nodes: list[object], listed: object, public: bool, two: bool) -> None:
    edge: dict[str, object] = {"local_networks": listed}
    if public:
        edge["public_address"] = [ip_address("203.0.113.45"), ip_address("2001:db8:1::45")]
    if two:
        edge["inside_interface"] = "eth1"
    machine = facts(OUTER, INNER)
    wanted = config(tuple(map(str, nodes)), **edge)
    held = {one.ip.ip for each in machine.interfaces for one in each.addresses}
    if held & set(nodes):
        return
    network = resolve(wanted, machine)
    assert [one.side for one in network.sides] == [Side.INSIDE4, Side.OUTSIDE4, Side.INSIDE6, Side.OUTSIDE6]
    for side in network.sides:
        assert side.local in held
        assert side.local.version == side.shown.version
        if side.side in {Side.INSIDE4, Side.INSIDE6}:
            assert side.shown == side.local
    local = network.local_networks
    assert not [1 for one in local for other in local if one != other and _inside(one, other)]
    for node in wanted.pbxs["hq"].nodes:
        assert not two or any(node.address in one for one in local)
    assert resolve(wanted, machine) == network


def _inside(small: object, large: object) -> bool:
    return str(small) != str(large) and ip_network(str(small)).network_address in ip_network(str(large))
