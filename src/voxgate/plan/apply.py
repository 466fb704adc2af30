"""Carries out a `Plan`: check, write, smallest reload, verify; or back to before.

`forward` and `backward` are pure: they say which commands lead to the new state, and which lead back from any
point on the way. `apply` is the dull driver. The habit is Patroni's `quorum.py`: a resolver that can be
interrupted after every step, tested by interrupting it after every step.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, assert_never

from voxgate.engines.base import Action, EngineState, File
from voxgate.errors import VoxgateError
from voxgate.plan.commands import (
    Check,
    Command,
    Reload,
    Remove,
    Restart,
    Start,
    Stop,
    Verify,
    Write,
    engine_of,
)
from voxgate.plan.steps import RANK, Do, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voxgate.plan.desired import Desired
    from voxgate.plan.diff import Plan

log = logging.getLogger(__name__)


class Hands(Protocol):
    """What `apply` can do to the machine. Every method raises a `VoxgateError` when it could not."""

    async def check(self, desired: Desired, engine: str) -> None:
        """Ask the engine whether it would accept its state in `desired`, without touching what runs."""

    async def write(self, state: EngineState, file: File) -> None:
        """Put one file of `state` into the engine's folder, atomically."""

    async def remove(self, engine: str, path: str) -> None:
        """Take a file out of the engine's folder; one that is not there is good."""

    async def reload(self, engine: str, action: Action, generation: int) -> None:
        """Make files with this action effective in the running engine."""

    async def start(self, state: EngineState, generation: int) -> None:
        """Start the engine and wait until it serves."""

    async def restart(self, state: EngineState, generation: int) -> None:
        """Stop the engine if it runs, start it as `state` says and wait until it serves."""

    async def stop(self, engine: str) -> None:
        """Stop the engine; one that does not run is good."""

    async def verify(self, engine: str, generation: int) -> None:
        """Ask the engine whether it serves, and `generation`, where it can tell."""


@dataclass(frozen=True, slots=True)
class Applied:
    """All is done and verified."""

    generation: int


@dataclass(frozen=True, slots=True)
class Kept:
    """It did not work, and the machine is as it was. `touched` tells whether anything was changed in between.

    `running` is the generation that runs, `None` when nothing ran before either.
    """

    running: int | None
    at: str
    reason: str
    touched: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """It did not work, and not everything could be put back: `failures` says what."""

    at: str
    reason: str
    failures: tuple[str, ...]


Result = Applied | Kept | Broken


def forward(plan: Plan) -> tuple[Command, ...]:
    """All commands of a plan: every check before anything is touched, then files, actions, questions."""
    states = {state.name: state for state in plan.after.engines}
    stays = [step for step in plan.steps if step.action is not Do.STOP]
    goes = [step for step in plan.steps if step.action is Do.STOP]
    engines = [state.name for state in plan.after.engines if any(step.engine == state.name for step in stays)]
    return (
        *(Check(engine, plan.after) for engine in engines),
        *(Write(states[step.engine], file) for step in stays for file in step.write),
        *(Remove(step.engine, path) for step in stays for path in step.remove),
        *(_action(step, states, plan.after.generation) for step in stays),
        *(Stop(step.engine) for step in goes),
        # An engine keeps its files for as long as it runs.
        *(Remove(step.engine, path) for step in goes for path in step.remove),
        *(Verify(engine, plan.after.generation) for engine in engines),
    )


def _action(step: Step, states: dict[str, EngineState], generation: int) -> Command:
    match step.action:
        case Do.TLS | Do.DISPATCHER | Do.TABLES | Do.RELOAD | Do.MAPS | Do.RULES | Do.POLICY:
            return Reload(step.engine, Action(step.action.value), generation)
        case Do.START:
            return Start(states[step.engine], generation)
        case Do.RESTART:
            return Restart(states[step.engine], generation)
        case Do.STOP:
            return Stop(step.engine)
        case _:
            assert_never(step.action)


