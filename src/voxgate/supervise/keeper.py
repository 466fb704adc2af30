"""Drives one unit: carries out what `unit.handle` commands, and tells it what happened."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Protocol, assert_never

from voxgate.errors import HostError, PeerError, VoxgateError
from voxgate.host import ports, process
from voxgate.host.launch import Launch
from voxgate.supervise.engine_lines import parse
from voxgate.supervise.life import (
    Command,
    Event,
    Exited,
    Happening,
    Kill,
    Probe,
    ProbeFailed,
    ProbeGood,
    Report,
    Serving,
    Spawn,
    SpawnFailed,
    Starting,
    StartWanted,
    Stopped,
    StopWanted,
    Terminate,
    Tick,
    Unit,
)
from voxgate.supervise.reason import Reason, exit_reason, port_taken
from voxgate.supervise.unit import handle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from pathlib import Path
    from signal import Signals

    from voxgate.engines.base import EngineState
    from voxgate.host.clock import Clock
    from voxgate.supervise.readiness import Probe as ProbePort

log = logging.getLogger(__name__)

PROBE_TIMEOUT_S = 2.0
# An engine that starts may lose the first question with the socket of its former process; calls wait for the next one.
PROBE_STARTING_TIMEOUT_S = 0.5
_LAST_LINES = 40

_LEVEL = {
    Happening.STARTING: logging.INFO,
    Happening.READY: logging.INFO,
    Happening.CRASHED: logging.ERROR,
    Happening.HUNG: logging.ERROR,
    Happening.STOPPING: logging.INFO,
    Happening.STOPPED: logging.INFO,
    Happening.FAILED: logging.ERROR,
}


class LineSink(Protocol):
    """Where engines' lines go."""

    def engine_line(self, unit: str, raw: bytes) -> object:
        """Take one line, without its end."""
        ...

    def settle(self) -> None:
        """Tell what was left out so far."""
        ...


