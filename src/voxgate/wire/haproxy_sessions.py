"""HAProxy's list of sessions: `show sess` (management guide, 9.3). Pure.

0x55d0b8a0: proto=tcpv4 src=203.0.113.9:58454 fe=https be=pbx_p srv=pbx ts=08 age=4s calls=3 ...
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_LINE: Final = re.compile(r"(?P<key>0x[0-9a-f]+): proto=\S+ src=(?P<address>[0-9a-fA-F.:]+):\d+ ")


@dataclass(frozen=True, slots=True)
class Session:
    """One stream; `key` is what `shutdown session` takes."""

    key: str
    source: IPv4Address | IPv6Address


def parse(text: str) -> tuple[Session, ...]:
    """Those that came from an address; not those of unix sockets."""
    found = []
    for line in text.splitlines():
        if (match := _LINE.match(line)) is None:
            continue
        try:
            address = ip_address(match["address"])
        except ValueError:
            continue
        found.append(Session(match["key"], getattr(address, "ipv4_mapped", None) or address))
    return tuple(found)
