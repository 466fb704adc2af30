"""What a lab network is: hosts, segments, addresses, routers. Values only; nothing here touches the machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_interface

WIRES = "wires"
"""Name of the extra namespace that holds one bridge for each segment: capture there to see every packet."""


class NatKind(Enum):
    """How a NAT maps and filters UDP, in the words of RFC 4787.

    ``PORT_RESTRICTED``: one outside port for all destinations, the inside port where it is free; a packet from
    outside passes only if its source was written to before.
    ``SYMMETRIC``: another outside port for each destination, same filtering.
    ``RESTRICTED``: mapped like the first; passes from every port of an address that was written to.
    ``FULL_CONE``: mapped like the first; passes from everybody once there is a mapping.
    """

    PORT_RESTRICTED = "port_restricted"
    SYMMETRIC = "symmetric"
    RESTRICTED = "restricted"
    FULL_CONE = "full_cone"


@dataclass(frozen=True, slots=True)
class Forward:
    """A router's port forward: ``proto`` is udp or tcp, ``ports`` as nft writes them (``5060``, ``10000-20000``)."""

    proto: str
    ports: str
    to: str


@dataclass(frozen=True, slots=True)
class Router:
    """Makes a host forward from its ``inside`` to its ``outside`` interface.

    ``nat``: how IPv4 is translated, None to route it unchanged (then also from outside to inside).
    ``hairpin_blocked``: an own outside address; what inside hosts send there is dropped and counted.
    ``ipv6_open``: IPv6 passes from outside to inside too.
    """

    inside: str
    outside: str
    nat: NatKind | None = None
    forwards: tuple[Forward, ...] = ()
    hairpin_blocked: str | None = None
    ipv6_open: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """An Ethernet port: ``name`` inside the host, ``segment`` it is plugged into, ``addresses`` with prefix length."""

    name: str
    segment: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A static route: ``to`` is a network or ``default``, ``via`` the next hop's address."""

    to: str
    via: str


@dataclass(frozen=True, slots=True)
class Host:
    """A machine of the lab."""

    name: str
    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...] = ()
    router: Router | None = None
    note: str = ""

    def addresses(self) -> tuple[str, ...]:
        """All addresses without prefix length, in the order of the interfaces."""
        return tuple(str(ip_interface(a).ip) for i in self.interfaces for a in i.addresses)

    def ipv4(self) -> str:
        """The first IPv4 address. Raises LookupError if there is none."""
        return self._first(4)

    def ipv6(self) -> str:
        """The first IPv6 address. Raises LookupError if there is none."""
        return self._first(6)

    def _first(self, version: int) -> str:
        for interface in self.interfaces:
            for address in interface.addresses:
                if ip_interface(address).version == version:
                    return str(ip_interface(address).ip)
        raise LookupError(f"host {self.name} has no IPv{version} address")


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole network. Building it checks that names are unique and that interfaces meet known segments.

    Raises ValueError on a contradiction.
    """

    name: str
    summary: str
    segments: tuple[str, ...]
    hosts: tuple[Host, ...]

    def __post_init__(self) -> None:
        names = [WIRES, *(host.name for host in self.hosts)]
        if len(set(names)) != len(names):
            raise ValueError(f"topology {self.name}: a host name is used twice (or is {WIRES!r})")
        for host in self.hosts:
            for interface in host.interfaces:
                if interface.segment not in self.segments:
                    raise ValueError(f"{host.name}/{interface.name}: no segment {interface.segment!r}")

    def host(self, name: str) -> Host:
        """The host of that name. Raises LookupError."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise LookupError(f"topology {self.name} has no host {name!r}")
