"""From what is known of a connection to lines in the access log. Pure: time is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from voxgate.guard.observation import Kind
from voxgate.router.reporting import Report, time_of
from voxgate.wire.access_line import AccessLine

if TYPE_CHECKING:
    from voxgate.router.client import Client
    from voxgate.router.commands import Forward, Refuse
    from voxgate.router.rules import Target

#: The word for what the PBX itself rejected (`wire.access_line`).
BY_PBX = "pbx"


class Moment(NamedTuple):
    """A time, and what a connection had carried by then. `wall_s` is since 1970, `monotonic_s` for differences."""

    wall_s: float
    monotonic_s: float
    bytes_in: int
    bytes_out: int


class Account(NamedTuple):
    """A request that is being served."""

    forward: Forward
    target: Target
    since: Moment


def served(protocol: str, client: Client, account: Account, now: Moment) -> Report:
    """The request has ended."""
    return Report(
        AccessLine(
            time=time_of(now.wall_s),
            protocol=_spoken(protocol, client),
            requester=str(client.address),
            service=account.forward.name,
            pbx=account.target.pbx,
            node=account.target.node,
            result="forwarded",
            request=account.forward.request,
            bytes_in=now.bytes_in - account.since.bytes_in,
            bytes_out=now.bytes_out - account.since.bytes_out,
            duration_ms=round((now.monotonic_s - account.since.monotonic_s) * 1000),
        ),
        user=account.forward.user,
    )


def refused(protocol: str, client: Client, refusal: Refuse, began_s: float, now: Moment) -> Report:
    """A request was refused on a connection that began at `began_s`, as `monotonic_s` is."""
    return Report(
        AccessLine(
            time=time_of(now.wall_s),
            protocol=_spoken(protocol, client),
            requester=str(client.address),
            service=refusal.name,
            pbx=refusal.pbx,
            node=refusal.node,
            result="rejected",
            reason=_reason(refusal),
            status=refusal.status,
            request=refusal.request,
            bytes_in=now.bytes_in,
            bytes_out=now.bytes_out,
            duration_ms=round((now.monotonic_s - began_s) * 1000),
        ),
        kind=refusal.kind,
        user=refusal.user,
        detail=refusal.reason,
    )


def _reason(refusal: Refuse) -> str:
    """One word for the access log; what exactly was wrong is the guard's to keep."""
    if refusal.kind is Kind.MALFORMED:
        return "malformed"
    return BY_PBX if refusal.node else refusal.reason


def _spoken(protocol: str, client: Client) -> str:
    return f"{protocol}s" if client.tls else protocol
