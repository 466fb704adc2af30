"""Contradictions around port forwards: ports that the edge itself or another forward has. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.config.scalars import PortRange
from voxgate.config.turncheck import own_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.forwards import Forward
    from voxgate.config.parts import Parts
    from voxgate.config.pbxs import Pbx
    from voxgate.config.places import Path, Places
    from voxgate.config.scalars import IpAddress
    from voxgate.errors import Problem

_SSH: Final = 22
_ACME: Final = 80
#: Key of a service's port -> what a packet filter sees.
_PROTOS: Final = {"udp": "udp", "tcp": "tcp", "tls": "tcp", "wss": "tcp", "ws": "tcp", "plain": "tcp"}

#: Protocol, IP version (0: both), ports, and who has them.
_Taken = tuple[str, int, PortRange, str]


def forward_problems(parts: Parts, places: Places) -> Iterator[Problem]:
    """Every one of them."""
    taken = list(_taken(parts))
    for name, pbx in parts.pbxs.items():
        for index, forward in enumerate(pbx.forwards):
            path: Path = ("pbxs", name, "forwards", index)
            yield from _alone(forward, path, places)
            version = target_of(forward, pbx).version
            for proto, span in forward.spans():
                yield from _clashes((proto, version, span, f"pbxs.{name}.forwards[{index}]"), taken, path, places)


def target_of(forward: Forward, pbx: Pbx) -> IpAddress:
    """Where it leads."""
    return forward.node or pbx.nodes[0].address


def _alone(forward: Forward, path: Path, places: Places) -> Iterator[Problem]:
    spans = tuple(forward.spans())
    if not spans:
        yield places.problem(path, "names no port of the edge", "write udp: 4569 or tcp: 20149")
    if forward.to and any(len(span) > 1 for _, span in spans):
        message = "a range keeps its ports"
        yield places.problem((*path, "to"), message, "leave `to` out, or forward single ports")


def _clashes(wanted: _Taken, taken: list[_Taken], path: Path, places: Places) -> Iterator[Problem]:
    proto, version, span, owner = wanted
    if proto == "tcp" and _SSH in span:
        advice = "give it another port of the edge: {tcp: 20022, to: 22}"
        yield places.problem((*path, proto), "would take this machine's own SSH away", advice)
    for other_proto, other_version, other, who in taken:
        overlaps = other.first <= span.last and span.first <= other.last
        if proto == other_proto and overlaps and (not other_version or other_version == version):
            message = f"{proto} {_shown(span)} is that of {who} already ({_shown(other)})"
            yield places.problem((*path, proto), message, "give the forward another port; `to` keeps the PBX's")
            break
    taken.append((proto, version, span, owner))


def _taken(parts: Parts) -> Iterator[_Taken]:
    """What the edge itself listens on."""
    if parts.listen:
        for service in type(parts.listen).model_fields:
            section = getattr(parts.listen, service)
            for key, proto in _PROTOS.items():
                if port := getattr(section, key, None):
                    yield proto, 0, PortRange(port, port), f"listen.{service}.{key}"
    if parts.media:
        yield "udp", 0, parts.media.ports, "media.ports"
    for key, port in own_ports(parts.turn) if parts.turn else ():
        yield from ((proto, 0, PortRange(port, port), f"turn.{key}") for proto in ("udp", "tcp"))
    if parts.admin:
        yield "tcp", 0, PortRange(parts.admin.listen.port, parts.admin.listen.port), "admin.listen"
    if parts.turn:
        yield "udp", 0, parts.turn.relay_ports, "turn.relay_ports"
    for name, trunk in parts.trunks.items():
        if trunk.source_port:
            yield "udp", 0, PortRange(trunk.source_port, trunk.source_port), f"trunks.{name}.source_port"
    certificates = parts.certificates
    shown = (certificates.default, *certificates.others.values()) if certificates else ()
    if any(one and one.acme and one.acme.dns is None for one in shown):
        yield "tcp", 0, PortRange(_ACME, _ACME), "certificates (the authority's question)"


def _shown(span: PortRange) -> str:
    return str(span.first) if span.first == span.last else str(span)
