"""Commands of `apply`, in the imperative: what is done to the machine, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from voxgate.engines.base import Action, EngineState, File
    from voxgate.plan.desired import Desired


@dataclass(frozen=True, slots=True)
class Check:
    """Ask `engine` about its files of `desired`."""

    engine: str
    desired: Desired

    def __str__(self) -> str:
        return f"{self.engine}: check"


@dataclass(frozen=True, slots=True)
class Write:
    """Put `file` into the folder of the engine that `state` is for."""

    state: EngineState
    file: File

    def __str__(self) -> str:
        return f"{self.state.name}: write {self.file.path}"


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the file `path` out of the engine's folder."""

    engine: str
    path: str

    def __str__(self) -> str:
        return f"{self.engine}: remove {self.path}"


@dataclass(frozen=True, slots=True)
class Reload:
    """Make the files of `action` effective."""

    engine: str
    action: Action
    generation: int

    def __str__(self) -> str:
        return f"{self.engine}: reload {self.action.value}"


@dataclass(frozen=True, slots=True)
class Start:
    """Start an engine that does not run."""

    state: EngineState
    generation: int

    def __str__(self) -> str:
        return f"{self.state.name}: start"


@dataclass(frozen=True, slots=True)
class Restart:
    """Stop an engine and start it anew."""

    state: EngineState
    generation: int

    def __str__(self) -> str:
        return f"{self.state.name}: restart"


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop an engine."""

    engine: str

    def __str__(self) -> str:
        return f"{self.engine}: stop"


@dataclass(frozen=True, slots=True)
class Verify:
    """Ask an engine whether it serves `generation`."""

    engine: str
    generation: int

    def __str__(self) -> str:
        return f"{self.engine}: verify"


Command = Check | Write | Remove | Reload | Start | Restart | Stop | Verify


def engine_of(command: Command) -> str:
    """The engine that a command is for."""
    match command:
        case Write(state) | Start(state) | Restart(state):
            return state.name
        case Check(engine) | Remove(engine) | Reload(engine) | Stop(engine) | Verify(engine):
            return engine
        case _:
            assert_never(command)
