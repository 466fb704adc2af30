"""Contradictions around trunks: between two of them, and with PBXs. Pure."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from voxgate.config.identity import Caller, Shown
from voxgate.config.trunknames import goals_of, hops_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.parts import Parts
    from voxgate.config.places import Path, Places
    from voxgate.config.scalars import IpAddress, IpNetwork
    from voxgate.config.trunks import Trunk
    from voxgate.errors import Problem


def trunk_problems(parts: Parts, places: Places) -> Iterator[Problem]:
    """Every one of them."""
    for name, trunk in parts.trunks.items():
        path: Path = ("trunks", name)
        yield from _lonely(name, trunk, places)
        yield from _unknown_pbxs(path, trunk, parts, places)
        yield from _told_apart(path, trunk, parts, places)
        if trunk.register and parts.listen and parts.listen.sip.udp is None:
            message, advice = "registers by way of SIP/UDP, which is not served", "add udp: 5060 to listen.sip"
            yield places.problem((*path, "register"), message, advice)
        yield from _own_ways(path, trunk, parts, places)
    yield from _same_numbers(parts, places)
    yield from _one_connection(parts, places)


def _own_ways(path: Path, trunk: Trunk, parts: Parts, places: Places) -> Iterator[Problem]:
    """What a provider alone is shown of the edge."""
    if trunk.source_port is not None:
        others = {f"trunks.{name}": one.source_port for name, one in parts.trunks.items() if one is not trunk}
        if parts.listen:
            others["listen.sip.udp"] = parts.listen.sip.udp
        owner = next((key for key, port in others.items() if port == trunk.source_port), None)
        at: Path = (*path, "source_port")
        if owner:
            yield places.problem(at, f"port {trunk.source_port} is {owner}'s", "give each trunk a port of its own")
        if trunk.transport.value != "udp":
            message = f"with transport {trunk.transport.value} every connection has a port of its own"
            yield places.problem(at, message, "leave source_port out, or set transport: udp")
        if parts.media and trunk.source_port in parts.media.ports:
            message = f"port {trunk.source_port} lies inside media.ports {parts.media.ports}"
            yield places.problem(at, message, "choose one outside: audio would take it")
    if trunk.tls is not None:
        at = (*path, "tls")
        if trunk.transport.value != "tls":
            yield places.problem(at, f"has no meaning with transport {trunk.transport.value}", "set transport: tls")
        if (trunk.tls.certificate is None) is not (trunk.tls.key is None):
            yield places.problem(at, "certificate and key belong together", "give both, or neither for the edge's own")


def networks_of(trunk: Trunk) -> tuple[IpNetwork, ...]:
    """Where requests of a trunk come from, as far as the file tells it without DNS."""
    given = (one for one in trunk.addresses if not isinstance(one, str))
    return (*given, *map(ip_network, hops_of(trunk)))


def _lonely(name: str, trunk: Trunk, places: Places) -> Iterator[Problem]:
    path: Path = ("trunks", name)
    if not trunk.addresses and not goals_of(trunk):
        message, advice = f"trunk {name} has no address", "give the provider's addresses: addresses: [198.51.100.7]"
        yield places.problem(path, message, advice)
    elif trunk.pbxs and not goals_of(trunk):
        message = f"trunk {name} has networks only: there is no address to send calls to"
        yield places.problem((*path, "addresses"), message, "add the address of the provider's server")
    if len({address.version for address in hops_of(trunk)}) > 1:
        message = f"trunk {name} has IPv4 and IPv6 addresses"
        yield places.problem((*path, "addresses"), message, "make it two trunks, each with one IP version")
    if trunk.register and not goals_of(trunk):
        message = f"trunk {name} has no single address to register at"
        yield places.problem((*path, "register"), message, "add the address of the provider's server to addresses")
    identity = trunk.identity
    needs = identity.caller is Caller.ACCOUNT or Shown.ACCOUNT in (identity.asserted, identity.preferred)
    if needs and not (identity.user or trunk.register):
        message = f"trunk {name} is to show its account, and there is none"
        yield places.problem((*path, "identity"), message, 'say who it is: user: "0555159400"')
    if not trunk.dids and not trunk.pbxs:
        message, advice = f"trunk {name} carries no call", "name its numbers (dids), or the PBXs that call out (pbxs)"
        yield places.problem(path, message, advice)


def _unknown_pbxs(path: Path, trunk: Trunk, parts: Parts, places: Places) -> Iterator[Problem]:
    named = [((*path, "pbxs", index), pbx) for index, pbx in enumerate(trunk.pbxs)]
    for pattern, did in trunk.dids.items():
        named += [((*path, "dids", pattern), pbx) for pbx in (did.pbx, *did.fallback)]
        if len({did.pbx, *did.fallback}) <= len(did.fallback):
            message = f"`{pattern}` leads to one PBX twice"
            yield places.problem(places.written((*path, "dids", pattern)), message, "name each PBX once")
    for at, pbx in named:
        if pbx not in parts.pbxs:
            advice = "choose from " + ", ".join(parts.pbxs)
            yield places.problem(places.written(at), f"there is no PBX {pbx}", advice)


def _told_apart(path: Path, trunk: Trunk, parts: Parts, places: Places) -> Iterator[Problem]:
    owners: dict[IpAddress, set[str]] = {}
    for name, pbx in parts.pbxs.items():
        for node in pbx.nodes:
            owners.setdefault(node.address, set()).add(name)
    for address, names in owners.items():
        host = ip_network(address)
        if any(host.version == net.version and address in net for net in networks_of(trunk)):
            message = f"{address} is a node of PBX {min(names)}: a request from there could be either's"
            yield places.problem((*path, "addresses"), message, "give the trunk the provider's own addresses only")
        allowed = names & set(trunk.pbxs)
        if allowed and allowed != names:
            message = f"PBX {min(names - allowed)} has the same address as {min(allowed)} ({address})"
            advice = "they cannot be told apart: allow both, or give each PBX an address of its own"
            yield places.problem((*path, "pbxs"), message, advice)


def _same_numbers(parts: Parts, places: Places) -> Iterator[Problem]:
    """Two trunks may share a provider's address as long as each number is one trunk's."""
    trunks = list(parts.trunks.items())
    for index, (name, trunk) in enumerate(trunks):
        for other_name, other in trunks[:index]:
            ours, theirs = networks_of(trunk), networks_of(other)
            if not any(a.version == b.version and a.overlaps(b) for a in ours for b in theirs):
                continue
            for pattern in trunk.dids.keys() & other.dids.keys():
                path: Path = ("trunks", name, "dids", pattern)
                message = f"`{pattern}` is also a number of trunk {other_name}, which has the same addresses"
                yield places.problem(places.written(path), message, "leave it with one of the two")


def _one_connection(parts: Parts, places: Places) -> Iterator[Problem]:
    """Kamailio finds a connection by the other side's address and port, and a connection has one certificate."""
    seen: dict[tuple[str, int], tuple[str, Trunk]] = {}
    for name, trunk in parts.trunks.items():
        for goal in goals_of(trunk) if trunk.transport.value == "tls" else ():
            other_name, other = seen.setdefault((str(goal), trunk.port or 0), (name, trunk))
            if trunk.tls != other.tls:
                message = f"trunk {other_name} has another one for {goal}: both would share a connection"
                advice = (
                    "reach one of them at another address of the provider (outbound_proxy, or ip_version: 6) or port; "
                    "or give both the same tls, with one certificate for both names"
                )
                path: Path = ("trunks", name, "tls") if trunk.tls else ("trunks", name)
                yield places.problem(path, message, advice)
                break
