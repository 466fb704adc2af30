"""Openings for people: a table, and what the administrator of another firewall is to be told. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.firewall.opening import Opening, Way, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD: Final = ("way", "port", "at", "from", "for", "because of")
_ADVICE: Final = (
    "Please also:",
    "  - leave the source address of these packets as it is (no masquerading of what comes in)",
    "  - keep each port number the same on both sides",
    "  - switch off helpers for SIP, H.323 and the like (SIP ALG, session helper, inspection)",
    "  - let UDP mappings live for at least 60 seconds",
)


def rows(openings: Iterable[Opening]) -> list[tuple[str, ...]]:
    """A row for each, under `HEAD`."""
    return [
        (
            one.way.value,
            _port(one),
            ", ".join(str(address) for address in one.addresses),
            _from(one),
            one.purpose + (f", PBX {one.pbx}" if one.pbx else "") + (f" ({one.note})" if one.note else ""),
            one.key,
        )
        for one in openings
    ]


def letter(domain: str, openings: Iterable[Opening]) -> str:
    """A list without the words of any product, for whoever runs the firewall or router in front."""
    listed = tuple(openings)
    lines = [f"What {domain} needs of the firewalls around it", ""]
    lines += [*_section("From outside to this machine", listed, Way.IN)]
    lines += [*_section("Through this machine to PBXs (this machine translates the address)", listed, Way.THROUGH)]
    lines += [
        *_section("From this machine (a firewall between it and the PBXs, or towards providers)", listed, Way.OUT)
    ]
    return "\n".join([*lines, *_ADVICE]) + "\n"


def _section(title: str, openings: tuple[Opening, ...], way: Way) -> Iterator[str]:
    chosen = [one for one in openings if one.way is way]
    if not chosen:
        return
    yield f"{title}:"
    for one in chosen:
        whose = f", PBX {one.pbx}" if one.pbx else ""
        yield f"  {_port(one)}  {one.purpose}{whose}"
        yield f"      from {_from(one)} to {', '.join(map(str, one.addresses))}"
        if one.public:
            to = next(a for a in one.addresses if a.version == one.public[0].version)
            yield f"      on the router: {', '.join(map(str, one.public))} forwards it to {to}, the same port"
        if one.note:
            yield f"      {one.note}"
    yield ""


def _port(one: Opening) -> str:
    entry = f"{span(one.entry)} -> " if one.entry and one.entry != one.ports else ""
    return f"{entry}{one.port_text}/{one.proto}"


def _from(one: Opening) -> str:
    """A network of one address is written as the address."""
    texts = (str(network.network_address if network.num_addresses == 1 else network) for network in one.sources)
    return ", ".join(texts) or "anywhere"
