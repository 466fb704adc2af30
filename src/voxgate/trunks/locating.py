"""Where a SIP server is, by RFC 3263: questions out, answers in. Pure.

`locate` is a generator: it yields the questions one after the other, is sent the answers, and returns what was found.
A name that is not there is an empty answer; a DNS that does not answer is the driver's matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from voxgate.config.trunknames import Target

if TYPE_CHECKING:
    from collections.abc import Generator

    from voxgate.config.trunknames import Lookup

#: Services of NAPTR records (RFC 3263 section 4.1), and the names that SRV records have without them (section 4.2).
_SERVICES: Final = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
_PREFIXES: Final = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_DEFAULT_PORT: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}
_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,30}\Z")
#: More than any provider has; an answer is a stranger's.
_MOST_RECORDS: Final = 16
_MOST_TARGETS: Final = 32


class Query(NamedTuple):
    """One question: `kind` is NAPTR, SRV, A or AAAA."""

    name: str
    kind: str


class Naptr(NamedTuple):
    """A NAPTR record."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """An SRV record; `target` without final dot, empty where the service is denied."""

    priority: int
    weight: int
    port: int
    target: str


Data: TypeAlias = Naptr | Srv | str


class Records(NamedTuple):
    """An answer: records of the kind that was asked for, addresses as text; how long it may be kept."""

    data: tuple[Data, ...]
    ttl_s: int


@dataclass(frozen=True, slots=True)
class Located:
    """What was found, possibly nothing, and how long that holds."""

    targets: tuple[Target, ...]
    ttl_s: int


_Asking: TypeAlias = "Generator[Query, Records, tuple[list[Data], int]]"


def locate(lookup: Lookup) -> Generator[Query, Records, Located]:
    """RFC 3263 section 4, with the transports that `lookup` allows."""
    services, ttls = [], [0xFFFFFFFF]
    if lookup.port is None:
        found: list[tuple[str, str]] = []
        if len(lookup.transports) > 1:
            pointers, ttl_s = yield from _ask(lookup.name, "NAPTR")
            found = _chosen(pointers, lookup.transports)
            ttls += [ttl_s] if found else []
        for transport, name in found or [(kind, f"{_PREFIXES[kind]}.{lookup.name}") for kind in lookup.transports]:
            records, ttl_s = yield from _ask(name, "SRV")
            services = [(transport, record) for record in records if isinstance(record, Srv)]
            if services:
                ttls.append(ttl_s)
                break
    if not services:
        transport = lookup.transports[0]
        services = [(transport, Srv(0, 0, lookup.port or _DEFAULT_PORT[transport], lookup.name))]
    targets: list[Target] = []
    for transport, service in sorted(services, key=lambda one: one[1]):
        if not _NAME.match(service.target) or not 0 < service.port < 65536:
            continue
        for kind in ("A", "AAAA"):
            addresses, ttl_s = yield from _ask(service.target, kind)
            for text in addresses:
                ttls.append(ttl_s)
                address = ip_address(str(text))
                targets.append(Target(address, service.port, transport, service.priority, service.weight))
    return Located(_ranked(targets), min(ttls))


def _ask(name: str, kind: str) -> _Asking:
    answer = yield Query(name, kind)
    return list(answer.data[:_MOST_RECORDS]), answer.ttl_s


def _chosen(pointers: list[Data], transports: tuple[str, ...]) -> list[tuple[str, str]]:
    """Transports and names of SRV records, best first. Only the flag `s` leads to SRV (RFC 3263 section 4.1)."""
    found = []
    for pointer in sorted(one for one in pointers if isinstance(one, Naptr)):
        transport = _SERVICES.get(pointer.service.lower())
        if transport in transports and pointer.flags.lower() == "s" and _NAME.match(pointer.replacement):
            found.append((transport, pointer.replacement))
    return [(str(transport), name) for transport, name in found]


def _ranked(targets: list[Target]) -> tuple[Target, ...]:
    """In an order that does not change from answer to answer: a server turns its records round for every client."""
    ordered = sorted(set(targets), key=lambda one: (one.priority, -one.weight, str(one.address), one.port))
    ranks = {priority: rank for rank, priority in enumerate(sorted({one.priority for one in ordered}))}
    return tuple(
        Target(one.address, one.port, one.transport, ranks[one.priority], one.weight) for one in ordered[:_MOST_TARGETS]
    )
