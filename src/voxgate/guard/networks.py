"""Sets of networks that answer at once whether they hold an address. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voxgate.guard.observation import Address

Network = IPv4Network | IPv6Network
_BITS = {4: 32, 6: 128}


class NetworkSet:
    """Networks of both IP versions. A look-up costs a step for each length of prefix, however many there are."""

    __slots__ = ("_by_length",)

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._by_length: dict[tuple[int, int], dict[int, Network]] = {}
        for network in networks:
            self.add(network)

    def __len__(self) -> int:
        return sum(len(held) for held in self._by_length.values())

    def __iter__(self) -> Iterator[Network]:
        for held in self._by_length.values():
            yield from held.values()

    def add(self, network: Network) -> None:
        """Hold `network`."""
        held = self._by_length.setdefault((network.version, network.prefixlen), {})
        held[int(network.network_address)] = network

    def discard(self, network: Network) -> None:
        """Hold it no more; other networks that cover it stay."""
        key = (network.version, network.prefixlen)
        held = self._by_length.get(key, {})
        held.pop(int(network.network_address), None)
        if not held:
            self._by_length.pop(key, None)

    def holding(self, what: Address | Network) -> Network | None:
        """A network of the set that holds the whole of `what`, the longest prefix first."""
        if isinstance(what, IPv4Address | IPv6Address):
            number, longest = int(what), _BITS[what.version]
        else:
            number, longest = int(what.network_address), what.prefixlen
        bits = _BITS[what.version]
        best: Network | None = None
        for (version, length), held in self._by_length.items():
            if version == what.version and length <= longest and (best is None or length > best.prefixlen):
                shift = bits - length
                best = held.get(number >> shift << shift, best)
        return best

    def overlapping(self, network: Network) -> Network | None:
        """A network of the set that shares an address with `network`."""
        if found := self.holding(network):
            return found
        return next((one for one in self if one.version == network.version and one.subnet_of(network)), None)  # type: ignore[arg-type]


def requester(address: Address, ipv4_prefix: int, ipv6_prefix: int) -> Network:
    """Whom `address` belongs to."""
    # From a number: a text would have to be parsed, for each of an attacker's packets.
    if isinstance(address, IPv4Address):
        shift = 32 - ipv4_prefix
        return IPv4Network((int(address) >> shift << shift, ipv4_prefix))
    shift = 128 - ipv6_prefix
    return IPv6Network((int(address) >> shift << shift, ipv6_prefix))


def network_of(text: str, ipv6_prefix: int = 64) -> Network:
    """An address or network as a person writes it; an IPv6 address stands for its requester. Raises ValueError."""
    network = ip_network(text.strip().strip("[]"), strict=False)
    if isinstance(network, IPv6Network):
        if network.network_address.ipv4_mapped and network.prefixlen >= 96:
            return ip_network((int(network.network_address.ipv4_mapped), network.prefixlen - 96), strict=False)
        if network.prefixlen == 128 and ipv6_prefix < 128:
            return network.supernet(new_prefix=ipv6_prefix)
    return network
