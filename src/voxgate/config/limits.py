"""How many calls somebody may have: the key `limits` of PBXs (and trunks), and `listen.sip.requester`."""

from __future__ import annotations

from pydantic import Field

from voxgate.config.fields import Section


class Limits(Section):
    """Concurrent calls, and how fast new ones may come. What is left out is not limited."""

    calls: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=1_000_000,
        description="Calls at the same time, ringing ones included. An INVITE beyond them is answered with 486 "
        "(to a PBX: 503).",
    )
    calls_per_second: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=10_000,
        description="New calls per second; as many may come at once after a pause. An INVITE beyond them is answered "
        "with 503 and Retry-After.",
    )
