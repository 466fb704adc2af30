"""H.323: where it is listened for, and where a PBX takes it."""

from __future__ import annotations

from pydantic import Field

from voxgate.config.fields import ServiceNames
from voxgate.config.services import ServiceListen, ServiceTarget


class H323Listen(ServiceListen):
    """Ports for H.323, with registrations inside the connection (H.460.17): 1720 for TCP and 1300 for TLS as a rule."""


class H323Target(ServiceTarget):
    """Where a PBX takes H.323."""

    names: ServiceNames = Field(
        default=(), description="Gatekeeper IDs, `domain` or `domain/location`. Default: all names of the PBX."
    )
    check_certificate: bool = Field(
        default=False,
        strict=True,
        description="TLS from outside stays TLS only for registrations whose name is that (CN) of a client certificate "
        "that is valid by `certificates.clients_ca`; all others reach the PBX over TCP, so that it can ask for a "
        "password.",
    )
