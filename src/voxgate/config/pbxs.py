"""The PBXs behind the edge: the section `pbxs`."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from voxgate.config.fields import Port, Section, ServiceNames, SipCodes, Srtp
from voxgate.config.forwards import Forwards
from voxgate.config.fraud import Fraud
from voxgate.config.h323 import H323Target
from voxgate.config.ldap import LdapTarget
from voxgate.config.limits import Limits
from voxgate.config.nodes import Nodes
from voxgate.config.web import HttpTarget


class Balance(StrEnum):
    """How requests are spread over the nodes of a PBX that have the best (lowest) priority and are up."""

    PRIORITY = "priority"
    WEIGHT = "weight"
    ROUND_ROBIN = "round-robin"
    HASH_USER = "hash-user"
    LEAST_CALLS = "least-calls"


class SipTarget(Section):
    """Where a PBX takes SIP. With both a plain and a TLS port, TLS from outside stays TLS."""

    udp: Port | None = Field(default=None, description="Port of the PBX for SIP over UDP.")
    tcp: Port | None = Field(default=None, description="Port of the PBX for SIP over TCP.")
    tls: Port | None = Field(default=None, description="Port of the PBX for SIP over TLS.")
    check_certificate: bool = Field(
        default=False,
        strict=True,
        description="TLS from outside stays TLS only for phones with a client certificate that is valid by "
        "`certificates.clients_ca` and names their user; all others reach the PBX over UDP or TCP, so that it can ask "
        "for a password.",
    )


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
    http: HttpTarget | None = Field(
        default=None, description="Where the PBX takes HTTP, and what is let through. Without it, nothing is."
    )
    ldap: LdapTarget | None = Field(
        default=None,
        description="Where the PBX takes LDAP. Without it, no bind for its names is let through.",
    )
    h323: H323Target | None = Field(
        default=None, description="Where the PBX takes H.323. Without it, none for its gatekeeper IDs is let through."
    )
    forwards: Forwards = Field(
        default=(), description="Further ports of the edge that lead to the PBX: IAX, SFTP, CTI and the like."
    )
    topology_hiding: bool | None = Field(
        default=None,
        strict=True,
        description="Hide this PBX's addresses from phones outside, or not. Default: `edge.topology_hiding`.",
    )
    limits: Limits | None = Field(default=None, description="How many calls the PBX may have, in both directions.")
    fraud: Fraud | None = Field(default=None, description="Toll-fraud guard over the calls that the PBX sends out.")
    failover: Failover = Field(default=Failover(), description="When the next node is tried.")
    srtp: Srtp = Field(
        default=Srtp.OFF,
        description="Encryption of media between the edge and this PBX: off (plain RTP), optional (as the caller "
        "offers it, and over TLS as the PBX chooses) or required.",
    )
