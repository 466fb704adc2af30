"""The running edge: what all areas share, and their order.

    read the configuration -> resolve it on this machine -> start the engines -> serve the control socket

SIGTERM and SIGINT end it orderly, SIGHUP applies the main file again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from voxgate.admin.invitation import KEPT
from voxgate.daemon.admin import Administration, Bridge
from voxgate.daemon.calls import Calls
from voxgate.daemon.certs import Certificates
from voxgate.daemon.desk import AdminDesk
from voxgate.daemon.dns import local_dns
from voxgate.daemon.doctor import Rounds
from voxgate.daemon.ears import Ears
from voxgate.daemon.explaining import Explaining
from voxgate.daemon.first_run import Asking, needed
from voxgate.daemon.forwards import forwards
from voxgate.daemon.guard import Watch
from voxgate.daemon.metrics import Metrics
from voxgate.daemon.records import CallRecords
from voxgate.daemon.router import relay
from voxgate.daemon.sip import Signalling
from voxgate.daemon.trunks import Trunks
from voxgate.daemon.turn import Turn
from voxgate.daemon.web import Web
from voxgate.errors import ExitCode, VoxgateError
from voxgate.host import files, limits
from voxgate.host.clock import SystemClock
from voxgate.plan.apply import Applied
from voxgate.plan.history import History
from voxgate.resolver import Resolver
from voxgate.supervise import notify, verbs
from voxgate.supervise.control import Caller, ControlServer, open_control_socket
from voxgate.supervise.editing import EditingOperations
from voxgate.supervise.hands import MachineHands
from voxgate.supervise.log import LogFormat, LogSink, configure
from voxgate.supervise.log_ring import LogRing
from voxgate.supervise.observe import Observer
from voxgate.supervise.outcome import reason_of
from voxgate.supervise.supervisor import Supervisor
from voxgate.supervise.verbs import Machine, Reading
from voxgate.wire.control import ApplyRequest

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.engines.base import Places
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.plan.diff import Plan
    from voxgate.supervise.control import Told
    from voxgate.supervise.panel import Panel
    from voxgate.wire.control import Request

log = logging.getLogger(__name__)


def plan_offline(path: Path, places: Places) -> Plan:
    """What `apply` of `path` would do, against the newest applied generation, when no Voxgate runs."""
    return verbs.plan_offline(path, _reading(Resolver(places, SystemClock())))


def run(path: Path, places: Places, log_format: str) -> int:
    """Run the edge until it is told to end; gives the exit code."""
    clock = SystemClock()
    ring = LogRing()
    sink = LogSink(sys.stderr, LogFormat(log_format), clock, ring.add)
    configure(sink)
    if (most := limits.raise_open_files()) < limits.OPEN_FILES:
        log.warning("few_open_files most=%d wanted=%d", most, limits.OPEN_FILES)
    # Engines' users pass through it to their own folders.
    files.ensure_folder(places.run, mode=0o755)
    files.ensure_folder(places.state)
    asking: Asking | None = None
    while True:
        if needed(path):
            asking = asking or Asking(path, places, clock, _reading(Resolver(places, clock)))
            if not asyncio.run(asking.ask()):
                return ExitCode.GOOD
        # Of a first run that was killed.
        files.remove(places.run / KEPT)
        edge = _Edge(path, places, clock, sink, ring)
        code = asyncio.run(edge.run())
        if asking is None or not edge.not_started:
            return code
        asking.failed(edge.not_started)


def _reading(resolver: Resolver) -> Reading:
    history = History(resolver.places.state / "generations")
    return Reading(resolver.load, resolver.load_sources, resolver.desire, history, resolver.renew)


class _Edge:
    """All areas of one edge, and what they share."""

    def __init__(self, path: Path, places: Places, clock: Clock, sink: LogSink, ring: LogRing) -> None:
        #: Why it did not start.
        self.not_started = ""
        # First of all: with another Voxgate in this folder, nothing of its own is touched.
        self._control = open_control_socket(places.run / "control.sock")
        self._clock = clock
        self._sink = sink
        self._notifier = notify.from_environment(os.environ, os.getpid())
        self._sip = Signalling(places, clock)
        self._calls = Calls(places, clock, self._sip.rpc)
        self._records = CallRecords(places, clock, self._calls.ng, self._sip.rpc)
        self._calls.tell(self._records.recorder)
        resolver = Resolver(places, clock)
        self._trunks = Trunks(resolver.answers_file, clock, self._sip.watch, self._refresh)
        self._certs = Certificates(resolver, clock, self._refresh)
        self._guard = Watch(places, clock, self._sip)
        self._records.explain = Explaining(self._records, self._guard.reports, self._sip.registrations).told
        turn = Turn(places, clock, self._guard.reports, self._signal)
        web = Web(places, clock, self._guard.reports)
        known = (self._sip.part(), self._calls.part(), web.part(), self._guard.part(), self._trunks.part())
        area = relay(places, clock, self._guard.reports, web.access_line)
        bridge = Bridge(self._carry_out, self._guard.reports)
        admin = self._admin = Administration(
            places, clock, bridge, main=lambda: self._operations.main, certificate=self._certs.default
        )
        parts = (*known, turn.part(), self._certs.part(), area, self._records.part(), forwards(places))
        self._parts = (*parts, admin.part(), Rounds(places, clock).part(), local_dns())
        ears = {name: ear for part in self._parts for name, ear in part.ears.items()}
        self._supervisor = Supervisor(clock, Ears(sink, ears), on_ready=self._returned)
        self._operations = self._operate(path, resolver)
        metrics = Metrics(self._ask, self._sip.rpc, self._calls.ng, places, clock)
        self._desk = AdminDesk(self._operations, ring, metrics.text, self._records)
        self._server = self._control_server()

    def _operate(self, path: Path, resolver: Resolver) -> EditingOperations:
        controls = {name: control for part in self._parts for name, control in part.controls.items()}
        probes = {name: probe for part in self._parts for name, probe in part.probes.items()}
        prepare = {name: made for part in self._parts for name, made in part.prepare.items()}
        hands = MachineHands(resolver.places, resolver.render, self._supervisor, probes, controls, prepare=prepare)
        observer = Observer(
            self._clock,
            self._supervisor,
            controls,
            self._sip.watch,
            self._sip.rpc,
            hands.read_back,
            self._certs.default,
            self._panels,
            self._trunks.status,
        )
        machine = Machine(hands, hands.read_back, observer.observe, self._clock.wall)
        return EditingOperations(
            path,
            _reading(resolver),
            machine,
            on_applied=self._applied,
            prepare=self._trunks.prepare,
            on_leaving=self._trunks.leave,
        )

    async def _carry_out(self, request: Request, caller: Caller) -> Told:
        return await self._server.carry_out(request, caller)

    async def _ask(self, request: Request) -> Told:
        return await self._server.carry_out(request, Caller("voxgate", _tell))

    async def _refresh(self) -> str:
        return await self._operations.refresh()

    async def run(self) -> int:
        """Start everything, serve until a signal comes, stop everything."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await self._sip.listen({**self._calls.ears(), **self._guard.ears(), **self._records.ears()})
        async with self._sip.rpc, self._calls.ng, self._supervisor:
            result = await self._operations.start("voxgate")
            if not isinstance(result, Applied):
                self.not_started = reason_of(result)
                # Another one may be tried in this process.
                self._control.close()
                self._calls.close()
                log.error("not_started reason=%s", self.not_started)
                return ExitCode.FAILED
            async with asyncio.TaskGroup() as group:
                hang_up = asyncio.Event()
                loop.add_signal_handler(signal.SIGHUP, hang_up.set)
                served = [serve for part in self._parts for serve in part.serve]
                tasks = [
                    group.create_task(self._server.serve()),
                    *(group.create_task(serve()) for serve in served),
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

    def _signal(self, engine: str, number: signal.Signals) -> None:
        """For areas, which are built before the supervisor is."""
        self._supervisor.signal(engine, number)

    def _control_server(self) -> ControlServer:
        registrations = self._sip.registrations.told
        return ControlServer(
            self._control,
            self._operations,
            calls=self._calls.told,
            registrations=registrations,
            certs=self._certs.told,
            guard=self._guard.asked,
            admin=self._desk.ask,
            audit=self._admin.audit,
            records=self._records.told,
        )

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
        for part in self._parts:
            part.applied(desired)
        self._notifier.status(f"generation {desired.generation} runs")

    def _panels(self, desired: Desired) -> tuple[Panel, ...]:
        return tuple(panel for part in self._parts for panel in part.panels(desired))

    async def _returned(self, name: str) -> None:
        """An engine came back after a crash: tell it and its neighbours what only the running one knew."""
        log.warning("engine_returned unit=%s", name)
        for part in self._parts:
            await part.returned(name)


def _tell(text: str) -> None:
    log.info("progress step=%s", text)
