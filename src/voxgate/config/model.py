"""The configuration as frozen values: what `voxgate.example.yaml` promises, nothing more.

Each field's sentence is its documentation: `voxgate reference` and the JSON Schema are made from it.
Keys of parts that this version does not serve yet are listed in `later.py`, so that they lead to an honest
answer instead of silence. Numbers are strict: `"5060"` in quotes is text, and said to be so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from voxgate.config.admin import Admin
from voxgate.config.certificates import Certificates
from voxgate.config.dns import Dns
from voxgate.config.doctor import Doctor
from voxgate.config.fields import Addresses, Hostnames, KeepaliveSeconds, Networks, Port, Section, Srtp
from voxgate.config.guard import Guard
from voxgate.config.h323 import H323Listen
from voxgate.config.ldap import LdapListen
from voxgate.config.limits import Limits
from voxgate.config.pbxs import Pbx
from voxgate.config.records import Records
from voxgate.config.scalars import Hostname, InterfaceName, PbxName, PortRange, Ports
from voxgate.config.trunks import Trunk
from voxgate.config.turn import Turn
from voxgate.config.web import AccessLog, HttpListen


def _auto_or_list(value: object) -> str:
    return "auto" if value == "auto" else "list"


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
    dns_servers: Addresses = Field(
        default=(),
        description="DNS servers that are asked for the names of trunks. Default: those of the machine "
        "(/etc/resolv.conf).",
    )
    topology_hiding: bool = Field(
        default=True,
        strict=True,
        description="Hide the PBXs' addresses in Via, Contact, Record-Route and From from everyone outside.",
    )


class SipListen(Section):
    """Ports on which SIP is served. A transport without a port accepts nothing."""

    udp: Port | None = Field(default=None, description="Port for SIP over UDP, usually 5060.")
    tcp: Port | None = Field(default=None, description="Port for SIP over TCP, usually 5060.")
    tls: Port | None = Field(default=None, description="Port for SIP over TLS, usually 5061.")
    wss: Port | None = Field(
        default=None,
        description="Port for browsers: SIP over WebSocket with TLS, path `/ws`; 443 as a rule, or one of its own. "
        "Not served by default.",
    )
    ws: Port | None = Field(
        default=None,
        description="Port for SIP over WebSocket without TLS, path `/ws`, for trusted networks and tests. "
        "Browsers use it from pages without TLS only. Not served by default.",
    )
    origins: Hostnames = Field(
        default=(),
        description="Hosts whose web pages may open a WebSocket, beside the edge's own name and the PBXs' names.",
    )
    workers: int = Field(
        default=4, strict=True, ge=1, le=64, description="SIP worker processes for each kind of socket."
    )
    keepalive_seconds: KeepaliveSeconds = Field(
        default=25,
        description="How often a phone outside that is registered over UDP is sent an OPTIONS, so that its NAT router "
        "does not forget it; 0 for never. TCP and TLS connections are probed each minute whatever stands here.",
    )
    requester: Limits | None = Field(
        default=None,
        description="How many calls each source address (IPv6: each /64) may have that is no PBX's. "
        "Phones behind one NAT share an address.",
    )


class Listen(Section):
    """What is served to the outside. A service type without an entry accepts nothing."""

    sip: SipListen = Field(default=SipListen(udp=5060, tcp=5060, tls=5061), description="SIP, over UDP, TCP and TLS.")
    http: HttpListen | None = Field(default=None, description="HTTP for the PBXs' web clients. Not served by default.")
    ldap: LdapListen | None = Field(
        default=None, description="LDAP for phone books and directories. Not served by default."
    )
    h323: H323Listen | None = Field(default=None, description="H.323 for phones. Not served by default.")


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
    srtp: Srtp = Field(
        default=Srtp.OPTIONAL,
        description="Encryption of media (SDES or DTLS-SRTP) between phones and the edge: off, optional (a phone on "
        "TLS may choose) or required. Browsers always encrypt.",
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


class Config(Section):
    """The whole configuration."""

    edge: Edge = Field(description="The edge's own name and addresses.")
    certificates: Certificates = Field(default=Certificates(), description="Certificates for TLS.")
    listen: Listen = Field(default=Listen(), description="What is served to the outside.")
    media: Media = Field(default=Media(), description="Relay of audio and video.")
    health: Health = Field(default=Health(), description="Health checks of PBX nodes.")
    pbxs: dict[PbxName, Pbx] = Field(min_length=1, description="The PBXs, each under a short name of your choice.")
    access_log: AccessLog = Field(default=AccessLog(), description="The log of requests.")
    trunks: dict[PbxName, Trunk] = Field(default={}, description="SIP providers, each under a short name.")
    turn: Turn | None = Field(
        default=None, description="STUN and TURN server. Without this section there is none; `turn: {}` is STUN alone."
    )
    guard: Guard = Field(default=Guard(), description="Who tries to break in, and what becomes of it.")
    admin: Admin | None = Field(
        default=None, description="The REST API and the web page. Without this section there is neither."
    )
    records: Records = Field(default=Records(), description="What is kept of calls.")
    dns: Dns | None = Field(
        default=None, description="A small DNS server for the local network. Without this section there is none."
    )
    doctor: Doctor = Field(default=Doctor(), description="How the running edge examines itself.")
