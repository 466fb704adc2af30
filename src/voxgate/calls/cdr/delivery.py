"""Brings finished records from the spool on disk to one place, in their order, whatever is away meanwhile."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from voxgate.calls.cdr import sinks
from voxgate.errors import HostError, PeerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from voxgate.calls.cdr.store import Store
    from voxgate.calls.cdr.value import Cdr

log = logging.getLogger(__name__)

#: The first pause after a failure, and the longest.
RETRY_S: Final = (1.0, 300.0)
_LOOK_EVERY_S: Final = 1.0


class Delivery:
    """To the place that is called `name`; `follow` says how to get there, None where it is not wanted now.

    What is followed takes records, all or none, and blocks; it raises PeerError or HostError.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.name = name
        self._store = store
        self._deliver: Callable[[Sequence[Cdr]], None] | None = None
        self._changed = asyncio.Event()

    @property
    def wanted(self) -> bool:
        """Whether finished records have to wait for it."""
        return self._deliver is not None

    def follow(self, deliver: Callable[[Sequence[Cdr]], None] | None) -> None:
        """How from now on; what waits stays."""
        self._deliver = deliver
        self._changed.set()

    async def serve(self) -> None:
        """Until cancelled."""
        pause_s, longest_s = RETRY_S
        while True:
            self._changed.clear()
            deliver = self._deliver
            if deliver is None:
                await self._changed.wait()
                continue
            waiting: Sequence[Cdr] = ()
            try:
                waiting = await asyncio.to_thread(self._store.spooled, self.name, sinks.AT_ONCE)
                if waiting:
                    await asyncio.to_thread(deliver, waiting)
                    await asyncio.to_thread(self._store.unspool, self.name, waiting)
                    pause_s = RETRY_S[0]
            except (PeerError, HostError) as error:
                log.warning(
                    "cdr_not_delivered to=%s records=%d again_in_s=%g reason=%s",
                    *(self.name, len(waiting), pause_s, str(error).replace("\n", " ")),
                )
                await self._pause(pause_s)
                pause_s = min(pause_s * 2, longest_s)
            if not waiting:
                await self._pause(_LOOK_EVERY_S)

    async def _pause(self, seconds: float) -> None:
        """Or until another way is known: it may lead there."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
