"""From two states of the engines to the smallest steps that lead from one to the other. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, assert_never

from voxgate.engines.base import Action, EngineState, File

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.plan.desired import Desired


class Do(Enum):
    """What is done to an engine, in the order in which it is done over all engines.

    What may be refused and can be taken back without harm comes first (a bad certificate stops the plan
    before a restart has cost anything). Then starts, restarts and whole reloads, in the engines' own order: what
    HAProxy passes on must find Kamailio. Maps and the policy come after them: the policy carries the generation number
    and may name what the others have only now. Stops are last.
    """

    TLS = "tls"
    DISPATCHER = "dispatcher"
    TABLES = "tables"
    START = "start"
    RESTART = "restart"
    RELOAD = "reload"
    MAPS = "maps"
    RULES = "rules"
    POLICY = "policy"
    STOP = "stop"


#: Starts, restarts and whole reloads share a rank: there the order of the engines counts.
RANK = {
    Do.TLS: 0,
    Do.DISPATCHER: 1,
    Do.TABLES: 1,
    Do.START: 2,
    Do.RESTART: 2,
    Do.RELOAD: 2,
    Do.MAPS: 3,
    Do.RULES: 3,
    Do.POLICY: 3,
    Do.STOP: 4,
}

RELOADS = {
    Action.TLS: Do.TLS,
    Action.DISPATCHER: Do.DISPATCHER,
    Action.TABLES: Do.TABLES,
    Action.RELOAD: Do.RELOAD,
    Action.MAPS: Do.MAPS,
    Action.RULES: Do.RULES,
    Action.POLICY: Do.POLICY,
}

TITLES = {"kamailio": "Kamailio", "haproxy": "HAProxy", "coturn": "TURN", "coturn-rest": "TURN (time-limited)"} | {
    "dnsmasq": "DNS for the local network"
}
#: coturn keeps allocations in its process alone.
ALLOCATIONS_END = "allocations end, calls through them lose audio"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done to one engine. `write` and `remove` (paths relative to its folder) come first.

    `because` names what differs: file paths, or `command line`. `effect` is what users notice, empty when
    nothing; `interrupts`: the effect is bad enough to need a human word.
    """

    engine: str
    action: Do
    write: tuple[File, ...] = ()
    remove: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    effect: str = ""
    interrupts: bool = False

    def __str__(self) -> str:
        """One line for people."""
        match self.action:
            case Do.START | Do.RESTART | Do.RELOAD | Do.STOP:
                text = self.action.value
            case Do.TLS | Do.DISPATCHER | Do.TABLES | Do.MAPS | Do.RULES | Do.POLICY:
                text = f"reload {self.action.value}"
            case _:
                assert_never(self.action)
        why = f" ({', '.join(self.because)})" if self.because else ""
        return f"{self.engine}: {text}{why}"


def significant(before: Desired | None, after: Desired) -> bool:
    """Whether any engine must be touched, the generation number alone not counted."""
    if before is None:
        return bool(after.engines)
    return [_significance(state) for state in before.engines] != [_significance(state) for state in after.engines]


def steps(before: Desired | None, after: Desired) -> tuple[Step, ...]:
    """All steps in the order in which they are done. A new generation number counts here as a difference."""
    olds = {state.name: state for state in before.engines} if before else {}
    found = [step for state in after.engines for step in _engine_steps(olds.get(state.name), state)]
    news = {state.name for state in after.engines}
    # What started last is stopped first.
    found += [_stop(state) for state in reversed(tuple(olds.values())) if state.name not in news]
    return tuple(sorted(found, key=lambda step: RANK[step.action]))


def as_found(desired: Desired, on_disk: Mapping[tuple[str, str], bytes | None]) -> Desired:
    """`desired` with its files as they were read for (engine, path); None: it is not there.

    What somebody changed by hand then differs from what is wanted, and a plan puts it right.
    """
    return replace(desired, engines=tuple(_found(state, on_disk) for state in desired.engines))


def _found(state: EngineState, on_disk: Mapping[tuple[str, str], bytes | None]) -> EngineState:
    files = []
    for file in state.files:
        content = on_disk.get((state.name, file.path), file.content)
        if content == file.content:
            files.append(file)
        elif content is not None:
            files.append(replace(file, content=content, fingerprint=None))
    return replace(state, files=tuple(files))


def identity(file: File) -> bytes:
    """What a file is when two states are compared."""
    return file.content if file.fingerprint is None else file.fingerprint


def _significance(state: EngineState) -> object:
    return state.name, state.process, sorted((file.path, identity(file)) for file in state.files)


def _engine_steps(old: EngineState | None, new: EngineState) -> list[Step]:
    if old is None:
        return [Step(new.name, Do.START, write=new.files)]
    former = {file.path: file for file in old.files}
    write = tuple(f for f in new.files if f.path not in former or former[f.path].content != f.content)
    kept = {file.path for file in new.files}
    gone = tuple(file for file in old.files if file.path not in kept)
    needed = {file.action for file in (*write, *gone)}
    if old.process != new.process or Action.RESTART in needed:
        return [_restart(old, new, write, gone)]
    return [
        Step(
            new.name,
            RELOADS[action],
            write=tuple(file for file in write if file.action is action),
            remove=tuple(file.path for file in gone if file.action is action),
            because=tuple(file.path for file in (*write, *gone) if file.action is action),
            effect="TLS connections stay" if action is Action.TLS else "",
        )
        for action in RELOADS
        if action in needed
    ]


def _restart(old: EngineState, new: EngineState, write: tuple[File, ...], gone: tuple[File, ...]) -> Step:
    because = ["command line"] if old.process != new.process else []
    because += [file.path for file in (*write, *gone) if file.action is Action.RESTART]
    lost = _lost_by_restart(old)
    effect = f"{TITLES.get(old.name, old.name)} restarts, {lost or 'calls go on'}"
    removed = tuple(file.path for file in gone)
    return Step(new.name, Do.RESTART, write, removed, tuple(because), effect, interrupts=bool(lost))


def _lost_by_restart(old: EngineState) -> str:
    """What the connected ones lose; empty when the restart is over before anyone notices (SIP over UDP)."""
    if old.name == "rtpengine":
        return "calls in progress lose audio"
    if old.name.startswith("coturn"):
        return ALLOCATIONS_END
    if old.name == "dnsmasq":  # it is back before a resolver asks again
        return ""
    kept = sorted({listener.proto.upper() for listener in old.listeners} & {"TCP", "TLS"})
    return f"calls go on, {' and '.join(kept)} connections must be opened again" if kept else ""


def _stop(old: EngineState) -> Step:
    lost = {"rtpengine": "calls in progress lose audio", "coturn": ALLOCATIONS_END, "coturn-rest": ALLOCATIONS_END}.get(
        old.name, "what it serves is served no more"
    )
    effect = f"{TITLES.get(old.name, old.name)} stops, {lost}"
    return Step(old.name, Do.STOP, remove=tuple(file.path for file in old.files), effect=effect, interrupts=True)
