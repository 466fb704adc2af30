"""Calls: rtpengine, which calls run, how many may, and what they may cost."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from voxgate.calls.ending import Ending
from voxgate.calls.listing import CallList, running
from voxgate.calls.live import LiveCalls
from voxgate.calls.timeouts import MediaTimeouts
from voxgate.calls.tollfraud import TollFraud, watched_of
from voxgate.daemon.part import Part
from voxgate.engines.rtpengine import NG_PORT, TIMEOUT_PORT
from voxgate.engines.sip_limits import limits_of
from voxgate.engines.sip_policy import policy_of
from voxgate.engines.trunk_accounts import providers_of
from voxgate.errors import VoxgateError
from voxgate.host import files
from voxgate.host.ports import open_loopback
from voxgate.supervise.hands import RtpengineControl
from voxgate.supervise.nodes import nodes_of
from voxgate.supervise.panel import Panel, alerts_panel, limits_panel, spending_panel
from voxgate.supervise.readiness import RtpengineProbe
from voxgate.supervise.telling import calls_told
from voxgate.wire.ng import NgClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate.calls.cdr.recorder import Recorder
    from voxgate.engines.base import Places
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.supervise.control import Told
    from voxgate.wire.jsonrpc import JsonRpcClient

NAME = "rtpengine"


class Calls:
    """rtpengine and the ledger of calls. `ng` wants to be entered before the edge starts."""

    def __init__(self, places: Places, clock: Clock, rpc: JsonRpcClient) -> None:
        # Named as the user and group of its Debian package.
        files.ensure_folder(places.engine(NAME), group=NAME, mode=files.SHARED_FOLDER_MODE)
        self.ng = NgClient("127.0.0.1", NG_PORT)
        self._rpc = rpc
        self._live = LiveCalls(rpc, self.ng)
        self._list = CallList(rpc)
        self._recorder: Recorder | None = None
        self._ending = ending = Ending(rpc)
        fraud = places.state / "fraud.json"
        self._fraud = TollFraud(self._live.ledger, rpc, clock, fraud, ending=ending, ended=self._ended)
        self._pbx_of: dict[str, str] = {}
        self._timeouts = MediaTimeouts(open_loopback(TIMEOUT_PORT), ending, self._ended)

    def close(self) -> None:
        """The edge did not start: give the port up."""
        self._timeouts.close()

    def part(self) -> Part:
        """Its part of the edge."""
        self._fraud.load()
        return Part(
            controls={NAME: RtpengineControl(self.ng)},
            probes={NAME: RtpengineProbe(self.ng)},
            serve=(self._timeouts.serve, self._live.serve, self._fraud.serve, self._ending.serve),
            applied=self._applied,
            panels=self._panels,
            returned=self._returned,
        )

    def ears(self) -> Mapping[str, Callable[[dict[str, Any]], None]]:
        """What this area wants to hear of Kamailio."""
        return {
            "calls": self._swept,
            "kept": self._live.kept,
            "fraud": self._fraud.told,
            "records": self._list.told,
            "bye_challenged": self._ending.told,
        }

    def tell(self, recorder: Recorder) -> None:
        """Whom to tell of calls that the edge itself ends."""
        self._recorder = recorder

    def _ended(self, call_id: str, reason: str) -> None:
        if self._recorder:
            self._recorder.hung_up(call_id, reason)

    def _swept(self, event: dict[str, Any]) -> None:
        self._live.told(event)
        if self._recorder:
            self._recorder.swept(event)

    async def told(self) -> Told:
        """The answer to `voxgate calls`."""
        return calls_told(running(await self._list.ask(), self._pbx_of))

    def _applied(self, desired: Desired) -> None:
        policy = policy_of(desired.config, desired.network, desired.generation, media=True)
        self._fraud.follow(watched_of(desired.config))
        self._ending.follow(providers_of(desired.config, desired.network))
        self._pbx_of = {node.address: node.pbx for node in nodes_of(policy).values()}

    def _panels(self, desired: Desired) -> tuple[Panel, ...]:
        used = self._live.ledger.used()
        return (
            limits_panel(limits_of(desired.config), used),
            spending_panel(self._fraud.spending()),
            alerts_panel(self._fraud.alerts()),
        )

    async def _returned(self, name: str) -> None:
        if name == NAME:
            # Kamailio may have put it aside while it was away.
            with suppress(VoxgateError):
                await self._rpc.call("rtpengine.enable", "all", 1)
