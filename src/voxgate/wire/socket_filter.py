"""Which TCP connections `ss` is to close, in its own words: ss(8), FILTER. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ipaddress import IPv4Network, IPv6Network

    Network = IPv4Network | IPv6Network

#: A filter becomes a program for the kernel, of 64 KiB at most.
_AT_ONCE: Final = 200


def close_connections(networks: Iterable[Network], spare: Iterable[Network]) -> Iterator[tuple[str, ...]]:
    """Commands that close all connections with peers in `networks`, but for those in `spare`."""
    kept = "".join(f" and not dst {_written(network)}" for network in spare)
    held = tuple(networks)
    for start in range(0, len(held), _AT_ONCE):
        wanted = " or ".join(f"dst {_written(network)}" for network in held[start : start + _AT_ONCE])
        yield ("ss", "-H", "-K", "-t", f"( {wanted} ){kept}")


def _written(network: Network) -> str:
    return str(network) if network.version == 4 else f"[{network}]"
