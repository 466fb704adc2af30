"""Calls of the past: their records, and their SIP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from voxgate.calls.cdr import running
from voxgate.calls.cdr.overhearing import Overhearing
from voxgate.calls.cdr.recorder import Recorder
from voxgate.calls.cdr.search import Query
from voxgate.calls.cdr.store import Store
from voxgate.calls.cdr.table import HEAD, row
from voxgate.calls.cdr.value import rfc3339
from voxgate.calls.trace.ladder import EDGE, drawn, ladder
from voxgate.calls.trace.message import Sip, read
from voxgate.calls.trace.tracer import Tracer
from voxgate.daemon.part import Part
from voxgate.engines.sip_policy import policy_of
from voxgate.engines.websocket import ADDRESS
from voxgate.errors import MissingError, UsageError
from voxgate.supervise.control import Told
from voxgate.supervise.panel import section
from voxgate.wire.records_request import RecordsAction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from voxgate.calls.cdr.listening import Relay
    from voxgate.calls.cdr.running import Running
    from voxgate.calls.cdr.search import Page
    from voxgate.calls.trace.tracer import Rpc
    from voxgate.engines.base import Places
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.wire.records_request import RecordsRequest


class CallRecords:
    """The recorder and the tracer, wired."""

    def __init__(self, places: Places, clock: Clock, relay: Relay, rpc: Rpc) -> None:
        self.tracer = Tracer(rpc, clock)
        self._names: dict[str, str] = {}
        self._services: dict[str, tuple[str, ...]] = {}
        self.explain: Callable[[str], Awaitable[Told]] | None = None
        self.recorder = Recorder(Store(places.state / "cdr.db"), relay, clock)
        self.recorder.load()
        self._overhearing = Overhearing(self.recorder.reported, clock)

    def part(self) -> Part:
        """Its part of the edge."""
        serve = (self.recorder.serve, self.tracer.serve, self._overhearing.serve)
        return Part(serve=serve, applied=self._applied, returned=self._returned)

    def ears(self) -> Mapping[str, Callable[[dict[str, Any]], None]]:
        """What it wants to hear of Kamailio."""
        return {"cdr": self.recorder.told}

    async def told(self, request: RecordsRequest) -> Told:
        """The answer to `voxgate cdr`, `calls --live`, `trace` and `explain`. Raises UsageError, HostError."""
        if request.action is RecordsAction.EXPLAIN and self.explain:
            return await self.explain(request.subject)
        if request.action is RecordsAction.TRACE:
            return await self._traced(request.subject)
        query = query_of(request)
        if request.action is RecordsAction.LIVE:
            return _live(await self.recorder.running(query))
        # A thousand records are a tenth of a second's work: not in the loop in which calls are.
        return await asyncio.to_thread(_listed, await self.recorder.search(query))

    async def call_id(self, subject: str) -> str:
        """The Call-ID that `subject` is, or of the record whose number it is. Raises HostError."""
        if subject.isdecimal() and len(subject) < 16 and not self.tracer.ring.of(subject):
            found = await self.recorder.record(int(subject))
            if found:
                return found.call_id
        return subject

    def messages(self, call_id: str) -> tuple[Sip, ...]:
        """What is kept of a call, secrets masked."""
        return tuple(sip for message in self.tracer.ring.of(call_id) if (sip := read(message)))

    def words_of(self, pbx: str) -> tuple[str, ...]:
        """The addresses and names by which a log speaks of a PBX; none where there is no such PBX."""
        nodes = tuple(address for address, name in self._names.items() if name == pbx)
        return (*nodes, *self._services.get(pbx, ()))

    @property
    def own(self) -> frozenset[str]:
        """The edge's addresses."""
        return frozenset(address for address, name in self._names.items() if name == EDGE)

    def registrations(self, most: int, wanted: Callable[[Sip], bool]) -> Iterator[tuple[Sip, ...]]:
        """The messages of registrations one of whose requests is `wanted`, the latest first, so many at most."""
        for _, messages in self.tracer.ring.calls():
            if most <= 0:
                return
            head = messages[-1].raw[:4096]
            if b"REGISTER" not in head:
                continue
            read_ones = tuple(sip for message in messages[-20:] if (sip := read(message)))
            if any(wanted(one) for one in read_ones if one.is_request):
                most -= 1
                yield read_ones

    async def _traced(self, subject: str) -> Told:
        call_id = await self.call_id(subject)
        found = self.messages(call_id)
        if not found:
            advice = "see `records.trace` in the configuration; `voxgate cdr` lists calls with their numbers"
            raise MissingError("nothing is kept of such a call", advice)
        parties, arrows = drawn(found, self._names)
        messages = [_message(one, arrow) for one, arrow in zip(found, arrows, strict=True)]
        data: dict[str, object] = {"call_id": call_id, "parties": parties, "messages": messages}
        return Told(data, "\n".join(ladder(found, self._names)))

    async def _returned(self, name: str) -> None:
        if name == "kamailio":
            self.tracer.restarted()

    def _applied(self, desired: Desired) -> None:
        policy = policy_of(desired.config, desired.network, desired.generation, media=True)
        pbx_of: dict[str, str] = {}
        for pbx in policy.pbxs.values():
            for node in (*pbx.plain, *pbx.secure):
                pbx_of.setdefault(node.address, pbx.name)
                pbx_of[f"{node.address}:{node.port}"] = pbx.name
        self.recorder.follow(desired.config.records, pbx_of)
        names = {hop.address: trunk.name for trunk in policy.trunks.values() for hop in trunk.hops}
        names |= {node.address: pbx.name for pbx in policy.pbxs.values() for node in (*pbx.plain, *pbx.secure)}
        own = dict.fromkeys((address for view in policy.sides.values() for address in (view.local, view.shown)), EDGE)
        self._names = names | own | {ADDRESS: EDGE}
        self._services = {name: tuple(map(str, pbx.names)) for name, pbx in desired.config.pbxs.items()}
        self.tracer.follow(desired.config.records.trace)


def _message(one: Sip, arrow: tuple[str, str]) -> dict[str, object]:
    return {
        "at": rfc3339(one.at),
        "source": one.message.source,
        "target": one.message.target,
        "sender": arrow[0],
        "receiver": arrow[1],
        "transport": one.message.transport,
        "title": one.title,
        "text": one.message.text,
    }


def _listed(page: Page) -> Told:
    lines = section(HEAD, [row(cdr) for cdr in page.records])[1:]
    if page.cursor:
        lines.append(f"older ones: --cursor {page.cursor}")
    data: dict[str, object] = {"records": [cdr.to_json() for cdr in page.records], "cursor": page.cursor}
    return Told(data, "\n".join(lines) if page.records else "no records")


def _live(now: Running) -> Told:
    lines = section(running.HEAD, [running.row(cdr) for cdr in now.calls])[1:]
    if now.total > len(now.calls):
        lines.append(f"the newest {len(now.calls)} of {now.total}")
    return Told(now.to_json(), "\n".join(lines) if now.calls else "no calls")


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
