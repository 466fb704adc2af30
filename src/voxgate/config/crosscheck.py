"""Checks that need more than one key: two PBXs with one name, two listeners on one port. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.config.admincheck import admin_problems
from voxgate.config.forwardcheck import forward_problems
from voxgate.config.h323check import h323_problems
from voxgate.config.ldapcheck import ldap_problems
from voxgate.config.places import dotted
from voxgate.config.portcheck import port_problems
from voxgate.config.trunkcheck import trunk_problems
from voxgate.config.turncheck import turn_problems
from voxgate.config.webcheck import web_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.model import Edge, SipListen
    from voxgate.config.parts import Parts
    from voxgate.config.pbxs import SipTarget
    from voxgate.config.places import Path, Places
    from voxgate.config.scalars import IpAddress, PortRange
    from voxgate.errors import Problem

_TRANSPORTS = ("udp", "tcp", "tls")


def cross_check(parts: Parts, places: Places) -> list[Problem]:
    """Every contradiction between keys that are good by themselves."""
    problems = [
        *_names(parts, places),
        *_nodes(parts, places),
        *_srtp(parts, places),
        *_families(parts, places),
        *_targets(parts, places),
        *trunk_problems(parts, places),
        *ldap_problems(parts, places),
        *web_problems(parts, places),
        *turn_problems(parts, places),
        *h323_problems(parts, places),
        *admin_problems(parts, places),
        *forward_problems(parts, places),
    ]
    if parts.edge:
        problems += _addresses(parts.edge, places)
    if parts.listen:
        problems += _listeners(parts.listen.sip, places)
        problems += port_problems(parts.listen, places)
        if parts.media and parts.listen.sip.udp:
            problems += _media(parts.listen.sip.udp, parts.media.ports, places)
    return problems


def _at(places: Places, path: Path) -> str:
    place = places.of(path)
    return f"{dotted(places.written(path))} ({place.file}:{place.line})"


def _names(parts: Parts, places: Places) -> Iterator[Problem]:
    owners: dict[str, Path] = {}
    for pbx_name, pbx in parts.pbxs.items():
        for index, name in enumerate(pbx.names):
            path: Path = ("pbxs", pbx_name, "names", index)
            owner = owners.setdefault(name.lower(), path)
            if owner == path:
                continue
            message = f"the name {name} is already at {_at(places, owner)}"
            yield places.problem(places.written(path), message, "a name leads to one PBX: remove one of the two")
        if parts.edge and parts.edge.domain in pbx.names and len(parts.pbxs) > 1:
            path = places.written(("pbxs", pbx_name, "names", pbx.names.index(parts.edge.domain)))
            advice = "give the PBX a name of its own; the edge's may be a PBX's where there is only one PBX"
            yield places.problem(path, f"{parts.edge.domain} is the name of the edge itself", advice)


def _nodes(parts: Parts, places: Places) -> Iterator[Problem]:
    owners: dict[tuple[IpAddress, str, int], Path] = {}
    for pbx_name, pbx in parts.pbxs.items():
        for index, node in enumerate(pbx.nodes):
            path: Path = ("pbxs", pbx_name, "nodes", index)
            for transport, port in ports_of(pbx.sip):
                owner = owners.setdefault((node.address, transport, port), path)
                if owner == path:
                    continue
                message = f"{node.address} port {port} ({transport}) is already at {_at(places, owner)}"
                advice = "a request from there could not be told apart: give each PBX a port or address of its own"
                yield places.problem(places.written(path), message, advice)
                break


def _srtp(parts: Parts, places: Places) -> Iterator[Problem]:
    """What an offer may be is known by the address it comes from, whatever port that is."""
    owners: dict[IpAddress, str] = {}
    for pbx_name, pbx in parts.pbxs.items():
        for index, node in enumerate(pbx.nodes):
            owner = owners.setdefault(node.address, pbx_name)
            if parts.pbxs[owner].srtp is not pbx.srtp:
                message = f"{node.address} has srtp {pbx.srtp.value} here and {parts.pbxs[owner].srtp.value} in {owner}"
                yield places.problem(
                    places.written(("pbxs", pbx_name, "nodes", index)), message, "give both PBXs the same srtp"
                )


def _families(parts: Parts, places: Places) -> Iterator[Problem]:
    """A request keeps the addresses of the side it was first sent to when the next node is tried."""
    for name, pbx in parts.pbxs.items():
        if len({node.address.version for node in pbx.nodes}) > 1:
            message = f"PBX {name} has nodes with IPv4 and nodes with IPv6 addresses"
            yield places.problem(("pbxs", name, "nodes"), message, "write each node once, all with one IP version")


def ports_of(sip: SipTarget | SipListen) -> tuple[tuple[str, int], ...]:
    """The transports that have a port: (udp|tcp|tls, port)."""
    given = ((transport, getattr(sip, transport)) for transport in _TRANSPORTS)
    return tuple((transport, port) for transport, port in given if port is not None)


def _targets(parts: Parts, places: Places) -> Iterator[Problem]:
    for pbx_name, pbx in parts.pbxs.items():
        path: Path = ("pbxs", pbx_name, "sip")
        if not ports_of(pbx.sip):
            yield places.problem(path, "names no port of the PBX", "write sip: {udp: 5060}, or leave sip out")
        if pbx.sip.tls is not None and pbx.sip.tls == pbx.sip.tcp:
            message = f"port {pbx.sip.tls} cannot take plain TCP and TLS both"
            yield places.problem((*path, "tls"), message, "TLS is on 5061 as a rule; leave out the one it has not")


def _addresses(edge: Edge, places: Places) -> Iterator[Problem]:
    if edge.interface and edge.address:
        message = "stands beside edge.interface: one of them decides where the edge listens"
        yield places.problem(("edge", "address"), message, "keep address, or keep interface")
    if edge.interface and edge.interface == edge.inside_interface:
        message = f"{edge.interface} cannot be the inside and the outside"
        yield places.problem(("edge", "inside_interface"), message, "leave it out when the edge has one interface")
    for key, addresses in (("address", edge.address), ("public_address", edge.public_address)):
        for version in (4, 6):
            same = [address for address in addresses if address.version == version]
            if len(same) > 1:
                message = f"{same[0]} and {same[1]} are both IPv{version}"
                yield places.problem(("edge", key), message, "one IPv4 and one IPv6 address are the most")


def _listeners(sip: SipListen, places: Places) -> Iterator[Problem]:
    path: Path = ("listen", "sip")
    if not ports_of(sip) and sip.wss is None and sip.ws is None:
        yield places.problem(path, "names no port", "write sip: {udp: 5060, tcp: 5060, tls: 5061}")
    if sip.tls is not None and sip.tls == sip.tcp:
        message = f"port {sip.tls} cannot serve plain TCP and TLS both"
        yield places.problem((*path, "tls"), message, "give TLS another port, 5061 as a rule")


def _media(udp: int, ports: PortRange, places: Places) -> Iterator[Problem]:
    if udp in ports:
        path: Path = places.written(("listen", "sip", "udp"))
        if not path:
            path = ("media", "ports")
        message = f"port {udp} (SIP over UDP) lies inside media.ports {ports}"
        yield places.problem(path, message, "move one of them: audio would take the port of SIP")
