"""What nftables is told: the guard's table, and changes of its sets, as text for `nft -f -` (nft(8)). Pure.

Single requesters stand in hash sets with time-outs, so that one more among 100,000 is put in at once; networks of
other sizes are few, and stand in interval sets that are written anew as a whole. Traffic of somebody who is in none of
them costs one look-up in a hash and one in an interval set. Who is in one of them is looked for in the white list,
which wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ipaddress import IPv4Network, IPv6Network

    Network = IPv4Network | IPv6Network

TABLE: Final = "inet voxgate_guard"
#: The kernel's bound of a hash set: bans and feeds together.
MOST_HOSTS: Final = 1_048_576
_FAMILIES: Final = ((4, "ipv4_addr", "ip"), (6, "ipv6_addr", "ip6"))
#: So many elements in one command: a line of some hundred kilobytes.
_CHUNK: Final = 10_000


@dataclass(frozen=True, slots=True)
class Prefixes:
    """How long the prefix of a single requester is."""

    ipv4: int = 32
    ipv6: int = 64

    def is_host(self, network: Network) -> bool:
        """Whether it is one requester, and so stands in a hash set."""
        return network.prefixlen == (self.ipv4 if network.version == 4 else self.ipv6)


@dataclass(frozen=True, slots=True)
class Element:
    """A network to shut out; `timeout_s` None: for good."""

    network: Network
    timeout_s: int | None = None


def table(prefixes: Prefixes, elements: Iterable[Element], white: Iterable[Network]) -> str:
    """One transaction that makes the table as it should be, whatever was there."""
    lines = [f"add table {TABLE}", f"delete table {TABLE}", f"table {TABLE} {{"]
    for version, kind, _ in _FAMILIES:
        lines.append(f"set hosts{version} {{ type {kind}; size {MOST_HOSTS}; flags timeout; }}")
        lines += [f"set {name}{version} {{ type {kind}; flags interval; auto-merge; }}" for name in ("nets", "white")]
    lines += _chains(prefixes)
    lines.append("}")
    held = tuple(elements)
    hosts = [element for element in held if prefixes.is_host(element.network)]
    lines += _fill("hosts", [(one.network, _host(one)) for one in hosts])
    lines += _fill("nets", [(one.network, str(one.network)) for one in held if not prefixes.is_host(one.network)])
    lines += _fill("white", [(network, str(network)) for network in white])
    return "\n".join(lines) + "\n"


def change(add: Iterable[Element], remove: Iterable[Network]) -> str:
    """One transaction that puts single requesters in, with new time-outs where they are there, and takes others out."""
    lines = []
    added = tuple(add)
    for network in (*remove, *(element.network for element in added)):
        place = f"element {TABLE} hosts{network.version} {{ {network.network_address} }}"
        # Adding what is there is no error, deleting what is not there is one.
        lines += [f"add {place}", f"delete {place}"]
    lines += _fill("hosts", [(element.network, _host(element)) for element in added])
    return "".join(f"{line}\n" for line in lines)


def rewrite(name: str, networks: Iterable[Network]) -> str:
    """One transaction that makes the interval sets `nets` or `white` hold exactly these."""
    lines = [f"flush set {TABLE} {name}{version}" for version, _, _ in _FAMILIES]
    lines += _fill(name, [(network, str(network)) for network in networks])
    return "".join(f"{line}\n" for line in lines)


def touch() -> str:
    """One transaction that changes nothing if the table is there, and fails if it is not."""
    return f"add element {TABLE} hosts4 {{ 255.255.255.255 }}\n"


def remove_table() -> str:
    """One transaction that takes the table away, if it is there."""
    return f"add table {TABLE}\ndelete table {TABLE}\n"


def _host(element: Element) -> str:
    lasts = "" if element.timeout_s is None else f" timeout {max(1, element.timeout_s)}s"
    return f"{element.network.network_address}{lasts}"


def _fill(name: str, elements: list[tuple[Network, str]]) -> Iterator[str]:
    for version, _, _ in _FAMILIES:
        texts = [text for network, text in elements if network.version == version]
        for start in range(0, len(texts), _CHUNK):
            yield f"add element {TABLE} {name}{version} {{ {', '.join(texts[start : start + _CHUNK])} }}"


def _chains(prefixes: Prefixes) -> Iterator[str]:
    """Before connection tracking, so that established connections end as well; loopback is never looked at."""
    yield "chain banned {"
    yield from (f"{protocol} saddr @white{version} accept" for version, _, protocol in _FAMILIES)
    yield "counter drop"
    yield "}"
    yield "chain early {"
    yield "type filter hook prerouting priority -310; policy accept;"
    yield 'iifname "lo" accept'
    for version, _, protocol in _FAMILIES:
        yield f"{protocol} saddr {_masked(version, prefixes)}@hosts{version} goto banned"
        yield f"{protocol} saddr @nets{version} goto banned"
    yield "}"


def _masked(version: int, prefixes: Prefixes) -> str:
    length, bits = (prefixes.ipv4, 32) if version == 4 else (prefixes.ipv6, 128)
    if length == bits:
        return ""
    mask = (1 << bits) - (1 << (bits - length))
    text = ".".join(str(byte) for byte in mask.to_bytes(4)) if version == 4 else _groups(mask)
    return f"& {text} "


def _groups(mask: int) -> str:
    """An IPv6 mask, written out."""
    octets = mask.to_bytes(16)
    return ":".join(octets[at : at + 2].hex() for at in range(0, 16, 2))
