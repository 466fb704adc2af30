"""Calls of the past: their records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from voxgate.calls.cdr.recorder import Recorder
from voxgate.calls.cdr.store import Query, Store
from voxgate.calls.cdr.table import HEAD, row
from voxgate.daemon.part import Part
from voxgate.engines.sip_policy import policy_of
from voxgate.errors import UsageError
from voxgate.supervise.control import Told
from voxgate.supervise.panel import section

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate.calls.cdr.recorder import Relay
    from voxgate.engines.base import Places
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.wire.records_request import RecordsRequest


class CallRecords:
    """The recorder, wired."""

    def __init__(self, places: Places, clock: Clock, relay: Relay) -> None:
        self.recorder = Recorder(Store(places.state / "cdr.db"), relay, clock)
        self.recorder.load()

    def part(self) -> Part:
        """Its part of the edge."""
        return Part(serve=(self.recorder.serve,), applied=self._applied)

    def ears(self) -> Mapping[str, Callable[[dict[str, Any]], None]]:
        """What it wants to hear of Kamailio."""
        return {"cdr": self.recorder.told}

    async def told(self, request: RecordsRequest) -> Told:
        """The answer to `voxgate cdr`. Raises UsageError, HostError."""
        page = await self.recorder.search(query_of(request))
        lines = section(HEAD, [row(cdr) for cdr in page.records])[1:]
        if page.cursor:
            lines.append(f"older ones: --cursor {page.cursor}")
        data: dict[str, object] = {"records": [cdr.to_json() for cdr in page.records], "cursor": page.cursor}
        return Told(data, "\n".join(lines) if page.records else "no records")

    def _applied(self, desired: Desired) -> None:
        policy = policy_of(desired.config, desired.network, desired.generation, media=True)
        pbx_of: dict[str, str] = {}
        for pbx in policy.pbxs.values():
            for node in (*pbx.plain, *pbx.secure):
                pbx_of.setdefault(node.address, pbx.name)
                pbx_of[f"{node.address}:{node.port}"] = pbx.name
        self.recorder.follow(desired.config.records, pbx_of)


def query_of(request: RecordsRequest) -> Query:
    """What a request looks for. Raises UsageError."""
    return Query(
        since=_time(request.since),
        until=_time(request.until),
        pbx=request.pbx,
        trunk=request.trunk,
        number=request.number,
        source=request.source,
        direction=request.direction,
        state=request.state,
        call_id=request.subject,
        limit=request.limit,
        cursor=request.cursor,
    )


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time\n    write 2026-03-01, or 2026-03-01T08:00:00Z") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
