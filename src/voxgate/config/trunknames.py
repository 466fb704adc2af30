"""Where calls of a trunk go and come from, as the file says it and as DNS answers. Pure.

A `Lookup` is a question as RFC 3263 asks it: a name, the transports that may be used, a port where one is fixed. What
was answered last stands in the `Network`, because every address of every engine comes from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voxgate.config.model import Config, SipListen
    from voxgate.config.trunks import Trunk

IpAddress = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, order=True)
class Lookup:
    """What is asked: `transports` may be used, in order; `port` is None where DNS may tell one (RFC 3263, 4.2)."""

    name: str
    transports: tuple[str, ...]
    port: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """One answer. Lowest `priority` first; among equals, `weight` is the share (RFC 2782)."""

    address: IpAddress
    port: int
    transport: str
    priority: int = 0
    weight: int = 0


Answers: TypeAlias = "Mapping[Lookup, tuple[Target, ...]]"


def goals_of(trunk: Trunk) -> tuple[IpAddress | str, ...]:
    """Where calls out and registrations go, in order: addresses, and names that DNS knows."""
    if trunk.outbound_proxy:
        return trunk.outbound_proxy
    if trunk.server is not None and not isinstance(trunk.server, str):
        return (trunk.server,)
    single = tuple(
        one if isinstance(one, str) else one.network_address
        for one in trunk.addresses
        if isinstance(one, str) or one.num_addresses == 1
    )
    if single:
        return single
    server = trunk.server or (trunk.register.server if trunk.register else None)
    return (server,) if server else ()


def hops_of(trunk: Trunk) -> tuple[IpAddress, ...]:
    """The addresses among them."""
    return tuple(goal for goal in goals_of(trunk) if not isinstance(goal, str))


def names_of(trunk: Trunk) -> tuple[str, ...]:
    """Every name that must be looked up for a trunk, each once."""
    found = [one for one in (*goals_of(trunk), *trunk.addresses) if isinstance(one, str)]
    return tuple(dict.fromkeys(found))


def lookup_of(name: str, trunk: Trunk, listen: SipListen) -> Lookup:
    """How `name` is looked up. A transport or port that the file names is not asked for.

    DNS may choose among transports that are open anyway, so that an answer never opens a socket.
    """
    wanted = trunk.transport.value
    if "transport" in trunk.model_fields_set or trunk.port is not None or trunk.source_port is not None:
        return Lookup(name, (wanted,), trunk.port)
    served = [kind for kind in ("udp", "tcp", "tls") if getattr(listen, kind) is not None]
    return Lookup(name, tuple(dict.fromkeys([wanted, *served])), None)


def lookups_of(config: Config) -> Iterator[tuple[str, Lookup]]:
    """Every lookup of a configuration, with the trunk that it is for."""
    for owner, trunk in config.trunks.items():
        for name in names_of(trunk):
            yield owner, lookup_of(name, trunk, config.listen.sip)
