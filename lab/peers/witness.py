"""Remembers every address the messages a peer receives show it, and which of these it should never have seen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.peers.message import Message

HEADERS = ("Via", "Record-Route", "Contact", "Path", "Route", "From", "To", "Call-ID")
_V4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_V6 = re.compile(r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}")
_PLACE = re.compile(r"(?m)^([oc])=([^\r\n]*)")

Network = IPv4Network | IPv6Network


def addresses(text: str) -> Iterator[IPv4Address | IPv6Address]:
    """Every IP address written in a text, encoded parameters included."""
    for found in (*_V4.findall(text), *_V6.findall(text)):
        try:
            yield ip_address(found)
        except ValueError:
            continue


@dataclass(slots=True)
class Witness:
    """``seen``: header (or ``o=``, ``c=``) to addresses; ``violations``: sentences, each once."""

    forbidden: tuple[Network, ...] = ()
    seen: dict[str, set[str]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def look(self, message: Message, title: str) -> None:
        """Take in a received message; ``title`` names it in a violation."""
        for name in HEADERS:
            for value in message.all(name):
                self._text(name, value, title)
        for kind, value in _PLACE.findall(message.body.decode(errors="replace")):
            self._text(f"{kind}=", value, title)

    def complain(self, sentence: str) -> None:
        """Record a violation of another kind."""
        if sentence not in self.violations:
            self.violations.append(sentence)

    def report(self) -> dict[str, list[str]]:
        """`seen`, ready for JSON."""
        return {name: sorted(found) for name, found in sorted(self.seen.items())}

    def _text(self, name: str, value: str, title: str) -> None:
        for address in addresses(value):
            self.seen.setdefault(name, set()).add(str(address))
            if any(address.version == net.version and address in net for net in self.forbidden):
                self.complain(f"{address} in {name} of {title}: {value}")
