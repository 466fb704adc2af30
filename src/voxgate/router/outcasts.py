"""Networks whose connections are to be closed at once. Pure."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address


class Outcasts:
    """Says of an address whether it lies in one of many networks: one look per length of prefix, not per network."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Raises ValueError: a text that is no network."""
        # IP version and the bits behind the prefix -> the prefixes.
        self._prefixes: dict[tuple[int, int], set[int]] = {}
        for text in networks:
            network = ip_network(text)
            behind = network.max_prefixlen - network.prefixlen
            self._prefixes.setdefault((network.version, behind), set()).add(int(network.network_address) >> behind)

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        number, version = int(address), address.version
        return any(number >> behind in prefixes for (of, behind), prefixes in self._prefixes.items() if of == version)