class Keeper:
    """One engine from the wish that it runs until it is stopped. `run` is its whole life."""

    def __init__(
        self,
        state: EngineState,
        probe: ProbePort,
        cwd: Path | None,
        clock: Clock,
        sink: LineSink,
        *,
        on_change: Callable[[], None],
        on_return: Callable[[str], Awaitable[None]],
    ) -> None:
        self.state = state
        self.unit = Unit()
        self.since: datetime = clock.wall()
        self.served = asyncio.Event()
        self.gone = asyncio.Event()
        self.reason = Reason("")
        self._probe = probe
        self._cwd = cwd
        self._clock = clock
        self._sink = sink
        self._on_change = on_change
        self._on_return = on_return
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._last_lines: deque[bytes] = deque(maxlen=_LAST_LINES)
        self._child: process.Child | None = None
        self._side_tasks: set[asyncio.Task[None]] = set()

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._child.pid if self._child is not None else None

    def want_stop(self) -> None:
        """Have the engine stopped; `gone` is set when it is."""
        self._events.put_nowait(StopWanted())

    def signal(self, number: Signals) -> bool:
        """Send the process a signal; False when there is none."""
        if self._child is None:
            return False
        self._child.signal(number)
        return True

    async def run(self) -> None:
        """Start the engine and stay with it until it is stopped or never served. Nothing of it is left then."""
        self._events.put_nowait(StartWanted())
        try:
            async with asyncio.TaskGroup() as group:
                started = False
                while not (started and isinstance(self.unit.life, Stopped)):
                    event = await self._next_event()
                    started = started or isinstance(event, StartWanted)
                    self._sink.settle()
                    self.unit, commands = handle(self.unit, event, self._clock.monotonic())
                    for command in commands:
                        await self._perform(command, group)
                self._cancel_side_tasks()
        finally:
            # Also when we are cancelled, or fail by a bug: an engine without a keeper must not go on.
            if self._child is not None:
                self._child.abandon()
            self.gone.set()

    async def _next_event(self) -> Event:
        wake_at_s = self.unit.wake_at_s
        if wake_at_s is None or not self._events.empty():
            return await self._events.get()
        try:
            async with asyncio.timeout(max(0.0, wake_at_s - self._clock.monotonic())):
                return await self._events.get()
        except TimeoutError:
            return Tick()

    async def _perform(self, command: Command, group: asyncio.TaskGroup) -> None:
        match command:
            case Spawn(attempt):
                await self._spawn(attempt, group)
            case Probe(attempt):
                self._beside(group.create_task(self._ask(attempt)))
            case Terminate():
                if self._child is not None:
                    self._child.terminate()
            case Kill():
                if self._child is not None:
                    self._child.kill()
            case Report(happening, reason):
                self._tell(happening, reason, group)
            case _:
                assert_never(command)

    async def _spawn(self, attempt: int, group: asyncio.TaskGroup) -> None:
        self._cancel_side_tasks()
        self._last_lines.clear()
        self.reason = Reason("")
        wanted = self.state.process
        try:
            self._require_free_ports()
            self._child = await process.spawn(
                Launch(wanted.argv, wanted.user, wanted.capabilities, wanted.env, self._cwd, wanted.quotes),
                self._take_line,
            )
        except HostError as error:
            self.reason = Reason(error.reason, error.advice)
            self._events.put_nowait(SpawnFailed(attempt, error.reason))
            return
        group.create_task(self._attend(attempt, self._child))

    def _require_free_ports(self) -> None:
        for listener in self.state.listeners:
            if ports.is_taken(listener.proto, listener.address, listener.port):
                taken = port_taken(listener, ports.holder(listener.proto, listener.port))
                raise HostError(taken.text, taken.advice)

    def _take_line(self, raw: bytes) -> None:
        self._last_lines.append(raw)
        self._sink.engine_line(self.state.name, raw)

    async def _attend(self, attempt: int, child: process.Child) -> None:
        code = await child.wait()
        self._child = None
        lines = [parse(self.state.name, raw) for raw in self._last_lines if raw.strip()]
        self.reason = exit_reason(code, lines, self.state.listeners)
        self._events.put_nowait(Exited(attempt, self.reason.text))

    async def _ask(self, attempt: int) -> None:
        timeout_s = PROBE_STARTING_TIMEOUT_S if isinstance(self.unit.life, Starting) else PROBE_TIMEOUT_S
        try:
            async with asyncio.timeout(timeout_s):
                await self._probe()
        except TimeoutError:
            self._events.put_nowait(ProbeFailed(attempt, f"no answer within {timeout_s:g} s"))
        except PeerError as error:
            self._events.put_nowait(ProbeFailed(attempt, str(error)))
        else:
            self._events.put_nowait(ProbeGood(attempt))

    def _tell(self, happening: Happening, reason: str, group: asyncio.TaskGroup) -> None:
        self.since = self._clock.wall()
        log.log(
            _LEVEL[happening],
            f"engine_{happening.value} unit=%s pid=%s attempt=%d reason=%s",
            self.state.name,
            self.pid,
            self.unit.attempt,
            reason,
        )
        if happening is Happening.READY:
            if self.served.is_set():
                self._beside(group.create_task(self._returned()))
            self.served.set()
        self._on_change()

    async def _returned(self) -> None:
        """Have the state pushed that an engine lost with its process."""
        try:
            await self._on_return(self.state.name)
        except VoxgateError as error:
            log.warning("engine_state_not_restored unit=%s error=%s", self.state.name, error)

    def _beside(self, task: asyncio.Task[None]) -> None:
        self._side_tasks.add(task)
        task.add_done_callback(self._side_tasks.discard)

    def _cancel_side_tasks(self) -> None:
        for task in self._side_tasks:
            task.cancel()

    @property
    def serving(self) -> bool:
        """Whether the engine answers."""
        return isinstance(self.unit.life, Serving)