def backward(plan: Plan, attempted: Iterable[Command]) -> tuple[Command, ...]:
    """What leads back after `attempted`, whose last command may have worked not at all, half or wholly."""
    tried = tuple(attempted)
    olds = {state.name: state for state in plan.before.engines} if plan.before else {}
    started = [command.state.name for command in tried if isinstance(command, Start)]
    files = _files_back(tried, olds)
    actions = [command for command in tried if isinstance(command, Reload | Restart | Stop)]
    former = plan.before.generation if plan.before else 0
    order = tuple(olds)
    back = sorted(
        (_action_back(command, olds, former) for command in actions),
        key=lambda command: (_rank(command), order.index(engine_of(command))),
    )
    touched = dict.fromkeys(engine_of(command) for command in (*files, *back))
    return (
        *(Stop(engine) for engine in reversed(started)),
        *files,
        *back,
        *(Verify(engine, former) for engine in touched if engine in olds),
    )


def _files_back(tried: tuple[Command, ...], olds: dict[str, EngineState]) -> list[Command]:
    former = {(state.name, file.path): (state, file) for state in olds.values() for file in state.files}
    found: list[Command] = []
    for command in tried:
        if isinstance(command, Write | Remove):
            key = engine_of(command), command.file.path if isinstance(command, Write) else command.path
            found.append(Write(*former[key]) if key in former else Remove(*key))
    return found


def _action_back(command: Reload | Restart | Stop, olds: dict[str, EngineState], former: int) -> Command:
    match command:
        case Reload(engine, action, _):
            return Reload(engine, action, former)
        case Restart(state, _):
            return Restart(olds[state.name], former)
        case Stop(engine):
            # Whether it was stopped when the command failed nobody knows; a restart is right in both cases.
            return Restart(olds[engine], former)
        case _:
            assert_never(command)


def _rank(command: Command) -> int:
    match command:
        case Reload(_, action, _):
            return RANK[Do(action.value)]
        case _:
            return RANK[Do.RESTART]


async def apply(plan: Plan, hands: Hands, progress: Callable[[str], None]) -> Result:
    """Carry out `plan`; on any failure lead back. Each command is said to `progress` beforehand."""
    attempted: list[Command] = []
    for command in forward(plan):
        progress(str(command))
        attempted.append(command)
        try:
            await _perform(command, hands)
        except VoxgateError as error:
            log.warning("apply_failed generation=%d at=%r", plan.after.generation, str(command))
            return await _lead_back(plan, attempted, str(error), hands, progress)
    log.info("applied generation=%d", plan.after.generation)
    return Applied(plan.after.generation)


async def _lead_back(
    plan: Plan, attempted: list[Command], reason: str, hands: Hands, progress: Callable[[str], None]
) -> Result:
    at, back, failures = str(attempted[-1]), backward(plan, attempted), []
    olds = {state.name: state for state in plan.before.engines} if plan.before else {}
    queue = deque(back)
    while queue:
        command = queue.popleft()
        progress(f"back: {command}")
        try:
            await _perform(command, hands)
        except VoxgateError as error:
            if isinstance(command, Reload) and command.engine in olds:
                # Kamailio 5.6 may take no certificate at all after it has refused two: its reload is broken then.
                log.warning("reload_refused engine=%s reason=%s", command.engine, error)
                queue.appendleft(Restart(olds[command.engine], plan.before.generation if plan.before else 0))
                continue
            # The rest is put back all the same: the nearer to the former state, the better.
            failures.append(f"{command}: {error}")
    if failures:
        log.error("restore_failed failures=%d", len(failures))
        return Broken(at, reason, tuple(failures))
    return Kept(plan.before.generation if plan.before else None, at, reason, touched=bool(back))


async def _perform(command: Command, hands: Hands) -> None:
    match command:
        case Check(engine, desired):
            await hands.check(desired, engine)
        case Write(state, file):
            await hands.write(state, file)
        case Remove(engine, path):
            await hands.remove(engine, path)
        case Reload(engine, action, generation):
            await hands.reload(engine, action, generation)
        case Start(state, generation):
            await hands.start(state, generation)
        case Restart(state, generation):
            await hands.restart(state, generation)
        case Stop(engine):
            await hands.stop(engine)
        case Verify(engine, generation):
            await hands.verify(engine, generation)
        case _:
            assert_never(command)
