"""The one network model from which every engine's addresses derive. Pure.

Two independent notions decide what an address in a message must look like:

* the *role* of the other party: PBX or phone;
* the *side* it is on: inside or outside, IPv4 or IPv6. The side alone picks the address to show.

`resolve` joins what the operator wrote (`edge:`) with what the machine has (`Facts`) to a `Network`.
Its problems name keys only: `Loaded.place` puts file and line to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING, Literal

from voxgate.config.crosscheck import ports_of
from voxgate.config.trunknames import hops_of
from voxgate.config.turncheck import second_address_problems
from voxgate.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.model import Config, Edge
    from voxgate.config.nodes import Node
    from voxgate.config.trunknames import Answers
    from voxgate.host.facts import Facts, Interface

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network
Version = Literal[4, 6]

_VERSIONS: tuple[Version, Version] = (4, 6)
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
#: RFC 1918, RFC 6598 (carriers' shared space), RFC 4193
_PRIVATE = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")


class Side(Enum):
    """Where a party is, seen from the edge. The values name it in policy.json and in rtpengine."""

    INSIDE4 = "i4"
    INSIDE6 = "i6"
    OUTSIDE4 = "o4"
    OUTSIDE6 = "o6"


@dataclass(frozen=True, slots=True)
class SideAddress:
    """`shown` is what parties on the side see of us; our sockets for that side are bound to `local`."""

    side: Side
    shown: IpAddress
    local: IpAddress


@dataclass(frozen=True, slots=True)
class Network:
    """The edge's place in the network. `sides` holds only sides that exist here.

    `local_networks` are the networks whose parties are inside; everything else is outside. `answers` is what DNS said
    last of trunks that are given by name.
    """

    domain: str
    sides: tuple[SideAddress, ...]
    local_networks: tuple[IpNetwork, ...]
    answers: Answers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Socket:
    """An address of ours and the interface that holds it."""

    address: IpAddress
    interface: Interface


_Sockets = dict[Version, _Socket]


def resolve(config: Config, facts: Facts) -> Network:
    """Where the edge is. Raises `ConfigError` when the machine lacks what `config` names."""
    problems: list[Problem] = []
    edge = config.edge
    outer = _listening(edge, facts, problems)
    inner = _named(edge.inside_interface, "edge.inside_interface", facts, problems) if edge.inside_interface else None
    if problems:
        raise ConfigError(tuple(problems))
    sides = _sides(edge, outer, inner, problems)
    problems += _nodes_out_of_reach(config, outer, inner)
    problems += _trunks_out_of_reach(config, sides)
    held = {str(one.ip.ip) for interface in facts.interfaces for one in interface.addresses}
    problems += second_address_problems(config.turn, held, {str(side.local): str(side.shown) for side in sides})
    if problems:
        raise ConfigError(tuple(problems))
    local = _LOOPBACK + _listed(edge, outer, inner) + _nodes_inside(config)
    return Network(edge.domain, sides, _without_covered(local))


def cautions(network: Network) -> tuple[Problem, ...]:
    """Warnings about a network that works, though perhaps not as far as the operator thinks."""
    return tuple(
        _problem(
            "edge.public_address",
            f"{side.shown} is a private address: phones reach the edge from the local network only",
            "set public_address to the address of the router, if phones outside shall reach the edge",
        )
        for side in network.sides
        if side.side in {Side.OUTSIDE4, Side.OUTSIDE6} and is_private(side.shown)
    )


def _problem(key: str, message: str, advice: str) -> Problem:
    return Problem("", 0, key, message, advice)


def _listening(edge: Edge, facts: Facts, problems: list[Problem]) -> _Sockets:
    """Our addresses towards the outside, by IP version."""
    if edge.address:
        return _given(edge, facts, problems)
    if edge.interface:
        return _named(edge.interface, "edge.interface", facts, problems)
    sockets: _Sockets = {}
    for version, name in zip(_VERSIONS, (facts.default_ipv4, facts.default_ipv6), strict=True):
        interface = facts.interface(name) if name else None
        if interface and (address := _usable(interface, version)):
            sockets[version] = _Socket(address, interface)
    if not sockets:
        problems.append(_problem("edge", "this machine has no default route to listen at", _choice(facts)))
    return sockets


def _given(edge: Edge, facts: Facts, problems: list[Problem]) -> _Sockets:
    sockets: _Sockets = {}
    for address in edge.address:
        holder = next((one for one in facts.interfaces if any(held.ip.ip == address for held in one.addresses)), None)
        if holder is None:
            problems.append(_problem("edge.address", f"this machine has no address {address}", _choice(facts)))
        else:
            sockets[address.version] = _Socket(address, holder)
    return sockets


def _named(name: str, key: str, facts: Facts, problems: list[Problem]) -> _Sockets:
    interface = facts.interface(name)
    if interface is None:
        problems.append(_problem(key, f"this machine has no interface {name}", _choice(facts)))
        return {}
    sockets: _Sockets = {}
    for version in _VERSIONS:
        if address := _usable(interface, version):
            sockets[version] = _Socket(address, interface)
    if not sockets:
        problems.append(_problem(key, f"the interface {name} has no address", _choice(facts)))
    return sockets


def _choice(facts: Facts) -> str:
    """The interfaces that exist, as the operator would look for them."""
    lines: list[str] = []
    for interface in facts.interfaces:
        addresses = [str(held.ip.ip) for held in interface.addresses if not held.ip.ip.is_link_local]
        if addresses:
            lines.append(f"{interface.name} ({', '.join(addresses)})")
    return "there are: " + "; ".join(lines) if lines else "no interface has an address"


def _usable(interface: Interface, version: Version) -> IpAddress | None:
    """The address to listen on: no link-local one; a stable one if there is one; in IPv6 a global one first."""
    held = [one for one in interface.addresses if one.ip.version == version and not one.ip.is_link_local]
    held.sort(key=lambda one: (not one.stable, version == 6 and one.ip.ip not in _GLOBAL_IPV6))
    return held[0].ip.ip if held else None


def _sides(edge: Edge, outer: _Sockets, inner: _Sockets | None, problems: list[Problem]) -> tuple[SideAddress, ...]:
    inside = outer if inner is None else inner
    public = {address.version: address for address in edge.public_address}
    for version, address in public.items():
        if version not in outer:
            message = f"{address} has no IPv{version} address of the edge behind it"
            advice = f"give the interface an IPv{version} address, or remove this one"
            problems.append(_problem("edge.public_address", message, advice))
    names: dict[Version, tuple[Side, Side]] = {
        4: (Side.INSIDE4, Side.OUTSIDE4),
        6: (Side.INSIDE6, Side.OUTSIDE6),
    }
    sides: list[SideAddress] = []
    for version, (inside_name, outside_name) in names.items():
        if version in inside:
            local = inside[version].address
            sides.append(SideAddress(inside_name, shown=local, local=local))
        if version in outer:
            local = outer[version].address
            sides.append(SideAddress(outside_name, shown=public.get(version, local), local=local))
    return tuple(sides)


def _nodes(config: Config) -> Iterator[tuple[str, str, Node]]:
    """Every node with its PBX and its key."""
    for name, pbx in config.pbxs.items():
        for index, node in enumerate(pbx.nodes):
            yield name, f"pbxs.{name}.nodes[{index}]", node


def _nodes_out_of_reach(config: Config, outer: _Sockets, inner: _Sockets | None) -> Iterator[Problem]:
    near = outer if inner is None else inner
    ours = {socket.address for sockets in (outer, near) for socket in sockets.values()}
    listeners = set(ports_of(config.listen.sip))
    for pbx_name, key, node in _nodes(config):
        version = node.address.version
        if version not in near:
            message = f"{node.address} is IPv{version}, and the edge has no IPv{version} address towards it"
            yield _problem(key, message, f"give the edge an IPv{version} address, or the PBX another node")
        shared = listeners & set(ports_of(config.pbxs[pbx_name].sip))
        if node.address in ours and shared:
            transport, port = min(shared)
            message = f"{node.address} port {port} ({transport}) is the edge itself"
            yield _problem(key, message, "move the PBX to another port (sip: under the PBX), or to another machine")


def _trunks_out_of_reach(config: Config, sides: tuple[SideAddress, ...]) -> Iterator[Problem]:
    versions = {side.local.version for side in sides if side.side in {Side.OUTSIDE4, Side.OUTSIDE6}}
    for name, trunk in config.trunks.items():
        for address in hops_of(trunk):
            if address.version not in versions:
                message = f"{address} is IPv{address.version}, and the edge has no IPv{address.version} address outside"
                yield _problem(
                    f"trunks.{name}", message, f"give the edge one, or the trunk an IPv{10 - address.version}"
                )


def _nodes_inside(config: Config) -> tuple[IpNetwork, ...]:
    """PBX nodes count as inside where they are private, and all of them behind an inside interface."""
    return tuple(
        ip_network(node.address)
        for _, _, node in _nodes(config)
        if config.edge.inside_interface or is_private(node.address)
    )


def _listed(edge: Edge, outer: _Sockets, inner: _Sockets | None) -> tuple[IpNetwork, ...]:
    """`edge.local_networks`, found out where it is `auto`."""
    if edge.local_networks != "auto":
        return edge.local_networks
    sockets = outer if inner is None else inner
    networks: list[IpNetwork] = []
    for version, socket in sockets.items():
        connected = [held.ip.network for held in socket.interface.addresses if not held.ip.is_link_local]
        near = (*connected, *socket.interface.routes)
        networks += (network for network in near if network.version == version)
    # With one interface a public network is outside: the parties there see the same address as everyone.
    return tuple(network for network in networks if inner is not None or is_private(network))


def is_private(what: IpAddress | IpNetwork) -> bool:
    """Whether the internet has no way there; what is kept for documentation counts as public."""
    network = ip_network(what)
    return any(_covers(private, network) for private in _PRIVATE)


def _covers(large: IpNetwork, small: IpNetwork) -> bool:
    if large.version != small.version or large.prefixlen > small.prefixlen:
        return False
    return small.network_address in large


def _without_covered(networks: tuple[IpNetwork, ...]) -> tuple[IpNetwork, ...]:
    """In a fixed order, largest first, without those inside another."""
    kept: list[IpNetwork] = []
    for network in sorted(set(networks), key=lambda one: (one.version, int(one.network_address), one.prefixlen)):
        if not (kept and _covers(kept[-1], network)):
            kept.append(network)
    return tuple(kept)
