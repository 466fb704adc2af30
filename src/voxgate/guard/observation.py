"""What a requester did that honest users seldom do: the value that every watcher reports. Pure.

The line of an observation in the log is stable: fail2ban, CrowdSec and people's own scripts read it.

    event=auth_failure src_ip=203.0.113.9 protocol=sip name=example.com user=100 proven=yes detail=403

Fields are only ever added, at the end. Every value has a narrow set of characters, so that nobody can forge another
field, and `-` stands for nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from datetime import datetime

Address = IPv4Address | IPv6Address

#: The longest text of a packet that is kept: names and users of real ones are shorter.
LONGEST: Final = 64
_HARMLESS: Final = re.compile(rf"[A-Za-z0-9._:@/+-]{{0,{LONGEST}}}")
_STRANGE: Final = re.compile(r"[^A-Za-z0-9._:@/+-]")


class ServiceType(StrEnum):
    """What was spoken."""

    SIP = "sip"
    HTTP = "http"
    LDAP = "ldap"
    H323 = "h323"
    TURN = "turn"
    ADMIN = "admin"


class Kind(StrEnum):
    """What is suspicious about it. The value is the event's name in the log, and a key under `guard.weights`."""

    UNKNOWN_NAME = "unknown_name"
    """It asked for a domain, host or gatekeeper that no PBX has."""
    NOT_ALLOWED = "not_allowed"
    """It asked for a URL, method or transport that is not let through, or tried to relay."""
    NETWORK_NOT_ALLOWED = "network_not_allowed"
    """It came from a network that may not use this service."""
    MALFORMED = "malformed"
    """It sent what no honest client sends."""
    BAD_TLS = "bad_tls"
    """Its TLS handshake failed."""
    OLD_TLS = "old_tls"
    """It has no version or cipher of TLS that the edge takes, as old phones."""
    CONNECT_FAILED = "connect_failed"
    """The PBX could not be reached for it."""
    AUTH_FAILURE = "auth_failure"
    """Somebody refused its credentials. Neither a first challenge nor a stale nonce nor a redirect is one."""
    SCANNER = "scanner"
    """It said itself that it is a scanner."""
    INJECTION = "injection"
    """It sent what is meant for a database or a shell."""
    TOO_FAST = "too_fast"
    """It sent more requests than its share."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One suspicious request.

    `name` is the service name that was asked for, `user` who it said to be, `detail` a word or code about it; texts
    may come straight from a packet: they are made harmless here, and bounded.

    `proven`: the requester has shown that it receives what is sent to its address: over TCP or TLS, or over UDP by
    credentials that answer a challenge. Whatever came over UDP without is evidence against an address that anybody
    can forge, and never bans by itself.
    """

    at: datetime
    requester: Address
    protocol: ServiceType
    kind: Kind
    name: str = ""
    user: str = ""
    detail: str = ""
    proven: bool = True

    def __post_init__(self) -> None:
        for key in ("name", "user", "detail"):
            text = getattr(self, key)
            if not _HARMLESS.fullmatch(text):
                object.__setattr__(self, key, plain(text))


class Reports(Protocol):
    """Takes observations: what the guard is to those who watch."""

    def report(self, observation: Observation, /) -> None:
        """Count it. Never blocks and never raises; whoever watches a packet may call it."""


def requester_of(text: str) -> Address | None:
    """The address in `text`, brackets or none; None when it is no address. IPv4 in IPv6 form is the IPv4 address."""
    try:
        address = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def line_of(observation: Observation) -> str:
    """The observation's line in the log."""
    return (
        f"event={observation.kind} src_ip={observation.requester} protocol={observation.protocol} "
        f"name={observation.name or '-'} user={observation.user or '-'} "
        f"proven={'yes' if observation.proven else 'no'} detail={observation.detail or '-'}"
    )


def plain(text: str) -> str:
    """`text` from a packet with `?` for all but a narrow set of characters, and bounded."""
    return _STRANGE.sub("?", text[:LONGEST])
