"""Openings for nft: the rules, and how they come into a ruleset that somebody else owns. Pure.

A packet that one base chain drops is dropped, whatever another table says: so the rules stand in chains of ours
(`voxgate_input`, `voxgate_forward`) inside the table that filters, and its own chain jumps there first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voxgate.firewall.opening import Opening, Way, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHAINS: Final = {"input": "voxgate_input", "forward": "voxgate_forward"}
_WAYS: Final = {"input": Way.IN, "forward": Way.THROUGH}
_FAMILIES: Final = {4: "ip", 6: "ip6"}
#: Without these an IPv6 neighbour is not found (RFC 4890 section 4.4.1).
_NEIGHBOURS: Final = "icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }"


@dataclass(frozen=True, slots=True)
class Base:
    """A base chain that filters: where it is, its hook, and whether it jumps to our chain already."""

    family: str
    table: str
    chain: str
    hook: str
    jumps: bool = False

    @property
    def place(self) -> str:
        """As nft names it."""
        return f"{self.family} {self.table} {self.chain}"

    @property
    def ours(self) -> str:
        """Our chain beside it."""
        return f"{self.family} {self.table} {CHAINS[self.hook]}"


#: Debian's own /etc/nftables.conf has these two.
DEBIAN: Final = (Base("inet", "filter", "input", "input"), Base("inet", "filter", "forward", "forward"))


def script(openings: Iterable[Opening], bases: Iterable[Base]) -> str:
    """One transaction for `nft -f`: our chains as they should be, and the jumps that are not there yet."""
    listed = tuple(openings)
    lines: list[str] = []
    for base in bases:
        lines += [f"add chain {base.ours}", f"flush chain {base.ours}"]
        lines += [f"add rule {base.ours} {rule}" for rule in rules(listed, base)]
        if not base.jumps:
            lines.append(f"insert rule {base.place} jump {CHAINS[base.hook]}")
    return "".join(f"{line}\n" for line in lines)


def printed(openings: Iterable[Opening]) -> str:
    """The same for a file: it makes the table and its chains where they are not there."""
    listed = tuple(openings)
    through = any(one.way is Way.THROUGH for one in listed)
    bases = DEBIAN if through else DEBIAN[:1]
    head = ["# What Voxgate needs. Once after the firewall's own rules: nft -f THIS_FILE", "add table inet filter"]
    head += [f"add chain {base.place} {{ type filter hook {base.hook} priority filter; }}" for base in bases]
    return "\n".join(head) + "\n" + script(listed, bases)


def removal(bases: Iterable[Base], jumps: Iterable[tuple[Base, int]]) -> str:
    """One transaction that takes our rules out again; `jumps` are rules by their handles."""
    lines = [f"delete rule {base.place} handle {handle}" for base, handle in jumps]
    for base in bases:
        lines += [f"add chain {base.ours}", f"flush chain {base.ours}", f"delete chain {base.ours}"]
    return "".join(f"{line}\n" for line in lines)


def rules(openings: Iterable[Opening], base: Base) -> Iterator[str]:
    """The rules of one of our chains. What belongs to no opening: answers, this machine itself, IPv6 neighbours."""
    yield "ct state established,related accept"
    if base.hook == "input":
        yield 'iifname "lo" accept'
        if base.family in {"inet", "ip6"}:
            yield f"{_NEIGHBOURS} accept"
    for one in openings:
        if one.way is not _WAYS[base.hook]:
            continue
        for version, addresses, sources in one.versions():
            if base.family in {"inet", _FAMILIES[version]}:
                words = [f"{_FAMILIES[version]} daddr {_set(addresses)}"]
                words += [f"{_FAMILIES[version]} saddr {_set(sources)}"] if sources else []
                words += [f"{one.proto} dport {span(one.ports)}"]
                yield f'{" ".join(words)} counter accept comment "{one.comment}"'


def bases_in(listed: Iterable[dict[str, Any]]) -> tuple[Base, ...]:
    """The base chains that filter what comes in or passes, from `nft -j list chains`; our own tables are none."""
    found = []
    for item in listed:
        match item.get("chain"):
            case {"family": "inet" | "ip" | "ip6" as family, "table": str(table), "name": str(name), **how}:
                hook, filters = how.get("hook"), how.get("type") == "filter"
                if filters and hook in CHAINS and not table.startswith("voxgate_"):
                    found.append(Base(family, table, name, str(hook)))
    return tuple(found)


def jumps_in(listed: Iterable[dict[str, Any]], base: Base) -> tuple[int, ...]:
    """The handles of the rules that jump to our chain, from `nft -j -a list chain`."""
    target = CHAINS[base.hook]
    return tuple(
        item["rule"]["handle"]
        for item in listed
        if "rule" in item
        and any((word.get("jump") or {}).get("target") == target for word in item["rule"].get("expr", []))
    )


def _set(items: Iterable[object]) -> str:
    texts = [str(item) for item in items]
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"
