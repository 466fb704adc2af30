"""The one writer of call records: takes reports, asks rtpengine about packets, writes batches, feeds the sinks.

Reports cost the event loop little: a text is split, a value is made. Disk and web are served from threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from voxgate.calls.cdr import postgresql, sinks
from voxgate.calls.cdr.book import Book, left_over
from voxgate.calls.cdr.delivery import Delivery
from voxgate.calls.cdr.listening import Listener
from voxgate.calls.cdr.reports import report_of
from voxgate.calls.cdr.running import Running, chosen
from voxgate.calls.cdr.search import limit_of
from voxgate.calls.cdr.value import Cdr, State
from voxgate.config.records import Records
from voxgate.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.calls.cdr.listening import Relay
    from voxgate.calls.cdr.quality import Heard
    from voxgate.calls.cdr.search import Page, Query
    from voxgate.calls.cdr.store import Store
    from voxgate.host.clock import Clock
    from voxgate.wire.rtcp_told import Told

log = logging.getLogger(__name__)

#: Records are on disk that soon.
WRITE_EVERY_S: Final = 0.25
PRUNE_EVERY_S: Final = 3600.0
#: Ended calls that wait for their figures; above that, records go without.
MOST_ASKED: Final = 200
#: Records in memory while the disk does not take them.
MOST_UNWRITTEN: Final = 50_000
#: More digits than a time of this age of the world has.
_NANOSECONDS: Final = 20


class Recorder:
    """Keeps the records of an edge. `follow` says what is wanted; before, nothing is written."""

    def __init__(self, store: Store, relay: Relay, clock: Clock) -> None:
        self.book = Book()
        self._store = store
        self._clock = clock
        self._wanted = Records()
        self._boot = ""
        self._changed: deque[Cdr] = deque(maxlen=MOST_UNWRITTEN)
        self._over: deque[Cdr] = deque()
        self._listener = Listener(relay, clock)
        self._push, self._table = Delivery(store, "push"), Delivery(store, postgresql.PLACE)

    def load(self) -> None:
        """Close what the edge before has left open. Raises HostError."""
        left, now = self._store.left_open(), self._clock.wall()
        if left:
            self._store.write(left_over(left, self._store.alive() or now), now)
            log.warning("calls_of_former_edge_closed count=%d", len(left))

    def follow(self, wanted: Records, pbx_of: dict[str, str]) -> None:
        """What is wanted from now on; `pbx_of` maps the address of a node, with and without port, to its PBX."""
        self._wanted, self.book.pbx_of = wanted, pbx_of
        self._push.follow(partial(sinks.push, wanted.push) if wanted.push else None)
        self._table.follow(postgresql.Database(wanted.postgresql).put if wanted.postgresql else None)

    def told(self, event: Mapping[str, Any]) -> None:
        """A report of Kamailio's."""
        report = report_of(event)
        if report:
            self._take(self.book.take(report))

    def swept(self, event: Mapping[str, Any]) -> None:
        """Kamailio's list of calls, of which only counts which Kamailio it is: `boot` is when it was born, in ns."""
        boot = event.get("boot")
        if isinstance(boot, str) and boot != self._boot and boot.isdecimal() and len(boot) < _NANOSECONDS:
            self._boot = boot
            born = datetime.fromtimestamp(int(boot) / 1e9, UTC)
            self._take(self.book.kamailio_died(self._clock.wall(), born))

    def hung_up(self, call_id: str, reason: str, code: int = 0) -> None:
        """The edge itself has ended a call."""
        self._take(self.book.close(call_id, self._clock.wall(), reason, code))

    def reported(self, call_id: str, told: Told, at_s: float) -> None:
        """What a party reports of the other one, and when it passed rtpengine."""
        if self._wanted.enabled:
            self._listener.told(call_id, told, at_s)

    async def running(self, query: Query) -> Running:
        """Calls that ring or run, the newest first, with figures of this moment. Raises UsageError."""
        found = chosen(self.book.open(), query)
        shown = found[: limit_of(query)]
        await self._listener.look([cdr for cdr in shown if cdr.state is State.ANSWERED])
        return Running(tuple(with_quality(cdr, self._listener.heard(cdr)) for cdr in shown), len(found))

    async def as_heard(self, cdr: Cdr) -> Cdr:
        """The same; of a call that runs, with figures of this moment."""
        if cdr.state is not State.ANSWERED:
            return cdr
        await self._listener.look([cdr])
        return with_quality(cdr, self._listener.heard(cdr))

    async def search(self, query: Query) -> Page:
        """A page of records. Raises UsageError, HostError."""
        await self._write()
        return await asyncio.to_thread(self._store.search, query)

    async def record(self, number: int) -> Cdr | None:
        """The record of that number. Raises HostError."""
        await self._write()
        return await asyncio.to_thread(self._store.record, number)

    async def serve(self) -> None:
        """Until cancelled; what is known then is written."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._writing())
                group.create_task(self._asking())
                group.create_task(self._push.serve())
                group.create_task(self._table.serve())
        finally:
            self._changed.extend(self._over)
            try:
                self._store.write(tuple(self._changed), self._clock.wall(), places=self._places())
            except HostError as error:
                log.warning("cdr_not_written reason=%s", error)

    # -- what is heard -----------------------------------------------------------------------------

    def _take(self, records: list[Cdr]) -> None:
        if not self._wanted.enabled:
            return
        for cdr in records:
            if cdr.state is State.ENDED and cdr.answer and len(self._over) < MOST_ASKED:
                self._over.append(cdr)
            else:
                self._forget(cdr)
                self._changed.append(cdr)

    async def _asking(self) -> None:
        """Ended calls first: rtpengine forgets them after two seconds."""
        tick_s = 0.0
        while True:
            while self._over:
                await asyncio.gather(*(self._finish(self._over.popleft()) for _ in range(min(5, len(self._over)))))
            await asyncio.sleep(0.1)
            now_s = self._clock.monotonic()
            if now_s - tick_s >= 1:
                tick_s = now_s
                self._take(self.book.tick(self._clock.wall()))
                await self._look_at_running()

    async def _finish(self, cdr: Cdr) -> None:
        last = await self._listener.ask(cdr) or self._listener.heard(cdr)
        self._forget(cdr)
        self._changed.append(with_quality(cdr, last))

    async def _look_at_running(self) -> None:
        for cdr in await self._listener.lost([cdr for cdr in self.book.open() if cdr.state is State.ANSWERED]):
            self._take(self.book.close(cdr.call_id, self._clock.wall(), "media-lost"))

    def _forget(self, cdr: Cdr) -> None:
        if cdr.state is State.ENDED:
            self._listener.forget(cdr)

    # -- where it goes -----------------------------------------------------------------------------

    async def _writing(self) -> None:
        pruned_s = 0.0
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self._write()
            now_s = self._clock.monotonic()
            if now_s - pruned_s >= PRUNE_EVERY_S:
                pruned_s = now_s
                keep = timedelta(days=self._wanted.keep_days)
                await self._disk(self._store.prune, self._clock.wall(), keep, self._wanted.most)

    async def _write(self) -> None:
        if not self._changed:
            return
        batch = tuple(self._changed)
        self._changed.clear()
        wanted, now = self._wanted, self._clock.wall()
        if not await self._disk(self._keep, batch, now, wanted):
            # The disk may have room again soon; what came meanwhile stands behind.
            self._changed = deque((*batch, *self._changed), maxlen=MOST_UNWRITTEN)
            await asyncio.sleep(1)

    def _keep(self, batch: tuple[Cdr, ...], now: datetime, wanted: Records) -> None:
        self._store.write(batch, now, places=self._places())
        finished = [cdr for cdr in batch if cdr.state is State.ENDED]
        if wanted.json_lines and finished:
            try:
                sinks.append(wanted.json_lines, finished)
            except HostError as error:
                log.warning("cdr_lines_not_written reason=%s", error)

    async def _disk(self, work: Any, *values: Any) -> bool:
        try:
            await asyncio.to_thread(work, *values)
        except HostError as error:
            log.warning("cdr_not_written reason=%s", error)
            return False
        return True

    def _places(self) -> tuple[str, ...]:
        """Who waits for finished records."""
        return tuple(one.name for one in (self._push, self._table) if one.wanted)


def with_quality(cdr: Cdr, said: Heard) -> Cdr:
    """The same, with what rtpengine says of it."""
    return replace(
        cdr,
        from_caller=said.from_caller,
        from_callee=said.from_callee,
        encryption_caller=said.encryption_caller or cdr.encryption_caller,
        encryption_callee=said.encryption_callee or cdr.encryption_callee,
    )
