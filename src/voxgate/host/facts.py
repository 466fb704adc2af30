"""What this machine has: interfaces, addresses, routes and processors, as frozen values.

`read_facts` asks the kernel over netlink, so that no other program is needed.
"""

from __future__ import annotations

import os
import socket
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.errors import HostError
from voxgate.host import netlink

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network

    from voxgate.host.netlink import AddressRow, LinkRow, RouteRow

_TIMEOUT_S = 5.0
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """One address with the length of its prefix.

    `stable` is False for an address that will go away or is not usable: temporary (RFC 8981), deprecated,
    or not (yet) proven unique.
    """

    ip: IPv4Interface | IPv6Interface
    stable: bool = True


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface: its addresses in the kernel's order, and the networks routed through it.

    `routes` holds neither the default route nor the connected networks of `addresses`.
    """

    name: str
    addresses: tuple[InterfaceAddress, ...] = ()
    routes: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """The machine. `default_ipv4` and `default_ipv6` name the interfaces of the default routes."""

    interfaces: tuple[Interface, ...]
    default_ipv4: str | None = None
    default_ipv6: str | None = None
    cpu_count: int = 1

    def interface(self, name: str) -> Interface | None:
        """The interface called `name`."""
        return next((interface for interface in self.interfaces if interface.name == name), None)


def read_facts() -> Facts:
    """Ask the kernel. Raises `HostError` when it does not answer (a sandbox without AF_NETLINK)."""
    try:
        links = netlink.links(_dump(netlink.LINK_DUMP))
        addresses = netlink.addresses(_dump(netlink.ADDRESS_DUMP))
        routes = netlink.routes(_dump(netlink.ROUTE_DUMP))
    except (OSError, ValueError) as error:
        raise HostError(
            f"the kernel does not tell its network interfaces: {error}",
            "allow AF_NETLINK: RestrictAddressFamilies= in a systemd unit must list it",
        ) from error
    return assemble(links, addresses, routes, len(os.sched_getaffinity(0)))


def assemble(
    links: Iterable[LinkRow], addresses: Iterable[AddressRow], routes: Iterable[RouteRow], cpu_count: int
) -> Facts:
    """The kernel's three tables as `Facts`. Pure."""
    names = {link.index: link.name for link in links}
    by_link: dict[int, list[InterfaceAddress]] = defaultdict(list)
    for address in addresses:
        by_link[address.index].append(InterfaceAddress(address.ip, address.stable))
    networks: dict[int, list[IPv4Network | IPv6Network]] = defaultdict(list)
    defaults: dict[int, tuple[int, str]] = {}
    for route in routes:
        name = names.get(route.index)
        if name is None:
            continue
        if route.network.prefixlen == 0:
            version, best = route.network.version, (route.metric, name)
            defaults[version] = min(defaults.get(version, best), best, key=lambda pair: pair[0])
        elif not _connected(route.network, by_link[route.index]):
            networks[route.index].append(route.network)
    interfaces = tuple(Interface(name, tuple(by_link[index]), tuple(networks[index])) for index, name in names.items())
    default_ipv4, default_ipv6 = (defaults[version][1] if version in defaults else None for version in (4, 6))
    return Facts(interfaces, default_ipv4, default_ipv6, cpu_count)


def _connected(network: IPv4Network | IPv6Network, addresses: Iterable[InterfaceAddress]) -> bool:
    return any(address.ip.network == network for address in addresses) or network.is_link_local


def _dump(request: bytes) -> list[bytes]:
    """All answers to one dump request, each datagram as it came."""
    answers: list[bytes] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(_TIMEOUT_S)
        kernel.bind((0, 0))
        kernel.send(request)
        while not answers or not netlink.is_last(answers[-1]):
            answers.append(kernel.recv(_BUFFER_BYTES))
    return answers
