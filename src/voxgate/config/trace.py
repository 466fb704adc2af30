"""SIP traces: what is kept of messages, for how long, and who else is told."""

from __future__ import annotations

from pydantic import Field

from voxgate.config.fields import Port, Section
from voxgate.config.scalars import IpAddress


class Homer(Section):
    """Where SIP is sent for Homer to keep (HEPv3 over UDP)."""

    address: IpAddress = Field(description="Address of the capture server.")
    port: Port = Field(default=9060, description="Its port.")
    capture_id: int = Field(
        default=1, strict=True, ge=1, le=2_147_483_647, description="By which number the server knows this edge."
    )


class Trace(Section):
    """SIP messages of calls and registrations, kept for a while; for `voxgate trace` and `voxgate explain`."""

    enabled: bool = Field(default=True, strict=True, description="Keep SIP messages.")
    minutes: int = Field(default=60, strict=True, ge=1, le=10_080, description="How long messages are kept.")
    megabytes: int = Field(
        default=64, strict=True, ge=1, le=4096, description="Memory for messages; the oldest calls give way."
    )
    messages_per_second: int = Field(
        default=200,
        strict=True,
        ge=10,
        le=100_000,
        description="Above this load, tracing pauses, for ten seconds to five minutes at a time, so that it does not "
        "slow down calls. One call is about 28 messages.",
    )
    homer: Homer | None = Field(default=None, description="Send what is traced to a Homer server as well.")
