"""The composition root: builds every object by hand, runs one TaskGroup, ends in order.

    read the configuration -> resolve it on this machine -> start the engines -> serve the control socket

SIGTERM and SIGINT end it orderly, SIGHUP applies the main file again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from voxgate.calls.listing import CallList, running
from voxgate.calls.live import LiveCalls
from voxgate.calls.timeouts import MediaTimeouts
from voxgate.calls.tollfraud import TollFraud, watched_of
from voxgate.engines.rtpengine import NG_PORT, TIMEOUT_PORT
from voxgate.engines.sip_limits import limits_of
from voxgate.engines.sip_policy import policy_of
from voxgate.engines.trunk_accounts import accounts_of
from voxgate.errors import ExitCode, VoxgateError
from voxgate.host import files, process
from voxgate.host.clock import SystemClock
from voxgate.host.ports import open_loopback
from voxgate.plan.apply import Applied
from voxgate.plan.history import History
from voxgate.resolver import Resolver
from voxgate.supervise import notify, verbs
from voxgate.supervise.control import Caller, ControlServer, Told, open_control_socket
from voxgate.supervise.hands import KamailioControl, MachineHands, RtpengineControl
from voxgate.supervise.haproxy import HaproxyControl
from voxgate.supervise.log import LogFormat, LogSink, configure
from voxgate.supervise.nodes import EventSocket, NodeWatch, nodes_of, open_event_socket
from voxgate.supervise.observe import Observer
from voxgate.supervise.panel import Panel, alerts_panel, limits_panel, spending_panel
from voxgate.supervise.readiness import KamailioProbe, RtpengineProbe
from voxgate.supervise.registrations import Keeper
from voxgate.supervise.supervisor import Supervisor
from voxgate.supervise.telling import calls_told
from voxgate.supervise.trunk_status import TrunkStatus
from voxgate.supervise.verbs import Machine, Operations, Reading
from voxgate.trunks.registrar import Registrar
from voxgate.wire.control import ApplyRequest
from voxgate.wire.jsonrpc import JsonRpcClient
from voxgate.wire.ng import NgClient

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.engines.base import Places
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.plan.diff import Plan
    from voxgate.supervise.hands import Control
    from voxgate.supervise.readiness import Probe

log = logging.getLogger(__name__)


def plan_offline(path: Path, places: Places) -> Plan:
    """What `apply` of `path` would do, against the newest applied generation, when no Voxgate runs."""
    return verbs.plan_offline(path, _reading(Resolver(places, SystemClock())))


def run(path: Path, places: Places, log_format: str) -> int:
    """Run the edge until it is told to end; gives the exit code."""
    clock = SystemClock()
    sink = LogSink(sys.stderr, LogFormat(log_format), clock)
    configure(sink)
    if (most := process.raise_open_files()) < process.OPEN_FILES:
        log.warning("few_open_files most=%d wanted=%d", most, process.OPEN_FILES)
    # Engines' users pass through it to their own folders.
    files.ensure_folder(places.run, mode=0o755)
    files.ensure_folder(places.state)
    return asyncio.run(_Edge(path, places, clock, sink).run())


def _reading(resolver: Resolver) -> Reading:
    history = History(resolver.places.state / "generations")
    return Reading(resolver.load, resolver.load_sources, resolver.desire, history)


class _Edge:
    """All running parts of one edge."""

    def __init__(self, path: Path, places: Places, clock: Clock, sink: LogSink) -> None:
        # First of all: with another Voxgate in this folder, nothing of its own is touched.
        self._control = open_control_socket(places.run / "control.sock")
        self._places = places
        self._clock = clock
        self._sink = sink
        self._resolver = Resolver(places, clock)
        self._notifier = notify.from_environment(os.environ, os.getpid())
        self._ng = NgClient("127.0.0.1", NG_PORT)
        folder = places.engine("kamailio")
        for name in ("rtpengine", "kamailio"):
            # Named as the users and groups of their Debian packages.
            files.ensure_folder(places.engine(name), group=name, mode=files.SHARED_FOLDER_MODE)
        self._rpc = JsonRpcClient(folder / "rpc.sock", folder / "voxgate.sock")
        self._events = open_event_socket(folder / "events.sock", files.group_id("kamailio"))
        self._watch = NodeWatch(clock)
        self._registrar = Registrar(clock)
        self._registrations = Keeper(places.state / "registrations.json", self._rpc, clock.wall)
        self._live = LiveCalls(self._rpc, self._ng)
        self._list = CallList(self._rpc)
        self._pbx_of: dict[str, str] = {}
        self._fraud = TollFraud(self._live.ledger, self._rpc, clock, places.state / "fraud.json")
        self._supervisor = Supervisor(clock, sink, on_ready=self._returned)
        haproxy = HaproxyControl(places.engine("haproxy"))
        controls: dict[str, Control] = {
            "kamailio": KamailioControl(self._rpc),
            "rtpengine": RtpengineControl(self._ng),
            "haproxy": haproxy,
        }
        probes: dict[str, Probe] = {"kamailio": KamailioProbe(self._rpc), "rtpengine": RtpengineProbe(self._ng)}
        probes["haproxy"] = haproxy
        hands = MachineHands(places, self._resolver.render, self._supervisor, probes, controls)
        self._observer = Observer(
            clock,
            self._supervisor,
            controls,
            self._watch,
            self._rpc,
            hands.read_back,
            self._resolver.certificate,
            self._panels,
            self._trunks,
        )
        machine = Machine(hands, hands.read_back, self._observer.observe, clock.wall)
        self._operations = Operations(path, _reading(self._resolver), machine, on_applied=self._applied)

    async def run(self) -> int:
        """Start everything, serve until a signal comes, stop everything."""
        reports = open_loopback(TIMEOUT_PORT)
        self._fraud.load()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await loop.create_datagram_endpoint(self._event_socket, sock=self._events)
        async with self._rpc, self._ng, self._supervisor:
            result = await self._operations.start("voxgate")
            if not isinstance(result, Applied):
                log.error("not_started reason=%s", verbs.reason_of(result))
                return ExitCode.FAILED
            async with asyncio.TaskGroup() as group:
                hang_up = asyncio.Event()
                loop.add_signal_handler(signal.SIGHUP, hang_up.set)
                server = ControlServer(
                    self._control, self._operations, calls=self._calls, registrations=self._registrations.told
                )
                tasks = [
                    group.create_task(server.serve()),
                    group.create_task(self._registrations.serve()),
                    group.create_task(MediaTimeouts(reports, self._rpc).serve()),
                    group.create_task(self._registrar.run()),
                    group.create_task(self._live.serve()),
                    group.create_task(self._fraud.serve()),
                    group.create_task(self._heartbeat()),
                    group.create_task(self._apply_on(hang_up)),
                ]
                self._notifier.ready(f"generation {result.generation} runs")
                log.info("ready generation=%d", result.generation)
                await stop.wait()
                self._notifier.stopping()
                log.info("stopping")
                for task in tasks:
                    task.cancel()
        self._sink.settle()
        return ExitCode.GOOD

    def _event_socket(self) -> EventSocket:
        """Takes what Kamailio's processes tell."""
        listeners = {
            "registered": self._registrations.report,
            "calls": self._live.told,
            "fraud": self._fraud.told,
            "records": self._list.told,
        }
        return EventSocket(self._watch, listeners)

    async def _heartbeat(self) -> None:
        """Watchdog, and lines that the flood control left out."""
        while True:
            await asyncio.sleep(min(self._notifier.watchdog_s or 5.0, 5.0))
            self._notifier.watchdog()
            self._sink.settle()

    async def _apply_on(self, hang_up: asyncio.Event) -> None:
        """SIGHUP is the operator's `apply`; what is dangerous still needs the command and its word."""
        while True:
            await hang_up.wait()
            hang_up.clear()
            self._notifier.reloading(self._clock.monotonic())
            try:
                told = await self._operations.apply(ApplyRequest(None, yes=False), Caller("SIGHUP", _tell))
                log.info("applied_on_signal said=%s", told.text)
            except VoxgateError as error:
                log.warning("not_applied_on_signal reason=%s", error)
            self._notifier.ready()

    def _applied(self, desired: Desired) -> None:
        policy = policy_of(desired.config, desired.network, desired.generation, media=True)
        self._watch.follow(nodes_of(policy), desired.config.health.interval_seconds)
        self._registrar.follow(accounts_of(desired.config, desired.network))
        self._fraud.follow(watched_of(desired.config))
        self._pbx_of = {node.address: node.pbx for node in nodes_of(policy).values()}
        self._notifier.status(f"generation {desired.generation} runs")

    async def _calls(self) -> Told:
        return calls_told(running(await self._list.ask(), self._pbx_of))

    def _panels(self, desired: Desired) -> tuple[Panel, ...]:
        used = self._live.ledger.used()
        return (
            limits_panel(limits_of(desired.config), used),
            spending_panel(self._fraud.spending()),
            alerts_panel(self._fraud.alerts()),
        )

    def _trunks(self) -> tuple[TrunkStatus, ...]:
        """The registrations at providers."""
        now = self._clock.wall()
        return tuple(
            TrunkStatus(
                one.account.trunk,
                one.phase.value,
                one.reason,
                None if one.until_s is None else now + timedelta(seconds=one.until_s - now_s),
            )
            for one, now_s in self._registrar.snapshot()
        )

    async def _returned(self, name: str) -> None:
        """An engine came back after a crash: tell Kamailio what only the running one knew."""
        log.warning("engine_returned unit=%s", name)
        if name == "kamailio":
            self._watch.starts_afresh()
        if name == "rtpengine":
            # Kamailio may have put it aside while it was away.
            with suppress(VoxgateError):
                await self._rpc.call("rtpengine.enable", "all", 1)


def _tell(text: str) -> None:
    log.info("progress step=%s", text)
