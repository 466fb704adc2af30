"""What the control socket's verbs do: load, plan, apply, record, roll back. One apply at a time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.errors import ConfigError, ExitCode, HostError, UsageError
from voxgate.plan.apply import Applied, Hands, Result, apply
from voxgate.plan.diff import Plan, diff
from voxgate.plan.history import (
    History,
    Outcome,
    Record,
    SavedFile,
    WayBack,
    loadable,
    put_back,
    read_sources,
    saved,
    way_back,
)
from voxgate.plan.steps import Do, as_found
from voxgate.supervise.control import Caller, Told
from voxgate.supervise.outcome import history_table, outcome_of, plan_told, reason_of, result_told
from voxgate.supervise.status import Overall, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from voxgate.config.load import Loaded, Source
    from voxgate.config.model import Config
    from voxgate.plan.desired import Desired
    from voxgate.wire.control import ApplyRequest, PlanRequest, RollbackRequest

log = logging.getLogger(__name__)

#: Steps that nobody notices.
QUIET = frozenset({Do.POLICY, Do.DISPATCHER, Do.TLS, Do.RELOAD})


@dataclass(frozen=True, slots=True)
class Reading:
    """How a configuration becomes a `Desired`.

    `load` reads the main file and its `conf.d`; `load_sources` takes texts as if they lay beside the main
    file (both raise ConfigError). `desire` resolves a configuration on this machine for a generation.
    """

    load: Callable[[Path], Loaded]
    load_sources: Callable[[Path, tuple[Source, ...]], Loaded]
    desire: Callable[[Config, int], Desired]
    history: History
    renew: Callable[[Desired, int], Desired] = lambda desired, _: desired


async def _nothing(_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine and its engines. `read_back` gives the engines' files as they lie on disk."""

    hands: Hands
    read_back: Callable[[Desired], Mapping[tuple[str, str], bytes | None]]
    observe: Callable[[Desired, tuple[str, ...]], Awaitable[Status]]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Wish:
    """A configuration that somebody wants to run, and the plan for it."""

    loaded: Loaded
    plan: Plan
    verb: str
    by: str


def plan_offline(main: Path, reading: Reading) -> Plan:
    """The plan against the newest applied generation, when no Voxgate runs. Raises ConfigError."""
    after = reading.desire(reading.load(main).config, reading.history.next_generation())
    record = reading.history.running()
    if record is None:
        return diff(None, after)
    sources = loadable(main, reading.history.sources(record.generation))
    former = reading.load_sources(main, sources).config
    return diff(reading.desire(former, record.generation), after)


