"""Feeds of bad addresses: read, refreshed, and the last good copy kept, so that a list that is away harms nothing."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voxgate.errors import HostError
from voxgate.guard.lists import ListError, read_feed
from voxgate.host import fetch, files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from voxgate.config.guard import Feed
    from voxgate.guard.networks import Network
    from voxgate.host.clock import Clock

log = logging.getLogger(__name__)

STEP_S: Final = 1.0
#: A feed that could not be read is tried again after this, or after its own time where that is shorter.
RETRY_S: Final = 300.0
#: Wider networks in somebody else's list are a mistake.
WIDEST: Final = {4: 8, 6: 19}


@dataclass(slots=True)
class FeedState:
    """How one feed is."""

    feed: Feed
    due_s: float = 0.0
    networks: int = 0
    read_at: datetime | None = None
    problem: str = ""


class Feeds:
    """Reads the feeds of the configuration; `take` gets a feed's name and what it holds."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        take: Callable[[str, frozenset[Network]], None],
        get: Callable[[str], bytes] = fetch.fetch,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._take = take
        self._get = get
        self._states: dict[str, FeedState] = {}

    def follow(self, feeds: Mapping[str, Feed]) -> None:
        """Read these from now on; a feed that is as it was keeps its time."""
        former = self._states
        self._states = {
            name: former[name] if name in former and former[name].feed == feed else FeedState(feed)
            for name, feed in feeds.items()
        }

    def states(self) -> Mapping[str, FeedState]:
        """All of them, by name."""
        return self._states

    async def serve(self) -> None:
        """Until cancelled."""
        while True:
            await self.refresh_due()
            await asyncio.sleep(STEP_S)

    async def refresh_due(self) -> None:
        """Read those whose time has come."""
        for name, state in tuple(self._states.items()):
            if self._clock.monotonic() >= state.due_s:
                await self._refresh(name, state)

    async def _refresh(self, name: str, state: FeedState) -> None:
        first = state.read_at is None
        refresh_s = state.feed.refresh_minutes * 60.0
        try:
            networks = await asyncio.to_thread(self._read, name, state.feed.source)
            state.read_at, state.problem = self._clock.wall(), ""
            state.due_s = self._clock.monotonic() + refresh_s
            log.info("feed_read name=%s networks=%d", name, len(networks))
        except (HostError, ListError) as error:
            state.problem = str(error).partition("\n")[0]
            state.due_s = self._clock.monotonic() + min(RETRY_S, refresh_s)
            log.warning("feed_not_read name=%s reason=%s", name, state.problem)
            if not first or state.networks:
                return
            networks = await asyncio.to_thread(self._last_good, name)
        if self._states.get(name) is state:
            state.networks = len(networks)
            self._take(name, networks)

    def _read(self, name: str, source: str) -> frozenset[Network]:
        if source.startswith("/"):
            return read_feed(files.read(Path(source), most_bytes=fetch.MOST_BYTES), WIDEST)
        content = self._get(source)
        networks = read_feed(content, WIDEST)
        files.ensure_folder(self._folder)
        files.write(self._folder / f"{name}.txt", content)
        return networks

    def _last_good(self, name: str) -> frozenset[Network]:
        try:
            return read_feed(files.read(self._folder / f"{name}.txt", most_bytes=fetch.MOST_BYTES), WIDEST)
        except (HostError, ListError):
            return frozenset()
