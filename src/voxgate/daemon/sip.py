"""Signalling: Kamailio, what it tells, and what it is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from voxgate.daemon.part import Part
from voxgate.engines.sip_policy import policy_of
from voxgate.host import files
from voxgate.supervise.hands import KamailioControl
from voxgate.supervise.nodes import EventSocket, NodeWatch, hops_of, nodes_of, open_event_socket
from voxgate.supervise.pbx_accounts import PbxAccounts
from voxgate.supervise.readiness import KamailioProbe
from voxgate.supervise.registrations import Keeper
from voxgate.wire.jsonrpc import JsonRpcClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate.engines.base import Places
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired

NAME = "kamailio"


class Signalling:
    """Kamailio and whatever follows what it does. Other areas speak to it through `rpc`."""

    def __init__(self, places: Places, clock: Clock) -> None:
        folder = places.engine(NAME)
        # Named as the user and group of its Debian package.
        files.ensure_folder(folder, group=NAME, mode=files.SHARED_FOLDER_MODE)
        self.rpc = JsonRpcClient(folder / "rpc.sock", folder / "voxgate.sock")
        self.watch = NodeWatch(clock)
        self.registrations = Keeper(places.state / "registrations.json", self.rpc, clock.wall)
        self._accounts = PbxAccounts(clock.wall)
        self._events = open_event_socket(folder / "events.sock", files.group_id(NAME))

    def part(self) -> Part:
        """Its part of the edge."""
        return Part(
            controls={NAME: KamailioControl(self.rpc)},
            probes={NAME: KamailioProbe(self.rpc)},
            serve=(self.registrations.serve,),
            applied=self._applied,
            panels=lambda _: (self._accounts.panel(),),
            returned=self._returned,
        )

    async def listen(self, told: Mapping[str, Callable[[dict[str, Any]], None]]) -> None:
        """Take what Kamailio's processes tell from now on; `told` are other areas' ears, by kind of event."""
        own: dict[str, Callable[[dict[str, Any]], None]] = {
            "registered": self.registrations.report,
            "account": self._accounts.report,
        }
        ears = {**own, **told}
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: EventSocket(self.watch, ears), sock=self._events)

    def _applied(self, desired: Desired) -> None:
        policy = policy_of(desired.config, desired.network, desired.generation, media=True)
        self.watch.follow(nodes_of(policy) | hops_of(policy), desired.config.health.interval_seconds)

    async def _returned(self, name: str) -> None:
        if name == NAME:
            self.watch.starts_afresh()
