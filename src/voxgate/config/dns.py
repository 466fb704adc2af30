"""A small DNS server for the local network: the edge's own names, and all others from elsewhere."""

from __future__ import annotations

from pydantic import Field

from voxgate.config.fields import Addresses, Port, Section


class Dns(Section):
    """Answers phones inside with the edge's private address, as `voxgate dns plan --view inside` lists it."""

    listen: Addresses = Field(
        default=(),
        description="Addresses of this machine where it answers: private ones only. Default: all private ones that "
        "parties inside are shown.",
    )
    port: Port = Field(default=53, description="Its port, for UDP and TCP.")
    upstream: Addresses = Field(
        default=(), description="Name servers that are asked for all other names. Default: those of this machine."
    )
