"""One opening: who may come, over what, to which port, and why. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 (),._/+-]")


class Way(Enum):
    """Which way the first packet goes."""

    IN = "in"  # to this machine
    THROUGH = "through"  # through this machine, to a PBX
    OUT = "out"  # from this machine


@dataclass(frozen=True, slots=True)
class Opening:
    """`proto` is udp or tcp. `addresses` are the destination's; `public` those by which the internet knows them.

    `sources` empty: anybody. `key` is where it stands in the configuration, `pbx` whose it is, `note` when it is
    needed. For `THROUGH`, `ports` and `addresses` are the PBX's, and `entry` the edge's own port.
    """

    way: Way
    proto: str
    ports: tuple[int, int]
    addresses: tuple[Address, ...]
    purpose: str
    key: str
    sources: tuple[Network, ...] = ()
    public: tuple[Address, ...] = ()
    pbx: str = ""
    note: str = ""
    entry: tuple[int, int] | None = None

    @property
    def port_text(self) -> str:
        """`5060` or `10000-20000`."""
        return span(self.ports)

    @property
    def comment(self) -> str:
        """What it is for, fit for any packet filter's file whatever an operator wrote into a note."""
        return _UNSAFE.sub("_", f"{self.purpose}{f' ({self.pbx})' if self.pbx else ''}")[:100]

    def versions(self) -> Iterable[tuple[int, tuple[Address, ...], tuple[Network, ...]]]:
        """IP version, its addresses, its sources (empty: anybody); versions that nobody can use are left out."""
        for version in (4, 6):
            addresses = tuple(one for one in self.addresses if one.version == version)
            sources = tuple(one for one in self.sources if one.version == version)
            if addresses and (sources or not self.sources):
                yield version, addresses, sources

    def to_json(self) -> dict[str, object]:
        """The fields; addresses and networks as text, ports as two numbers."""
        told: dict[str, object] = {
            "way": self.way.value,
            "proto": self.proto,
            "first_port": self.ports[0],
            "last_port": self.ports[1],
            "addresses": [str(one) for one in self.addresses],
            "public": [str(one) for one in self.public],
            "sources": [str(one) for one in self.sources],
            "purpose": self.purpose,
            "pbx": self.pbx or None,
            "key": self.key,
            "note": self.note or None,
        }
        if self.entry:
            told |= {"first_entry_port": self.entry[0], "last_entry_port": self.entry[1]}
        return told


def span(ports: tuple[int, int]) -> str:
    """`5060` or `10000-20000`."""
    first, last = ports
    return str(first) if first == last else f"{first}-{last}"
