"""Port forwards as text for `nft -f -`, and their counters read back. Pure.

    incoming  the first packet of a connection gets its new destination, and is counted
    outgoing  and, unless the source is kept, our own address as its source
    passing   all packets of it are counted; those of forwards that are gone, or of networks no longer allowed, dropped

The table is never deleted while there are forwards: chains are filled anew in one transaction, counters go on, and
connections keep the destination that they have. What a connection was for is told by its original destination.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

TABLE: Final = "inet voxgate_forwards"
_PROTOCOLS: Final = {4: "ip", 6: "ip6"}
_FAMILIES: Final = {4: "ipv4", 6: "ipv6"}
_CHAINS: Final = {
    "incoming": "type nat hook prerouting priority dstnat; policy accept;",
    "outgoing": "type nat hook postrouting priority srcnat; policy accept;",
    "passing": "type filter hook forward priority filter - 5; policy accept;",
}
_COUNTER: Final = re.compile(r"(?P<proto>udp|tcp)-(?P<first>\d{1,5})-(?P<last>\d{1,5})-v(?P<version>[46])-(?P<pbx>.+)-"
                             r"(?P<what>connections|packets)")  # fmt: skip


@dataclass(frozen=True, slots=True)
class PortForward:
    """Ports `first`..`last` of our addresses `entries` lead to `target`; `to` is the port there, or the range's first.

    `closed`: only networks in `allowed` may use it, which may be none of this IP version.
    """

    pbx: str
    proto: str
    first: int
    last: int
    entries: tuple[IPv4Address | IPv6Address, ...]
    target: IPv4Address | IPv6Address
    to: int
    allowed: tuple[IPv4Network | IPv6Network, ...] = ()
    closed: bool = False
    keep_source: bool = False
    note: str = ""

    @property
    def key(self) -> str:
        """Its counters' names without their ends; says all that a rule against its connections needs."""
        return f"{self.proto}-{self.first}-{self.last}-v{self.target.version}-{self.pbx}"


@dataclass(frozen=True, slots=True)
class Count:
    """What passed: connections begun, and packets and octets of both directions."""

    connections: int = 0
    packets: int = 0
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """The table as it is in the kernel: names of counters, and what passed."""

    counters: frozenset[str] = frozenset()
    counts: dict[str, Count] = field(default_factory=dict)


def script(forwards: Iterable[PortForward], found: Found, fences: Iterable[int]) -> str:
    """One transaction. `fences` are the IP versions of which nothing else may pass through this machine."""
    usable = [one for one in forwards if one.entries]
    wanted = {f"{one.key}-{what}" for one in usable for what in ("connections", "packets")}
    lines = [f"add table {TABLE}"]
    for chain, how in _CHAINS.items():
        lines += [f"add chain {TABLE} {chain} {{ {how} }}", f"flush chain {TABLE} {chain}"]
    lines += [f"add counter {TABLE} {name}" for name in sorted(wanted - found.counters)]
    for one in usable:
        if not one.closed or one.allowed:
            lines += [f"add rule {TABLE} {rule}" for rule in _rules(one)]
    # Counters of forwards that are gone stay, so that their connections stay closed after the next change, too.
    lines += [f"add rule {TABLE} passing {_of(*key)} counter drop" for key in _closed(usable, found.counters - wanted)]
    for version in sorted(fences):
        family = _FAMILIES[version]
        lines.append(f"add rule {TABLE} passing meta nfproto {family} ct state related accept")
        lines.append(f"add rule {TABLE} passing meta nfproto {family} counter drop")
    return "".join(f"{line}\n" for line in lines)


def _rules(one: PortForward) -> Iterator[str]:
    ip = _PROTOCOLS[one.target.version]
    sources = f"{ip} saddr {_set(one.allowed)} " if one.allowed else ""
    port = str(one.first) if one.first == one.last else f"{one.first}-{one.last}"
    at = f"{ip} daddr {_set(one.entries)} {sources}{one.proto} dport {port}"
    host = f"[{one.target}]" if one.target.version == 6 else str(one.target)
    # A range keeps its ports; only a single one may change.
    to = f"{host}:{one.to}" if one.first == one.last else str(one.target)
    yield f"incoming {at} counter name {one.key}-connections dnat {ip} to {to}"
    mine = _of(one.proto, one.target.version, one.first, one.last)
    if not one.keep_source:
        yield f"outgoing {mine} {ip} daddr {one.target} masquerade"
    original = f" ct original {ip} saddr {_set(one.allowed)}" if one.allowed else ""
    yield f"passing {mine}{original} counter name {one.key}-packets accept"


def _of(proto: str, version: int, first: int, last: int) -> str:
    """A connection that a forward of these ports began, in both directions."""
    port = str(first) if first == last else f"{first}-{last}"
    family = _FAMILIES[version]
    return f"meta nfproto {family} meta l4proto {proto} ct status dnat ct original proto-dst {port}"


def _closed(usable: Iterable[PortForward], gone: Iterable[str]) -> Iterator[tuple[str, int, int, int]]:
    """Connections that nothing allows any more: of forwards with a list of networks, and of those that are gone."""
    keys: list[tuple[str, int, int, int]] = [
        (one.proto, one.target.version, one.first, one.last) for one in usable if one.closed
    ]
    known = filter(None, map(_COUNTER.fullmatch, sorted(gone)))
    keys += [(one["proto"], int(one["version"]), int(one["first"]), int(one["last"])) for one in known]
    yield from dict.fromkeys(keys)


def counts(listed: Iterable[dict[str, Any]]) -> dict[str, Count]:
    """Key of a forward -> what passed, from `nft -j list table inet voxgate_forwards`."""
    found: dict[str, Count] = {}
    for item in listed:
        match item.get("counter"):
            case {"name": str(name), "packets": int(packets), "bytes": int(octets)}:
                key, _, what = name.rpartition("-")
                former = found.get(key, Count())
                if what == "connections":
                    found[key] = Count(packets, former.packets, former.octets)
                else:
                    found[key] = Count(former.connections, packets, octets)
    return found


def found_in(listed: Iterable[dict[str, Any]]) -> Found:
    """What is there, from `nft -j list table inet voxgate_forwards`."""
    items = tuple(listed)
    counters = frozenset(item["counter"]["name"] for item in items if "counter" in item)
    return Found(counters, counts(items))


def _set(items: Iterable[object]) -> str:
    texts = [str(item) for item in items]
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"
