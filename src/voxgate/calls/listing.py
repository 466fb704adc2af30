"""Running calls, for `voxgate calls`: every answered call of which Kamailio keeps a record.

Kamailio's RPC cannot give a large table, so its sweeper sends it in parts when it sees a new number in a shared
variable.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Final

from voxgate.calls.hangup import call_of
from voxgate.calls.ledger import MOST_PARTS
from voxgate.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.calls.ending import Rpc

#: The sweeper looks every two seconds.
ANSWER_S: Final = 8.0
_HOST: Final = re.compile(r"sips?:(?:\[([^\]]+)\]|([^:;>]+))")


@dataclass(frozen=True, slots=True)
class RunningCall:
    """One answered call: URIs of both parties, the PBXs it goes through, when it was answered."""

    call_id: str
    caller: str
    callee: str
    pbxs: tuple[str, ...]
    since: datetime | None


def running(records: Mapping[str, str], pbx_of: Mapping[str, str]) -> tuple[RunningCall, ...]:
    """The calls in Kamailio's records, the oldest first; `pbx_of` maps a node's address to its PBX."""
    found = []
    for call_id, record in records.items():
        try:
            call = call_of(record)
        except ValueError:
            continue
        hosts = [_host(call["caller_flow"]), _host(call["callee_flow"])]
        pbxs = tuple(dict.fromkeys(pbx_of[host] for host in hosts if host in pbx_of))
        since = call["answered_s"]
        time = datetime.fromtimestamp(int(since), UTC) if since.isdigit() else None
        found.append(RunningCall(call_id, call["from_uri"], call["to_uri"], pbxs, time))
    return tuple(sorted(found, key=lambda call: (call.since is None, call.since, call.call_id)))


class CallList:
    """Asks Kamailio for its records."""

    def __init__(self, rpc: Rpc, answer_s: float = ANSWER_S) -> None:
        self._rpc = rpc
        self._answer_s = answer_s
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, str]]] = {}
        self._parts: dict[int, dict[int, dict[str, str]]] = {}

    def told(self, event: Mapping[str, object]) -> None:
        """One part of the records. Whatever is none is dropped."""
        match event:
            case {"asked": int(number), "part": int(part), "of": int(parts), "calls": list(calls)} if (
                0 <= part < parts <= MOST_PARTS and number in self._waiting
            ):
                records = {str(pair[0]): str(pair[1]) for pair in calls if isinstance(pair, list) and len(pair) == 2}
                kept = self._parts.setdefault(number, {})
                kept[part] = records
                waiting = self._waiting[number]
                if len(kept) == parts and not waiting.done():
                    waiting.set_result({key: text for one in kept.values() for key, text in one.items()})

    async def ask(self) -> dict[str, str]:
        """Call-ID -> record of every answered call. Raises EngineError, PeerError."""
        number = next(self._numbers)
        waiting: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            await self._rpc.call("pv.shvSet", "list", "int", number)
            async with asyncio.timeout(self._answer_s):
                return await waiting
        except TimeoutError as error:
            raise PeerError(f"Kamailio did not list its calls within {self._answer_s:g} s; ask again") from error
        finally:
            del self._waiting[number]
            self._parts.pop(number, None)


def _host(flow: str) -> str:
    found = _HOST.match(flow)
    return (found[1] or found[2]) if found else ""
