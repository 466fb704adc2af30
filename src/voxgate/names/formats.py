"""Records as the files of name servers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.names.record import TTL_S, Record, Weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def zone(listed: Iterable[Record]) -> str:
    """Lines of a zone file (RFC 1035 section 5) without SOA and NS; addresses that may be wrong are comments."""
    lines = [f"$TTL {TTL_S}"]
    for one in listed:
        unsure = "; " if _unsure(one) else ""
        lines.append(f"{unsure}{one.name}. IN {one.kind} {one.data} ; {one.why}")
    return "".join(f"{line}\n" for line in lines)


def hosts(listed: Iterable[Record]) -> str:
    """Lines for /etc/hosts: it knows addresses alone."""
    names: dict[str, list[str]] = {}
    for one in listed:
        if one.kind in {"A", "AAAA"} and not _unsure(one):
            names.setdefault(one.data, []).append(one.name)
    lines = [f"{address} {' '.join(given)}" for address, given in names.items()]
    return "".join(f"{line}\n" for line in ("# SRV and NAPTR have no place in this file", *lines))


def dnsmasq(listed: Iterable[Record]) -> str:
    """Lines for dnsmasq's configuration (dnsmasq(8)): these names are answered, all others are asked for elsewhere."""
    return "".join(f"{line}\n" for line in _dnsmasq(tuple(listed)))


def _dnsmasq(listed: tuple[Record, ...]) -> Iterator[str]:
    addresses: dict[str, list[str]] = {}
    for one in listed:
        if one.kind in {"A", "AAAA"} and not _unsure(one):
            addresses.setdefault(one.name, []).append(one.data)
    for name, given in addresses.items():
        # An address of the other kind is not asked for outside: it would be the other view's.
        yield f"local=/{name}/"
        yield f"host-record={','.join((name, *given))},{TTL_S}"
    for one in listed:
        if one.kind == "SRV":
            priority, weight, port, target = one.data.split(" ")
            yield f"srv-host={one.name},{target.rstrip('.')},{port},{priority},{weight}"
        elif one.kind == "NAPTR":
            order, preference, flags, service, _, target = one.data.replace('"', "").split(" ")
            yield f"naptr-record={one.name},{order},{preference},{flags},{service},,{target.rstrip('.')}"


def _unsure(one: Record) -> bool:
    return one.weight is Weight.OPTIONAL and one.kind in {"A", "AAAA"}
