"""Acts on the ledger of running calls: tells a new Kamailio of them, and asks rtpengine which of them still live.

rtpengine is the truth about an answered call: when it knows nothing of one, asked twice, the BYE was lost (or
rtpengine itself began anew, and nobody hears anything): its places are given back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, Protocol

from voxgate.calls.ending import value_of
from voxgate.calls.ledger import Ledger, call_id_of
from voxgate.errors import EngineError, PeerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.calls.ending import Rpc

log = logging.getLogger(__name__)

#: A running call is asked for this often; one that was answered just now may not be known yet.
ASK_EVERY_S: Final = 10.0
#: Calls asked for in one second; with more than ten times as many, each is asked for less often.
ASK_AT_ONCE: Final = 50


class Relay(Protocol):
    """rtpengine. Raises EngineError, PeerError."""

    async def request(self, command: str, arguments: Mapping[str, str] | None = None) -> Mapping[str, object]:
        """The reply to one command."""


class LiveCalls:
    """The calls that hold places, in the running Kamailio and here."""

    def __init__(self, rpc: Rpc, relay: Relay) -> None:
        self.ledger = Ledger()
        self._rpc = rpc
        self._relay = relay
        self._asked: dict[str, float] = {}
        self._missed: set[str] = set()
        self._records: dict[str, str] = {}
        self._fresh: dict[str, str] = {}
        self._old: set[str] = set()

    def told(self, event: Mapping[str, object]) -> None:
        """An event of Kamailio: one part of its list of calls."""
        self.ledger.told(event)

    def kept(self, event: Mapping[str, object]) -> None:
        """Another one: records of calls that the next list names for the first time."""
        match event:
            case {"calls": list(calls)}:
                for item in calls:
                    match item:
                        case [str(key), str(record)]:
                            self._fresh[key] = record

    async def serve(self) -> None:
        """Every second until cancelled."""
        while True:
            await asyncio.sleep(1)
            try:
                await self.adopt()
                await self.remember()
                await self.ask(time.monotonic())
            except (EngineError, PeerError) as error:
                log.info("calls_not_checked reason=%s", error)

    async def adopt(self) -> None:
        """Tell the present Kamailio of the former one's calls, with their records. Raises EngineError, PeerError."""
        orphans = self.ledger.orphans
        if not orphans:
            return
        for key, text in orphans.items():
            await self._rpc.call("htable.sets", "places", key, text)
            record = self._records.get(key) or self._fresh.get(key)
            if record:
                await self._rpc.call("htable.sets", "calls", call_id_of(key), record)
        self.ledger.adopted()
        log.warning("calls_adopted count=%d", len(orphans))

    async def remember(self) -> None:
        """Keep the records of calls that run: with them, a call can be ended. Raises PeerError.

        Those that Kamailio did not send by itself are fetched: it may have told another Voxgate before.
        """
        answered = self.ledger.answered()
        known = {**self._records, **self._fresh}
        self._records = {key: record for key, record in known.items() if key in answered}
        # A record may come a moment before the list that names its call; in the turn after, that call is over.
        self._fresh = {
            key: record for key, record in self._fresh.items() if key not in self._records and key not in self._old
        }
        self._old = set(self._fresh)
        for key in [key for key in answered if key not in self._records][:ASK_AT_ONCE]:
            try:
                answer = await self._rpc.call("htable.get", "calls", call_id_of(key))
            except EngineError:
                continue
            self._records[key] = value_of(answer)

    async def ask(self, now_s: float) -> None:
        """Ask rtpengine for the calls that it was not asked for of late. Raises EngineError, PeerError."""
        answered = self.ledger.answered()
        self._asked = {key: self._asked.get(key, now_s) for key in answered}
        self._missed &= answered.keys()
        due = sorted((at, key) for key, at in self._asked.items() if now_s - at >= ASK_EVERY_S)
        for _, key in due[:ASK_AT_ONCE]:
            self._asked[key] = now_s
            if await self._lives(call_id_of(key)):
                self._missed.discard(key)
            elif key in self._missed:
                await self._free(key)
            else:
                self._missed.add(key)

    async def _lives(self, call_id: str) -> bool:
        try:
            await self._relay.request("query", {"call-id": call_id})
        except EngineError:
            return False
        return True

    async def _free(self, key: str) -> None:
        for table, name in (("places", key), ("calls", call_id_of(key))):
            try:
                await self._rpc.call("htable.delete", table, name)
            except EngineError:
                continue
        self.ledger.gone(key)
        log.warning("call_without_media_forgotten call_id=%s", "".join(c if c.isprintable() else "?" for c in key[:80]))
