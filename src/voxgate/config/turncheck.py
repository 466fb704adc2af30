"""Contradictions around STUN and TURN: ports that others have, peers that nobody may reach, weak secrets. Pure."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from voxgate.config.turn import Turn, weak_secrets
from voxgate.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voxgate.config.model import Listen
    from voxgate.config.parts import Parts
    from voxgate.config.places import Path, Places
    from voxgate.config.scalars import IpNetwork, PortRange

#: What a relay must not lead to, whoever asks for it: this machine, links, and what clouds tell their machines.
#: Addresses that mean others (IPv4 in IPv6, 6to4, NAT64) would be a way around.
FORBIDDEN: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/3", "100.100.100.200/32"),
        *("::/127", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"),
        *("fe80::/10", "ff00::/8", "fd00:ec2::254/128"),
    )
)


#: What the services call their ports.
_TRANSPORTS: Final = ("udp", "tcp", "tls", "wss", "ws", "plain")


def turn_problems(parts: Parts, places: Places) -> Iterator[Problem]:
    """Every one of them."""
    turn = parts.turn
    if turn is None:
        return
    yield from _ports(turn, parts, places)
    yield from _ranges(turn, parts, places)
    yield from _peers(turn, places)
    yield from _second(turn, places)
    for path, message in weak_secrets(turn):
        yield places.problem(places.written(("turn", *path)), message, "make one: openssl rand -hex 24")


def both_kinds(turn: Turn) -> bool:
    """Whether there are accounts and time-limited credentials, so that two servers are needed."""
    return bool(turn.accounts and turn.shared_secret)


def own_ports(turn: Turn) -> Iterator[tuple[str, int]]:
    """Key and port of everything the servers listen on; for RFC 5780 that is the next port, too."""
    first = [turn.port, *([turn.tls_port] if turn.tls_port else [])]
    yield from zip(("port", "tls_port"), first, strict=False)
    if both_kinds(turn):
        yield "rest_port", turn.rest_port
        if turn.tls_port:
            yield "rest_tls_port", turn.rest_tls_port
    if turn.second_address:
        yield from (("second_address", port + 1) for port in first)


def served_ports(listen: Listen) -> Iterator[tuple[int, str]]:
    """The ports of every service, whichever there are, and the key that each is given by."""
    for service in type(listen).model_fields:
        section = getattr(listen, service)
        for key in _TRANSPORTS:
            if port := getattr(section, key, None):
                yield port, f"listen.{service}.{key}"


def _ports(turn: Turn, parts: Parts, places: Places) -> Iterator[Problem]:
    taken = dict(served_ports(parts.listen)) if parts.listen else {}
    for key, port in own_ports(turn):
        owner = taken.setdefault(port, f"turn.{key}")
        path: Path = places.written(("turn", key))
        if owner != f"turn.{key}":
            yield places.problem(path, f"port {port} is that of {owner} already", "give each of them a port of its own")
        elif port > 65535 or (parts.media and port in parts.media.ports) or port in turn.relay_ports:
            message = f"port {port} lies inside media.ports or turn.relay_ports, or is none"
            yield places.problem(path, message, "3478 and 5349 are usual")


def _ranges(turn: Turn, parts: Parts, places: Places) -> Iterator[Problem]:
    path: Path = places.written(("turn", "relay_ports"))
    if parts.media and _overlap(turn.relay_ports, parts.media.ports):
        message = f"relay_ports {turn.relay_ports} and media.ports {parts.media.ports} overlap"
        yield places.problem(path, message, "give each a range of its own, for instance 30000-32767 to the relay")
    if parts.listen and (udp := parts.listen.sip.udp) and udp in turn.relay_ports:
        yield places.problem(path, f"port {udp} (SIP over UDP) lies inside {turn.relay_ports}", "move one of them")


def _peers(turn: Turn, places: Places) -> Iterator[Problem]:
    for index, network in enumerate(turn.peers):
        bad = next((one for one in FORBIDDEN if one.version == network.version and one.overlaps(network)), None)
        if bad is not None:
            message = f"{network} overlaps {bad}, which no relay may reach"
            yield places.problem(places.written(("turn", "peers", index)), message, "list the PBXs' own networks only")


def _second(turn: Turn, places: Places) -> Iterator[Problem]:
    for version in (4, 6):
        same = [address for address in turn.second_address if address.version == version]
        if len(same) > 1:
            message = f"{same[0]} and {same[1]} are both IPv{version}"
            yield places.problem(("turn", "second_address"), message, "one IPv4 and one IPv6 address are the most")


def second_address_problems(turn: Turn | None, held: set[str], ours: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with it on this machine: `held` are its addresses, `ours` those we listen on -> as seen outside."""
    for address in turn.second_address if turn else ():
        same = [local for local in ours if (":" in local) == (address.version == 6)]
        if str(address) in ours:
            yield Problem("", 0, "turn.second_address", f"{address} is the edge's first address", "give another one")
        elif str(address) not in held:
            advice = "give it to the network interface, or leave second_address out"
            yield Problem("", 0, "turn.second_address", f"this machine has no address {address}", advice)
        elif not same or any(ours[local] != local for local in same):
            message = f"{address} stands beside no public address of the edge's own"
            advice = "finding out kinds of NAT takes two public addresses on this machine: leave second_address out"
            yield Problem("", 0, "turn.second_address", message, advice)


def allowed_networks(turn: Turn) -> tuple[IpNetwork, ...]:
    """The configured peers, in a fixed order."""
    return tuple(sorted(set(turn.peers), key=lambda one: (one.version, int(one.network_address), one.prefixlen)))


def _overlap(one: PortRange, other: PortRange) -> bool:
    return one.first <= other.last and other.first <= one.last