class Operations:
    """Implements `control.Verbs`. `running` is what runs; None before `start`."""

    def __init__(
        self,
        main: Path,
        reading: Reading,
        machine: Machine,
        *,
        on_applied: Callable[[Desired], None] = lambda _: None,
        prepare: Callable[[Config], Awaitable[None]] = _nothing,
        on_leaving: Callable[[Desired], Awaitable[None]] = _nothing,
    ) -> None:
        """`prepare` hears of a configuration before it is planned, `on_leaving` of what will run before it does."""
        self.main = main
        self.running: Desired | None = None
        self._warnings: tuple[str, ...] = ()
        self._reading = reading
        self._machine = machine
        self._on_applied = on_applied
        self._prepare = prepare
        self._on_leaving = on_leaving
        self._lane = asyncio.Lock()
        #: What holds the lane is nobody's wish, and short: a person's waits for it.
        self._refreshes = False

    async def start(self, by: str) -> Result:
        """The first apply after Voxgate started: from nothing to the main file. Raises ConfigError.

        The same files as those of the newest applied generation keep its number.
        """
        loaded = self._reading.load(self.main)
        await self._prepare(loaded.config)
        files, record = saved(self.main, loaded.sources), self._reading.history.running()
        if record and self._reading.history.sources(record.generation) == files:
            plan = diff(None, self._reading.desire(loaded.config, record.generation))
            return await self._carry_out(Wish(loaded, plan, "run", by), lambda _: None)
        plan = diff(None, self._reading.desire(loaded.config, self._reading.history.next_generation()))
        return await self._recorded(Wish(loaded, plan, "run", by), lambda _: None)

    async def status(self) -> Told:
        """How everything is; exit code 1 unless all is well."""
        status = await self._machine.observe(self._runs(), self._warnings)
        good = status.overall is Overall.OK
        return Told(status.to_json(), status.to_table(), ExitCode.GOOD if good else ExitCode.FAILED)

    async def history(self) -> Told:
        """All generations, the newest last."""
        records, current = self._reading.history.records(), self._runs().generation
        data: dict[str, object] = {"running": current, "generations": [r.to_json() for r in records]}
        return Told(data, history_table(records, current))

    async def plan(self, request: PlanRequest) -> Told:
        """What `apply` would do."""
        plan = self._plan(self._reading.load(request.path or self.main))
        return plan_told(plan, with_diff=request.diff)

    async def apply(self, request: ApplyRequest, caller: Caller) -> Told:
        """Make a file effective. Raises ConfigError, UsageError when it needs a word that was not given."""
        async with self._only_one():
            main = request.path or self.main
            loaded = self._reading.load(main)
            await self._prepare(loaded.config)
            wish = Wish(loaded, self._plan(loaded), "apply", caller.by)
            _needs_word(wish.plan, said=request.yes)
            self.main = main
            return await self._fulfil(wish, caller)

    async def rollback(self, request: RollbackRequest, caller: Caller) -> Told:
        """Put an earlier generation's files back and apply them. Raises as `apply`."""
        async with self._only_one():
            number = request.generation or self._one_before()
            wanted = self._reading.history.sources(number)
            on_disk = read_sources(self.main)
            edited = self._edits(on_disk)
            if edited and not request.force and self._means_something(on_disk):
                raise UsageError(
                    f"{', '.join(edited)}: edits that were never applied would be lost\n"
                    "    apply them first, or roll back with --force, which keeps them in the history"
                )
            loaded = self._reading.load_sources(self.main, loadable(self.main, wanted))
            await self._prepare(loaded.config)
            _needs_word(self._plan(loaded), said=request.yes)
            if edited:
                self._keep(on_disk, caller.by)
            way = way_back(self.main, wanted, on_disk)
            put_back(self.main, way)
            wish = Wish(loaded, self._plan(loaded), f"rollback {number}", caller.by)
            told = await self._fulfil(wish, caller)
            if told.exit_code is not ExitCode.GOOD:
                put_back(self.main, way_back(self.main, on_disk, read_sources(self.main)))
                return told
            return Told(told.data, "\n".join((told.text, *_files_told(way, number))))

    async def refresh(self) -> str:
        """Apply what runs once more, because the world around it changed; only what interrupts nobody.

        Gives the reason where that was not done, empty where what runs is right now.
        """
        async with self._lane, self._unasked():
            before, history = self._runs(), self._reading.history
            plan = diff(before, self._reading.renew(before, history.next_generation()))
            if plan.nothing_to_do:
                return ""
            if too_much := {step.action for step in plan.steps} - QUIET:
                reason = (
                    f"it needs a {' and a '.join(sorted(action.value for action in too_much))}: run `voxgate apply`"
                )
            else:
                result = await apply(plan, self._machine.hands, lambda _: None)
                reason = reason_of(result)
            if reason:
                log.warning("not_refreshed reason=%s", reason)
                return reason
            history.renumber(before.generation, plan.generation)
            self.running = plan.after
            self._on_applied(plan.after)
            return ""

    @asynccontextmanager
    async def _unasked(self) -> AsyncIterator[None]:
        self._refreshes = True
        try:
            yield
        finally:
            self._refreshes = False

    def _runs(self) -> Desired:
        if self.running is None:
            raise HostError("Voxgate is starting", "ask again in a moment")
        return self.running

    def _only_one(self) -> asyncio.Lock:
        # A second apply would be planned against what the first one is about to change.
        if self._lane.locked() and not self._refreshes:
            raise HostError("another apply runs", "wait until it has ended")
        return self._lane

    def _plan(self, loaded: Loaded) -> Plan:
        before = self._runs()
        found = as_found(before, self._machine.read_back(before))
        return diff(found, self._reading.desire(loaded.config, self._reading.history.next_generation()))

    async def _fulfil(self, wish: Wish, caller: Caller) -> Told:
        if wish.plan.nothing_to_do:
            return plan_told(wish.plan, with_diff=False)
        return result_told(await self._recorded(wish, caller.progress), wish.plan)

    async def _recorded(self, wish: Wish, progress: Callable[[str], None]) -> Result:
        plan, history = wish.plan, self._reading.history
        summary = plan.summary if plan.before else "first start"
        record = Record(plan.generation, self._machine.now(), wish.by, wish.verb, summary, Outcome.STARTED)
        history.begin(record, saved(self.main, wish.loaded.sources), str(plan))
        result = await self._carry_out(wish, progress)
        history.finish(plan.generation, *outcome_of(result))
        return result

    async def _carry_out(self, wish: Wish, progress: Callable[[str], None]) -> Result:
        await self._on_leaving(wish.plan.after)
        result = await apply(wish.plan, self._machine.hands, progress)
        if isinstance(result, Applied):
            self.running = wish.plan.after
            self._on_applied(wish.plan.after)
            self._warnings = tuple(str(warning) for warning in wish.loaded.warnings)
        elif self.running:
            # Whoever left for what was to come comes back.
            self._on_applied(self.running)
        return result

    def _one_before(self) -> int:
        record = self._reading.history.before(self._runs().generation)
        if record is None:
            raise UsageError("there is no generation before this one\n    see `voxgate history`")
        return record.generation

    def _edits(self, on_disk: tuple[SavedFile, ...]) -> tuple[str, ...]:
        """Paths that differ from what runs."""
        applied = self._reading.history.sources(self._runs().generation)
        way = way_back(self.main, applied, on_disk)
        return (*(file.path for file in way.write), *way.remove)

    def _means_something(self, on_disk: tuple[SavedFile, ...]) -> bool:
        """Whether what lies on disk would run differently: comments do not, what cannot be read may."""
        try:
            return self._reading.load_sources(self.main, loadable(self.main, on_disk)).config != self._runs().config
        except ConfigError:
            return True

    def _keep(self, on_disk: tuple[SavedFile, ...], by: str) -> None:
        number, text = self._reading.history.next_generation(), "edits kept before a rollback"
        record = Record(number, self._machine.now(), by, "rollback", text, Outcome.SAVED)
        self._reading.history.begin(record, on_disk, "")


def _needs_word(plan: Plan, *, said: bool) -> None:
    if plan.dangers and not said:
        raise UsageError(f"{plan}\n\nNothing was changed. Repeat with --yes if this is what you want.")


def _files_told(way: WayBack, number: int) -> list[str]:
    lines = [f"{file.path} is that of generation {number} again" for file in way.write]
    return lines + [f"{path} is moved away; it is kept in the history" for path in way.remove]
