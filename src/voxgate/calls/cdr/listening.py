"""Asks rtpengine how calls are heard: running ones now and then, those that somebody looks at anew, ended ones once.

Between its answers it keeps what the parties report of each other, as rtpengine tells it.

Every question is bounded: so many at once, so many in one look, and no look lasts longer than a page may take.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from voxgate.calls.cdr.quality import Heard, heard
from voxgate.calls.cdr.receptions import Receptions
from voxgate.errors import EngineError, PeerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voxgate.calls.cdr.value import Cdr
    from voxgate.host.clock import Clock
    from voxgate.wire.rtcp_told import Told

#: A running call is asked for this often, and so many calls at once at most.
ASK_EVERY_S: Final = 15.0
ASK_AT_ONCE: Final = 5
#: Somebody looks: what is older than this is asked for anew, for so many calls at most, and no longer than this.
FRESH_S: Final = 2.0
MOST_LOOKED_AT: Final = 100
LOOK_S: Final = 1.5

#: Calls of which reports are kept, the latest; and how long, where no such call runs (yet, or any more).
MOST_TOLD: Final = 50_000
FORGET_S: Final = 30.0

Key = tuple[str, str]


class Relay(Protocol):
    """rtpengine. Raises EngineError, PeerError."""

    async def request(self, command: str, arguments: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """The reply to one command."""


class Listener:
    """The latest figures of each call."""

    def __init__(self, relay: Relay, clock: Clock) -> None:
        self._relay = relay
        self._clock = clock
        self._heard: dict[Key, Heard] = {}
        self._asked_s: dict[Key, float] = {}
        self._missed: set[Key] = set()
        self._told: dict[str, Receptions] = {}
        self._looking = asyncio.Lock()

    def heard(self, cdr: Cdr) -> Heard:
        """What was heard last; nothing where nobody has asked yet."""
        return self._heard.get(key_of(cdr), Heard())

    def forget(self, cdr: Cdr) -> None:
        """It is over, and written."""
        for kept in (self._heard, self._asked_s):
            kept.pop(key_of(cdr), None)
        self._missed.discard(key_of(cdr))
        self._told.pop(cdr.call_id, None)

    def told(self, call_id: str, told: Told, at_s: float) -> None:
        """A party's report, and when it passed."""
        kept = self._told.get(call_id) or Receptions()
        kept.take(told, at_s)
        # Whoever spoke last stands last.
        self._told.pop(call_id, None)
        self._told[call_id] = kept
        if len(self._told) > MOST_TOLD:
            del self._told[next(iter(self._told))]

    async def ask(self, cdr: Cdr) -> Heard | None:
        """What rtpengine knows of a call; None where it knows nothing of it."""
        try:
            reply = await self._relay.request("query", {"call-id": cdr.call_id})
        except EngineError:
            return None
        except PeerError:
            # It says nothing at all: that is no word about this call.
            return self.heard(cdr)
        at = cdr.end or self._clock.wall()
        found = self._heard[key_of(cdr)] = heard(reply, cdr.caller_tag, self._told.get(cdr.call_id), at.timestamp())
        return found

    async def look(self, calls: Sequence[Cdr]) -> None:
        """Somebody looks at these: have figures of this moment, as far as the bounds allow."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S), self._looking:
                now_s = self._clock.monotonic()
                due = [cdr for cdr in calls[:MOST_LOOKED_AT] if self._is_older(cdr, now_s)]
                for start in range(0, len(due), ASK_AT_ONCE):
                    batch = due[start : start + ASK_AT_ONCE]
                    await asyncio.gather(*map(self.ask, batch))
                    self._asked_s |= dict.fromkeys(map(key_of, batch), now_s)

    async def lost(self, running: Sequence[Cdr]) -> list[Cdr]:
        """Ask for those that were not asked for of late; gives those of which rtpengine twice knew nothing."""
        now_s = self._clock.monotonic()
        calls = {key_of(cdr): cdr for cdr in running}
        self._forget_told({cdr.call_id for cdr in running})
        self._asked_s = {key: self._asked_s.get(key, now_s) for key in calls}
        due = sorted((at, key) for key, at in self._asked_s.items() if now_s - at >= ASK_EVERY_S)
        gone = []
        for _, key in due[:ASK_AT_ONCE]:
            self._asked_s[key] = now_s
            if await self.ask(calls[key]):
                self._missed.discard(key)
            elif key in self._missed:
                gone.append(calls[key])
            else:
                self._missed.add(key)
        return gone

    def _forget_told(self, running: set[str]) -> None:
        """What came late, or of a call that is none; the longest silent stand first."""
        oldest = self._clock.wall().timestamp() - FORGET_S
        for call_id, kept in list(self._told.items()):
            if kept.latest_s > oldest:
                break
            if call_id not in running:
                del self._told[call_id]

    def _is_older(self, cdr: Cdr, now_s: float) -> bool:
        return key_of(cdr) not in self._heard or now_s - self._asked_s.get(key_of(cdr), 0.0) >= FRESH_S


def key_of(cdr: Cdr) -> Key:
    """By what a call is known here."""
    return cdr.call_id, cdr.caller_tag
