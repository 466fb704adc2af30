"""What a first configuration asks for, whoever asks: the wizard on a terminal, and the page of the first run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.config.scalars import parse_address
from voxgate.doctor import asking
from voxgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.host.facts import Facts, Interface

#: Asked unless another one is given; people are told before.
STUN: Final = "stun.l.google.com:19302"
_STUN_PORT: Final = "3478"


@dataclass(frozen=True, slots=True)
class Probes:
    """What is tried at once: `public` asks a STUN server (HOST:PORT) for our address, `answers` a PBX by OPTIONS.

    Both give an empty text for silence.
    """

    public: Callable[[str], str]
    answers: Callable[[str, str], str]


def find(server: str) -> str:
    """Our address as a STUN server (HOST or HOST:PORT) sees it; empty: it is silent."""
    host, _, port = server.rpartition(":") if ":" in server else (server, "", _STUN_PORT)
    return (asking.stun((host, int(port))) or "") if port.isdecimal() and 0 < int(port) < 65536 else ""


def answers(address: str, domain: str) -> str:
    """What a PBX says to OPTIONS, in words; empty: nothing."""
    reply = asking.sip((address, 5060), domain)
    return f"{reply.code} to OPTIONS" if reply else ""


PROBES: Final = Probes(find, answers)


def addresses(interface: Interface) -> list[str]:
    """Those that others can reach."""
    return [str(one.ip.ip) for one in interface.addresses if not one.ip.ip.is_link_local]


def usable(facts: Facts) -> list[Interface]:
    """Interfaces to choose from, the default route's first. Raises UsageError when there is none."""
    found = [one for one in facts.interfaces if addresses(one) and one.name != "lo"]
    if not found:
        raise UsageError("this machine has no interface with an address\n    give it one first")
    found.sort(key=lambda one: one.name not in {facts.default_ipv4, facts.default_ipv6})
    return found


def is_public(interface: Interface) -> bool:
    """Whether it has a public IPv4 address of its own; else there is a router in front."""
    return any(":" not in one and parse_address(one).is_global for one in addresses(interface))


def sip_domain(domain: str) -> str:
    """What phones have as domain as a rule: the part of the edge's name below its own host."""
    parent = domain.partition(".")[2]
    return parent if "." in parent else domain
