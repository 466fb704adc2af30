"""Which nodes take HTTP, where a PBX has several: each is connected to now and then, and HAProxy is told of changes.

Where a PBX has one node there is nothing to choose, and nothing is asked. HAProxy's files hold what is right while all
nodes are up; what differs from that is told to the running one again after each change of its maps.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from voxgate.engines.haproxy.routes import node_entries, nodes_of
from voxgate.errors import VoxgateError
from voxgate.supervise.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.config.model import Config, Health
    from voxgate.config.pbxs import Pbx
    from voxgate.config.scalars import IpAddress

log = logging.getLogger(__name__)

CONNECT_S: Final = 2.0
#: Checks at once; a large edge has thousands of nodes.
AT_ONCE: Final = 50
#: However many requests fail: no more checks than this.
SHORTEST_PAUSE_S: Final = 0.5

Target = tuple[str, "IpAddress", int]


@dataclass(frozen=True, slots=True)
class Condition:
    """A node as the checks see it."""

    up: bool = True
    failures: int = 0
    successes: int = 0

    def after(self, good: bool, health: Health) -> Condition:
        """What it is after one more check."""
        if good:
            now = replace(self, failures=0, successes=self.successes + 1)
            return replace(now, up=True) if now.successes >= health.up_after else now
        now = replace(self, failures=self.failures + 1, successes=0)
        return replace(now, up=False) if now.failures >= health.down_after else now


class Runtime(Protocol):
    """The running HAProxy."""

    async def change_nodes(self, entries: Mapping[str, str]) -> None:
        """Give entries of the map of nodes other values. Raises VoxgateError."""


class WebNodes:
    """Checks nodes and moves requests away from those that are down."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pbxs: dict[str, Pbx] = {}
        self._health: Health | None = None
        self._conditions: dict[Target, Condition] = {}
        self._told: dict[str, frozenset[IpAddress]] = {}
        self._wake = asyncio.Event()

    def follow(self, config: Config) -> None:
        """Check these nodes from now on; the running maps may have been told anew."""
        self._health = config.health
        self._pbxs = {str(n): pbx for n, pbx in config.pbxs.items() if pbx.http and len(nodes_of(pbx, pbx.http)) > 1}
        self._conditions = {one: self._conditions.get(one, Condition()) for one in self._targets()}
        self.forget()

    def forget(self) -> None:
        """The running HAProxy holds what its files hold."""
        self._told = {}
        self._wake.set()

    def suspect(self, pbx: str) -> None:
        """A request did not get through to this PBX."""
        if pbx in self._pbxs:
            self._wake.set()

    async def serve(self) -> None:
        """Until cancelled."""
        while True:
            await self._round()
            pause_s = self._health.interval_seconds if self._health else 5
            with suppress(TimeoutError):
                # Not `wait_for`: until Python 3.12 it loses a cancellation that comes together with what it waits for.
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
                await asyncio.sleep(SHORTEST_PAUSE_S)
            self._wake.clear()

    def panel(self) -> Panel:
        """The nodes for `voxgate status`."""
        found = [(pbx, str(address), port, one.up) for (pbx, address, port), one in self._conditions.items()]
        return Panel(
            "web_nodes",
            ("PBX", "node for HTTP", "state"),
            tuple((pbx, f"{address} port {port}", "up" if up else "down") for pbx, address, port, up in found),
            tuple({"pbx": pbx, "address": address, "port": port, "up": up} for pbx, address, port, up in found),
        )

    def _targets(self) -> list[Target]:
        found = ((name, pbx.http, nodes_of(pbx, pbx.http)) for name, pbx in self._pbxs.items() if pbx.http)
        return [(name, node.address, http.tls or http.plain or 0) for name, http, nodes in found for node in nodes]

    async def _round(self) -> None:
        health, gate = self._health, asyncio.Semaphore(AT_ONCE)
        if health is None:
            return
        targets = list(self._conditions)
        answers = await asyncio.gather(*(_answers(target, gate) for target in targets))
        for target, good in zip(targets, answers, strict=True):
            # The configuration may have changed meanwhile.
            if (before := self._conditions.get(target)) is not None:
                now = self._conditions[target] = before.after(good, health)
                if now.up is not before.up:
                    state = "up" if now.up else "down"
                    log.info("web_node_state state=%s pbx=%s address=%s", state, target[0], target[1])
        await self._tell()

    async def _tell(self) -> None:
        for name, pbx in tuple(self._pbxs.items()):
            down = frozenset(address for (of, address, _), one in self._conditions.items() if of == name and not one.up)
            if self._told.get(name, frozenset()) == down:
                continue
            try:
                await self._runtime.change_nodes(node_entries(name, pbx, down))
                self._told[name] = down
            except VoxgateError as error:
                log.warning("web_nodes_not_told pbx=%s reason=%s", name, error)


async def _answers(target: Target, gate: asyncio.Semaphore) -> bool:
    _, address, port = target
    async with gate:
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(str(address), port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True
