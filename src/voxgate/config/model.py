"""The configuration as frozen values: what `voxgate.example.yaml` promises, nothing more.

Each field's sentence is its documentation: `voxgate reference` and the JSON Schema are made from it.
Keys of parts that this version does not serve yet are listed in `later.py`, so that they lead to an honest
answer instead of silence. Numbers are strict: `"5060"` in quotes is text, and said to be so.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from voxgate.config.scalars import (
    AbsolutePath,
    Hostname,
    InterfaceName,
    IpAddress,
    IpNetwork,
    Kind,
    PbxName,
    PortRange,
    Ports,
    ServiceName,
)

Port = Annotated[int, Field(ge=1, le=65535, strict=True), Kind("port, 1..65535")]


def _as_list(value: object) -> object:
    """One value where several are allowed stands for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def _auto_or_list(value: object) -> str:
    return "auto" if value == "auto" else "list"


Addresses = Annotated[
    tuple[IpAddress, ...], BeforeValidator(_as_list, json_schema_input_type=IpAddress | tuple[IpAddress, ...])
]
Networks = Annotated[
    tuple[IpNetwork, ...], BeforeValidator(_as_list, json_schema_input_type=IpNetwork | tuple[IpNetwork, ...])
]
ServiceNames = Annotated[
    tuple[ServiceName, ...],
    BeforeValidator(_as_list, json_schema_input_type=ServiceName | tuple[ServiceName, ...]),
]
SipCode = Annotated[int, Field(ge=400, le=699, strict=True), Kind("SIP answer, 400..699")]
SipCodes = Annotated[
    tuple[SipCode, ...], BeforeValidator(_as_list, json_schema_input_type=SipCode | tuple[SipCode, ...])
]


