"""What services beside SIP have in common: how they are listened for, and where a PBX takes them."""

from __future__ import annotations

from pydantic import Field

from voxgate.config.fields import Hostnames, Networks, Port, Section
from voxgate.config.nodes import Nodes


class ServiceListen(Section):
    """Ports of one service. A port that is not there accepts nothing."""

    plain: Port | None = Field(default=None, description="Port without TLS.")
    tls: Port | None = Field(default=None, description="Port with TLS.")
    ipv4: bool = Field(default=True, strict=True, description="Listen on the edge's IPv4 address.")
    ipv6: bool = Field(default=True, strict=True, description="Listen on the edge's IPv6 address.")
    legacy_tls: bool = Field(
        default=False,
        strict=True,
        description="Accept TLS 1.0 and 1.1 and weak ciphers on the TLS port, for phones that know nothing newer. "
        "Whoever listens in may break such a connection.",
    )


class ServiceTarget(Section):
    """Where a PBX takes one service. With both ports TLS stays TLS and plain stays plain; else the one port is used."""

    plain: Port | None = Field(default=None, description="Port of the PBX without TLS.")
    tls: Port | None = Field(default=None, description="Port of the PBX with TLS.")
    nodes: Nodes = Field(default=(), description="Addresses for this service. Default: the nodes of the PBX.")
    names: Hostnames = Field(default=(), description="Names of this service. Default: all names of the PBX.")
    allow_from: Networks = Field(
        default=(), description="Networks whose requests are let through. Default: every network."
    )
    verify_certificate: bool = Field(
        default=False,
        strict=True,
        description="Where the PBX is reached over TLS, its certificate must be signed by `certificates.pbxs_ca` and "
        "be for the name that was asked for.",
    )
