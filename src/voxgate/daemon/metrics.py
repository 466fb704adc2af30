"""Gathers what `/metrics` shows: asked of everybody at once, each with a bound, and no oftener than a second."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from voxgate.admin.metrics import edge, engines
from voxgate.admin.metrics.exposition import Family, exposition, gauge
from voxgate.engines.haproxy.engine import RUNTIME_SOCKET
from voxgate.errors import VoxgateError
from voxgate.host import process
from voxgate.wire import nft
from voxgate.wire.control import CallsRequest, RegistrationsRequest, StatusRequest
from voxgate.wire.guard_request import GuardAction, GuardRequest
from voxgate.wire.haproxy_runtime import RuntimeClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from voxgate.engines.base import Places
    from voxgate.host.clock import Clock
    from voxgate.supervise.control import Told
    from voxgate.wire.control import Request
    from voxgate.wire.jsonrpc import JsonRpcClient
    from voxgate.wire.ng import NgClient

log = logging.getLogger(__name__)

_TIMEOUT_S: Final = 3.0
_FRESH_S: Final = 1.0
_PACKETS_FRESH_S: Final = 60.0


class Metrics:
    """The text, and how old it is."""

    def __init__(
        self,
        ask: Callable[[Request], Awaitable[Told]],
        rpc: JsonRpcClient,
        ng: NgClient,
        places: Places,
        clock: Clock,
    ) -> None:
        self._ask = ask
        self._rpc = rpc
        self._ng = ng
        self._haproxy = RuntimeClient(places.engine("haproxy") / RUNTIME_SOCKET)
        self._clock = clock
        self._lock = asyncio.Lock()
        self._text = ""
        self._at_s = float("-inf")
        self._packets: list[Family] = []
        self._packets_at_s = float("-inf")

    async def text(self) -> str:
        """All families. Who cannot be asked is left out, and counted as such."""
        async with self._lock:
            if self._clock.monotonic() - self._at_s > _FRESH_S:
                self._text = await self._gather()
                self._at_s = self._clock.monotonic()
            return self._text

    async def _gather(self) -> str:
        began = self._clock.monotonic()
        status = (await self._ask(StatusRequest())).data
        serving = {one["name"] for one in _rows(status, "engines") if one["serving"]}
        sources: dict[str, Callable[[], Awaitable[list[Family]]]] = {
            "voxgate": partial(self._people, dict.fromkeys(str(node["pbx"]) for node in _rows(status, "nodes"))),
            "nftables": self._nftables,
        }
        sources |= {name: ask for name, ask in self._engines().items() if name in serving}
        found = await asyncio.gather(*(self._bounded(name, ask) for name, ask in sources.items()))
        good = [((("source", name),), float(one is not None)) for name, one in zip(sources, found, strict=True)]
        took = self._clock.monotonic() - began
        return exposition(
            [
                *edge.families(status, metadata.version("voxgate")),
                *(family for one in found if one is not None for family in one),
                gauge("voxgate_scrape_source_up", "1 for each that could be asked just now.", *good),
                gauge("voxgate_scrape_duration_seconds", "How long asking took.", ((), round(took, 4))),
            ]
        )

    async def _nftables(self) -> list[Family]:
        # Whatever lists something reads all sets first: half a second with 100,000 bans.
        if self._clock.monotonic() - self._packets_at_s > _PACKETS_FRESH_S:
            argv = ("nft", "-j", "list", "chain", *nft.TABLE.split(), "banned")
            done = await asyncio.to_thread(process.run, argv, timeout_s=_TIMEOUT_S)
            self._packets = engines.nftables(done.stdout) if done.code == 0 else []
            self._packets_at_s = self._clock.monotonic()
        return self._packets

    def _engines(self) -> dict[str, Callable[[], Awaitable[list[Family]]]]:
        return {"kamailio": self._kamailio, "rtpengine": self._rtpengine, "haproxy": self._ask_haproxy}

    async def _bounded(self, name: str, ask: Callable[[], Awaitable[list[Family]]]) -> list[Family] | None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await ask()
        except (VoxgateError, TimeoutError) as error:
            log.info("not_measured source=%s reason=%s", name, error)
            return None

    async def _people(self, pbxs: Iterable[str]) -> list[Family]:
        calls = (await self._ask(CallsRequest())).data
        registrations = (await self._ask(RegistrationsRequest())).data
        bans = (await self._ask(GuardRequest(GuardAction.BANS))).data
        there = len(_rows(registrations, "registrations"))
        return edge.people(_rows(calls, "calls"), there, _rows(bans, "bans"), pbxs)

    async def _kamailio(self) -> list[Family]:
        answer = await self._rpc.call("stats.fetch", "all")
        return engines.kamailio(answer if isinstance(answer, dict) else {})

    async def _rtpengine(self) -> list[Family]:
        return engines.rtpengine(await self._ng.request("statistics"))

    async def _ask_haproxy(self) -> list[Family]:
        return engines.haproxy(await self._haproxy.ask(b"show stat"))


def _rows(data: Any, key: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = data[key]
    return rows