class Section(BaseModel):
    """Base of every mapping in the file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)


class Balance(StrEnum):
    """How requests are spread over the nodes of a PBX that have the best (lowest) priority and are up."""

    PRIORITY = "priority"
    WEIGHT = "weight"
    ROUND_ROBIN = "round-robin"
    HASH_USER = "hash-user"


class Edge(Section):
    """The machine on which Voxgate runs."""

    domain: Hostname = Field(
        description="Public name of the edge, a fully qualified domain name. It may also be a name of a PBX "
        "when there is only one PBX: with several, a request for it is routed by its From header."
    )
    interface: InterfaceName | None = Field(
        default=None,
        description="Network interface whose addresses the edge listens on. "
        "Default: the interface of the default route.",
    )
    address: Addresses = Field(
        default=(),
        description="Addresses to listen on, instead of all of `interface`: one IPv4 and one IPv6 at most.",
    )
    public_address: Addresses = Field(
        default=(),
        description="Address under which the internet reaches the edge, where the interface does not hold it "
        "(behind a NAT router): one IPv4 and one IPv6 at most.",
    )
    inside_interface: InterfaceName | None = Field(
        default=None,
        description="Interface towards the PBXs, in a segmented DMZ. Leave it out with one interface.",
    )
    local_networks: Annotated[
        Annotated[Literal["auto"], Tag("auto")] | Annotated[Networks, Tag("list")],
        Discriminator(_auto_or_list),
    ] = Field(
        default="auto",
        description="Networks whose phones and PBXs see the private address instead of the public one. "
        "`auto`: the private networks that this machine is attached to or has routes for; list VPNs by hand.",
    )
    topology_hiding: bool = Field(
        default=True,
        strict=True,
        description="Hide the PBXs' addresses in Via, Contact and Record-Route from everyone outside.",
    )


class Certificate(Section):
    """A certificate and its key, as files."""

    certificate: AbsolutePath = Field(description="PEM file with the server's certificate first, then its chain.")
    key: AbsolutePath = Field(description="PEM file with the private key, readable by root only.")


class Certificates(Section):
    """What TLS clients are shown. Without it, Voxgate makes a self-signed certificate and says so."""

    default: Certificate | None = Field(default=None, description="Certificate for every name.")


class SipListen(Section):
    """Ports on which SIP is served. A transport without a port accepts nothing."""

    udp: Port | None = Field(default=None, description="Port for SIP over UDP, usually 5060.")
    tcp: Port | None = Field(default=None, description="Port for SIP over TCP, usually 5060.")
    tls: Port | None = Field(default=None, description="Port for SIP over TLS, usually 5061.")
    workers: int = Field(
        default=4, strict=True, ge=1, le=64, description="SIP worker processes for each kind of socket."
    )


class Listen(Section):
    """What is served to the outside. A service type without an entry accepts nothing."""

    sip: SipListen = Field(default=SipListen(udp=5060, tcp=5060, tls=5061), description="SIP, over UDP, TCP and TLS.")


class Media(Section):
    """Audio and video relay."""

    ports: Ports = Field(default=PortRange(10000, 20000), description="UDP ports for RTP and RTCP, `first-last`.")
    dscp: int = Field(
        default=46,
        strict=True,
        ge=0,
        le=63,
        description="DiffServ code point on relayed packets; 46 is EF (RFC 3246).",
    )
    timeout_seconds: int = Field(
        default=60,
        strict=True,
        ge=10,
        le=3600,
        description="A call in which no packet came from either side for so long is ended on both sides.",
    )
    hold_timeout_seconds: int = Field(
        default=3600, strict=True, ge=60, le=86400, description="The same for a call that is on hold."
    )


class Health(Section):
    """How the edge finds out whether a PBX node is up: it sends SIP OPTIONS."""

    interval_seconds: int = Field(
        default=5, strict=True, ge=1, le=3600, description="Time between two checks of a node."
    )
    down_after: int = Field(
        default=2, strict=True, ge=1, le=20, description="Failed checks in a row until a node is down."
    )
    up_after: int = Field(
        default=1, strict=True, ge=1, le=20, description="Good checks in a row until a node is up again."
    )


class Node(Section):
    """One address of a PBX."""

    address: IpAddress = Field(description="Address of the node. A name is not allowed: DNS would stop calls.")
    weight: int = Field(
        default=50, strict=True, ge=0, le=1000, description="Share of requests among nodes of equal priority."
    )
    priority: int = Field(
        default=1,
        strict=True,
        ge=0,
        le=100,
        description="Lowest first; the next value is used when all of these are down.",
    )


def _node_of_address(value: object) -> object:
    return value if isinstance(value, dict | Node) else {"address": value}


AddressOrNode = Annotated[
    Node, BeforeValidator(_node_of_address, json_schema_input_type=IpAddress | Node), Kind("IP address or mapping")
]
Nodes = Annotated[
    tuple[AddressOrNode, ...],
    BeforeValidator(_as_list, json_schema_input_type=AddressOrNode | tuple[AddressOrNode, ...]),
]


class SipTarget(Section):
    """Where a PBX takes SIP. With both a plain and a TLS port, TLS from outside stays TLS."""

    udp: Port | None = Field(default=None, description="Port of the PBX for SIP over UDP.")
    tcp: Port | None = Field(default=None, description="Port of the PBX for SIP over TCP.")
    tls: Port | None = Field(default=None, description="Port of the PBX for SIP over TLS.")


class Failover(Section):
    """When the next node of a PBX is tried. A send error always leads to the next node."""

    timeout_seconds: float = Field(
        default=2.0,
        strict=True,
        ge=0.5,
        le=30,
        description="A node that has sent no answer by then is passed over; a PBX with one node has ten seconds.",
    )
    codes: SipCodes = Field(
        default=(503,), description="Answers of a node that lead to the next node instead of the caller."
    )


class Pbx(Section):
    """One phone system behind the edge."""

    names: ServiceNames = Field(
        min_length=1,
        description="Names that clients ask for: SIP domains; `domain/location` is an H.323 gatekeeper ID.",
    )
    nodes: Nodes = Field(
        min_length=1,
        description="Addresses of the PBX; an address alone, or a mapping with weight and priority.",
    )
    balance: Balance = Field(default=Balance.HASH_USER, description="How requests are spread over the nodes.")
    sip: SipTarget = Field(default=SipTarget(udp=5060), description="Where the PBX takes SIP.")
    failover: Failover = Field(default=Failover(), description="When the next node is tried.")


class Config(Section):
    """The whole configuration."""

    edge: Edge = Field(description="The edge's own name and addresses.")
    certificates: Certificates = Field(default=Certificates(), description="Certificates for TLS.")
    listen: Listen = Field(default=Listen(), description="What is served to the outside.")
    media: Media = Field(default=Media(), description="Relay of audio and video.")
    health: Health = Field(default=Health(), description="Health checks of PBX nodes.")
    pbxs: dict[PbxName, Pbx] = Field(min_length=1, description="The PBXs, each under a short name of your choice.")
