"""TLS towards a provider: the section `tls` of a trunk."""

from __future__ import annotations

from pydantic import Field

from voxgate.config.fields import Section
from voxgate.config.scalars import AbsolutePath, Hostname


class TrunkTls(Section):
    """TLS towards a provider that wants to know who calls."""

    certificate: AbsolutePath | None = Field(
        default=None,
        description="PEM file with what this provider is shown: certificate, then chain. Default: the edge's own.",
    )
    key: AbsolutePath | None = Field(
        default=None, description="PEM file with its private key, readable by root only; needed with `certificate`."
    )
    server_name: Hostname | None = Field(
        default=None,
        description="Name that the provider is asked for (SNI). Default: the trunk's `server`, where it is a name.",
    )
    ca: AbsolutePath | None = Field(
        default=None,
        description="PEM file with the authorities that sign the provider's certificate; connections to anybody else "
        "fail. Default: it is not checked.",
    )
    check_name: bool = Field(
        default=True,
        strict=True,
        description="With `ca`: the provider's certificate must also be for `server_name`, or nothing is sent.",
    )
