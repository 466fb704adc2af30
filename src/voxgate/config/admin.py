"""The section `admin`: the REST API and the web page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from voxgate.config.fields import Hostnames, Networks, Section
from voxgate.config.scalars import Kind, ScalarError

_ENDPOINT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<four>[0-9.]{7,15})):(?P<port>\d{1,5})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of this machine and a TCP port; `str` gives what the operator writes."""

    address: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"


def parse_endpoint(value: object) -> Endpoint:
    """`address:port`; IPv6 in brackets. `0.0.0.0` and `[::]` stand for all addresses."""
    if isinstance(value, Endpoint):
        return value
    match = _ENDPOINT.match(value) if isinstance(value, str) else None
    advice = "write 127.0.0.1:8440, or [::1]:8440"
    if match is None:
        raise ScalarError("an address and a port are needed here", advice)
    try:
        address = ip_address(match["six"] or match["four"])
    except ValueError:
        raise ScalarError(f"`{match['six'] or match['four']}` is not an IP address", advice) from None
    if not 1 <= int(match["port"]) <= 65535 or address.is_multicast:
        raise ScalarError(f"`{value}` is not an address and a port", advice)
    return Endpoint(address, int(match["port"]))


ListenAt = Annotated[
    Endpoint,
    BeforeValidator(parse_endpoint),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[0-9.]+):\d{1,5}$"}),
    Kind("address:port"),
]


class Admin(Section):
    """The REST API and the web page; without this section there is neither."""

    listen: ListenAt = Field(
        default=Endpoint(IPv4Address("127.0.0.1"), 8440),
        description="Where the web page and the API are served, for people on this machine by default (and over "
        "SSH: `ssh -L 8440:127.0.0.1:8440 edge`). Never a port that the edge serves.",
    )
    tls: bool | None = Field(
        default=None,
        strict=True,
        description="Whether it is HTTPS, with the edge's own certificate. Default: HTTPS on every address but the "
        "loopback ones.",
    )
    allow_from: Networks = Field(
        default=(), description="Networks that may connect, beside this machine itself. Default: all."
    )
    metrics_from: Networks = Field(
        default=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
        description="Networks that may read `/metrics` without a token.",
    )
    turn_origins: Hostnames = Field(
        default=(),
        description="Hosts whose web pages may fetch TURN credentials from a browser, with a token of the role `turn`.",
    )
    idle_minutes: int = Field(
        default=30, strict=True, ge=1, le=1440, description="A session on the web page ends when it was idle so long."
    )
    session_hours: int = Field(
        default=12, strict=True, ge=1, le=168, description="However busy, a session ends after so long."
    )

    @property
    def https(self) -> bool:
        """Whether TLS is spoken."""
        return not self.listen.address.is_loopback if self.tls is None else self.tls
