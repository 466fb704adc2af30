"""All that is known about a call, a user or an address, as one value. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.calls.cdr.sdp import Description, described
from voxgate.calls.trace.ladder import host_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from voxgate.calls.cdr.value import Cdr
    from voxgate.calls.trace.message import Sip


@dataclass(frozen=True, slots=True)
class Evidence:
    """One suspicious request, as the guard knows it; `detail` is its word or a SIP code."""

    at: datetime
    address: str
    protocol: str
    kind: str
    name: str = ""
    user: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Banned:
    """A ban; `until` None: for good."""

    network: str
    since: datetime
    until: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Case:
    """`subject` is what was asked about. `own` are the edge's addresses, `pbxs` and `trunks` those of their nodes.

    `registered` are the addresses from which a user is registered; None where nobody asked about a user.
    """

    subject: str
    cdr: Cdr | None = None
    messages: tuple[Sip, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    ban: Banned | None = None
    registered: tuple[str, ...] | None = None
    own: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    down: tuple[str, ...] = ()

    def requests(self, method: str) -> Iterator[Sip]:
        """Requests of a method, in their order."""
        return (one for one in self.messages if one.is_request and one.method == method)

    def replies(self, method: str) -> Iterator[Sip]:
        """Replies to a method, in their order."""
        return (one for one in self.messages if not one.is_request and one.method == method)

    def came_in(self, one: Sip) -> bool:
        """Whether a message came to the edge, and did not leave it."""
        return host_of(one.message.target) in self.own and host_of(one.message.source) not in self.own

    def offer(self) -> Description:
        """The SDP of the first INVITE that came in."""
        invite = next((one for one in self.requests("INVITE") if self.came_in(one)), None)
        return described(invite.body) if invite else Description()

    def answer(self) -> Description:
        """The SDP of the 200 that came in."""
        final = next((one for one in self.replies("INVITE") if one.code == 200 and self.came_in(one)), None)
        return described(final.body) if final else Description()


#: RFC 1918, 6598, 3927, 4193, 4291; not the ranges for documentation.
_PRIVATE: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
            *("fc00::/7", "fe80::/10"),
        ),
    )
)


def is_private(address: str) -> bool:
    """Whether nobody on the internet can send there."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found.version == network.version and found in network for network in _PRIVATE)
