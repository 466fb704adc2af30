"""The driver: keeps the names of trunks looked up, as long as each answer holds, and says when one has changed."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from voxgate.errors import HostError, PeerError, VoxgateError
from voxgate.host import files
from voxgate.trunks.locating import Data, Naptr, Records, Srv, locate
from voxgate.trunks.naming import Name, dumps, loads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from voxgate.config.trunknames import Answers, Lookup
    from voxgate.host.clock import Clock
    from voxgate.trunks.locating import Located, Query

log = logging.getLogger(__name__)

#: For one whole lookup: a chain of questions to somebody else's servers.
LOOKUP_S: Final = 10.0
#: How long an apply waits for names that nobody has looked up yet.
FIRST_S: Final = 5.0
_AT_ONCE: Final = 4


class Asker(Protocol):
    """Asks DNS."""

    async def ask(self, name: str, kind: str) -> tuple[list[Any], int]:
        """Records as dnspython gives them, and their TTL. Raises PeerError."""


def read_answers(path: Path) -> Answers:
    """The last good answers; none when there is no such file or it is broken."""
    with suppress(HostError, ValueError):
        if path.exists():
            return loads(files.read(path))
    return {}


class Names:
    """Follows the lookups that `follow` was told of last. `changed` is called after an answer became another one."""

    def __init__(
        self, path: Path, clock: Clock, changed: Callable[[], Awaitable[object]], first_s: float = FIRST_S
    ) -> None:
        self._path = path
        self._clock = clock
        self._changed = changed
        self._first_s = first_s
        self._asker: Asker | None = None
        self._names: dict[Lookup, Name] = {}
        self._kept = dict(read_answers(path))
        self._told = asyncio.Event()

    def follow(self, lookups: Iterable[Lookup], asker: Asker) -> None:
        """These from now on, by that DNS; what is known already stays."""
        self._asker = asker
        self._names = {one: self._names.get(one) or Name(one, self._kept.get(one, ())) for one in lookups}
        self._kept = {one: targets for one, targets in self._kept.items() if one in self._names}
        self._told.set()

    def snapshot(self) -> dict[Lookup, Name]:
        """What is known of each."""
        return dict(self._names)

    async def first(self, lookups: Iterable[Lookup], asker: Asker) -> None:
        """Look up what nobody has asked for yet, so that a first policy knows it; not longer than `first_s`."""
        new = [Name(one) for one in dict.fromkeys(lookups) if one not in self._names and one not in self._kept]
        if not new:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._first_s):
                for name in await self._ask_all(new, asker):
                    self._names[name.lookup] = name
        self._keep()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._told.clear()
            now_s = self._clock.monotonic()
            due = [name for name in self._names.values() if name.next_s <= now_s]
            if due and self._asker:
                await self._renew(due, self._asker)
                continue
            next_s = min((name.next_s for name in self._names.values()), default=now_s + 3600)
            with suppress(TimeoutError):
                async with asyncio.timeout(next_s - now_s):
                    await self._told.wait()

    async def _renew(self, due: list[Name], asker: Asker) -> None:
        answered = [name for name in await self._ask_all(due, asker) if name.lookup in self._names]
        before = {name.lookup: self._names[name.lookup] for name in answered}
        self._names |= {name.lookup: name for name in answered}
        if any(name.targets != before[name.lookup].targets for name in answered):
            self._keep()
            try:
                await self._changed()
            except VoxgateError as error:
                # What runs stays; the answer is kept for the next apply.
                log.warning("name_not_followed reason=%s", error)

    async def _ask_all(self, names: list[Name], asker: Asker) -> list[Name]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(name: Name) -> Name:
            async with gate:
                return await self._ask(name, asker)

        return list(await asyncio.gather(*map(one, names)))

    async def _ask(self, name: Name, asker: Asker) -> Name:
        try:
            async with asyncio.timeout(LOOKUP_S):
                located = await _located(name.lookup, asker)
            answered = name.found(located, self._clock.monotonic(), self._clock.wall())
        except (PeerError, TimeoutError) as error:
            answered = name.failed(str(error) or "no DNS server answered in time", self._clock.monotonic())
        if answered.reason and answered.reason != name.reason:
            kept = len(name.targets)
            log.warning("name_not_found name=%s reason=%r kept=%d", name.lookup.name, answered.reason, kept)
        elif answered.targets != name.targets:
            addresses = ",".join(f"{one.transport}:{one.address}:{one.port}" for one in answered.targets)
            log.info("name_found name=%s addresses=%s", name.lookup.name, addresses)
        return answered

    def _keep(self) -> None:
        self._kept = {**self._kept, **{name.lookup: name.targets for name in self._names.values() if name.targets}}
        try:
            files.write(self._path, dumps(self._kept), mode=0o600)
        except HostError as error:
            log.warning("names_not_kept reason=%s", error.reason)


async def _located(lookup: Lookup, asker: Asker) -> Located:
    asking = locate(lookup)
    query = next(asking)
    while True:
        try:
            query = asking.send(await _records(query, asker))
        except StopIteration as end:
            located: Located = end.value
            return located


async def _records(query: Query, asker: Asker) -> Records:
    found, ttl_s = await asker.ask(query.name, query.kind)
    return Records(tuple(_data(query.kind, one) for one in found), ttl_s)


def _data(kind: str, record: Any) -> Data:
    match kind:
        case "NAPTR":
            flags, service = (part.decode("ascii", "replace") for part in (record.flags, record.service))
            replacement = record.replacement.to_text(omit_final_dot=True)
            return Naptr(record.order, record.preference, flags, service, replacement)
        case "SRV":
            return Srv(record.priority, record.weight, record.port, record.target.to_text(omit_final_dot=True))
        case _:
            return str(record.address)
