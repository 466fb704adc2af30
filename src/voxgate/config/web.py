"""HTTP: where it is listened for, where a PBX takes it, and what is let through."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from voxgate.config.fields import Section, as_list
from voxgate.config.services import ServiceListen, ServiceTarget
from voxgate.config.urls import Url

Urls = Annotated[tuple[Url, ...], BeforeValidator(as_list, json_schema_input_type=Url | tuple[Url, ...])]


class HttpListen(ServiceListen):
    """Ports for HTTP; WebSocket for SIP may share them."""


class Spread(StrEnum):
    """How requests are spread over the nodes that have the best (lowest) priority and are up."""

    ADDRESS = "address"
    RANDOM = "random"


class HttpTarget(ServiceTarget):
    """Where a PBX takes HTTP, and what of it is let through."""

    allow_urls: Urls = Field(
        default=(),
        description="URLs that are let through: paths, of which one must be the head of the requested path; if it ends "
        "in `/`, no further `/` may follow. `@name` stands for a list that a PBX's own client needs, `@everything` for "
        "every URL.",
    )
    spread: Spread = Field(
        default=Spread.ADDRESS,
        description="With several nodes: each client always reaches the same one while it is up (`address`), or each "
        "request any of them (`random`), in proportion to their weights.",
    )
    pass_tls: bool = Field(
        default=False,
        strict=True,
        description="Pass TLS for these names through to the PBX's TLS port without ending it: certificates of both "
        "sides are checked between them. URLs cannot be checked then.",
    )


class AccessLog(Section):
    """The log of requests over HTTP, LDAP and H.323: `access.log` in the state folder, one JSON object per line."""

    forwarded: bool = Field(default=True, strict=True, description="Log requests that were let through.")
    rejected: bool = Field(default=True, strict=True, description="Log requests that were refused.")
    megabytes: int = Field(
        default=100,
        strict=True,
        ge=1,
        le=100_000,
        description="Room for the log. Half of it is the file that is written, half the one before.",
    )
