"""All engines together: the asyncio driver of all units, in the order in which they were started.

    async with Supervisor(clock, sink) as supervisor:
        await supervisor.start(state, KamailioProbe(client), cwd=folder)

What was started is stopped in reverse order when the block is left, however it is left.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, assert_never

from voxgate.errors import EngineError
from voxgate.supervise.keeper import Keeper, LineSink
from voxgate.supervise.life import Life, Serving, Starting, Stopped, Stopping, Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime
    from pathlib import Path
    from signal import Signals
    from types import TracebackType

    from voxgate.engines.base import EngineState, Process
    from voxgate.host.clock import Clock
    from voxgate.supervise.readiness import Probe


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """One engine at one moment. `since`: when `phase` began. `generation`: with which it was started.

    `phase` is starting, serving, stopping, waiting (for the next start after a crash), stopped or failed.
    `fingerprint` tells two ways of starting it apart: arguments, user, capabilities, environment.
    """

    name: str
    phase: str
    serving: bool
    pid: int | None
    since: datetime
    restarts: int
    last_reason: str
    fingerprint: str
    generation: int


async def _nothing(name: str) -> None:
    """Stand for a hook where none is wanted."""
    del name


class Supervisor:
    """Runs engines. `on_change` is called after each change that `snapshot` would show.

    `on_ready` is called when an engine is back after it was restarted by itself, so that state which only the
    engine held can be pushed again; VoxgateErrors it raises are logged.
    """

    def __init__(
        self,
        clock: Clock,
        log_sink: LineSink,
        *,
        on_change: Callable[[], None] = lambda: None,
        on_ready: Callable[[str], Awaitable[None]] = _nothing,
    ) -> None:
        self._clock = clock
        self._sink = log_sink
        self._on_change = on_change
        self._on_ready = on_ready
        self._group = asyncio.TaskGroup()
        self._keepers: dict[str, Keeper] = {}
        self._generations: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop_all()
        except asyncio.CancelledError as again:
            # Somebody is in a hurry: the group then cancels the keepers, and each kills its engine.
            await self._group.__aexit__(type(again), again, None)
            raise
        if isinstance(error, asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)
        else:
            # The group would wrap the block's own error; no keeper is left that would have to be cancelled.
            await self._group.__aexit__(None, None, None)

    async def start(self, state: EngineState, probe: Probe, *, cwd: Path | None = None, generation: int = 0) -> None:
        """Start an engine that does not run and return when it serves.

        Raises EngineError when it does not, with its own last words and advice; it is stopped then.
        """
        former = self._keepers.get(state.name)
        if former is not None and not former.gone.is_set():
            raise EngineError(state.name, "runs already", "stop it first")
        keeper = Keeper(
            state,
            probe,
            cwd,
            self._clock,
            self._sink,
            on_change=self._on_change,
            on_return=self._on_ready,
        )
        self._keepers[state.name] = keeper
        self._generations[state.name] = generation
        task = self._group.create_task(keeper.run())
        # A task that is cancelled before its first step never gets to say so itself.
        task.add_done_callback(lambda _: keeper.gone.set())
        await _first_of(keeper.served, keeper.gone)
        if not keeper.served.is_set():
            reason = keeper.unit.last_reason or "was stopped before it served"
            raise EngineError(state.name, reason, keeper.reason.advice)

    async def stop(self, name: str) -> None:
        """Stop an engine and return when nothing of it is left; one that does not run is good."""
        keeper = self._keepers.get(name)
        if keeper is not None and not keeper.gone.is_set():
            keeper.want_stop()
            await keeper.gone.wait()

    async def restart(self, state: EngineState, probe: Probe, *, cwd: Path | None = None, generation: int = 0) -> None:
        """Stop the engine if it runs and start it as `state` says.

        Raises EngineError when the new one does not serve; the engine is stopped then, and the caller can start
        the former again.
        """
        await self.stop(state.name)
        await self.start(state, probe, cwd=cwd, generation=generation)

    def signal(self, name: str, number: Signals) -> None:
        """Send a running engine a signal that means something to it. Raises EngineError when it does not run."""
        keeper = self._keepers.get(name)
        if keeper is None or not keeper.signal(number):
            raise EngineError(name, "does not run")

    async def stop_all(self) -> None:
        """Stop all engines, the last started first."""
        for name in reversed(tuple(self._keepers)):
            await self.stop(name)

    def snapshot(self) -> tuple[UnitStatus, ...]:
        """Return how each engine is that was ever started, in the order of their first start."""
        return tuple(self._status(name, keeper) for name, keeper in self._keepers.items())

    def _status(self, name: str, keeper: Keeper) -> UnitStatus:
        return UnitStatus(
            name=name,
            phase=_phase(keeper.unit.life),
            serving=keeper.serving,
            pid=keeper.pid,
            since=keeper.since,
            restarts=keeper.unit.restarts,
            last_reason=keeper.unit.last_reason,
            fingerprint=fingerprint(keeper.state.process),
            generation=self._generations[name],
        )


def fingerprint(process: Process) -> str:
    """Return twelve hex digits that change when the way of starting does."""
    parts = (process.argv, process.user, process.capabilities, process.env)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _phase(life: Life) -> str:
    match life:
        case Stopped(failed):
            return "failed" if failed else "stopped"
        case Starting():
            return "starting"
        case Serving():
            return "serving"
        case Stopping():
            return "stopping"
        case Waiting():
            return "waiting"
        case _:
            assert_never(life)


async def _first_of(*events: asyncio.Event) -> None:
    """Return when one of the events is set."""
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
