"""Who connected, as a value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from voxgate.wire.proxy_v2 import End, Header


@dataclass(frozen=True, slots=True)
class Client:
    """The client's end and ours, as on the public side.

    `certificate_name` is the common name of a client certificate that the trust list vouches for, else empty.
    `server_name` is what the client asked for by SNI.
    """

    source: End
    destination: End
    tls: bool = False
    certificate_name: str = ""
    server_name: str = ""

    @property
    def address(self) -> IPv4Address | IPv6Address:
        """The requester."""
        return self.source.address


def client_of(header: Header) -> Client | None:
    """The client that `header` speaks for; None when it speaks for nobody (a health check)."""
    if header.source is None or header.destination is None:
        return None
    tls = header.tls
    return Client(
        source=header.source,
        destination=header.destination,
        tls=tls is not None,
        certificate_name=tls.common_name if tls is not None and tls.trusted else "",
        server_name=header.authority,
    )
