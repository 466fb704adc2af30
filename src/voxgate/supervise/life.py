"""The values of one engine's life: what a unit can be doing, the events it hears, the commands it gives. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, assert_never


class Then(Enum):
    """What follows when a process that is being stopped is gone."""

    STOP = "stop"
    FAIL = "fail"
    RESTART = "restart"


class Happening(Enum):
    """What people and the rest of the program are told."""

    STARTING = "starting"
    READY = "ready"
    CRASHED = "crashed"
    HUNG = "hung"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


# What a unit can be doing.


@dataclass(frozen=True, slots=True)
class Stopped:
    """No process, and none is wanted. `failed`: it was wanted, but never served."""

    failed: bool = False


@dataclass(frozen=True, slots=True)
class Starting:
    """A process that does not serve yet. `first`: it was asked for, and whoever asked waits for the outcome."""

    deadline_s: float
    probe_at_s: float | None
    first: bool


@dataclass(frozen=True, slots=True)
class Serving:
    """A process that answers. `probe_at_s` is None while a probe is under way."""

    since_s: float
    probe_at_s: float | None
    misses: int = 0


@dataclass(frozen=True, slots=True)
class Stopping:
    """A process that is to end. At `kill_at_s` it is killed, and again later if that did not help."""

    kill_at_s: float
    then: Then
    why: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """No process; the next is started at `until_s`."""

    until_s: float


Life: TypeAlias = Stopped | Starting | Serving | Stopping | Waiting


@dataclass(frozen=True, slots=True)
class Unit:
    """One engine. `failures` counts crashes in a row, `restarts` all processes that were started by themselves."""

    life: Life = Stopped()
    attempt: int = 0
    restarts: int = 0
    failures: int = 0
    last_reason: str = ""

    @property
    def wake_at_s(self) -> float | None:
        """When a Tick is due, or None: nothing will happen by itself."""
        match self.life:
            case Stopped():
                return None
            case Starting(deadline_s, probe_at_s, _):
                return deadline_s if probe_at_s is None else min(deadline_s, probe_at_s)
            case Serving(_, probe_at_s, _):
                return probe_at_s
            case Stopping(kill_at_s, _, _):
                return kill_at_s
            case Waiting(until_s):
                return until_s
            case _:
                assert_never(self.life)


# Events.


@dataclass(frozen=True, slots=True)
class StartWanted:
    """Somebody wants the engine to run."""


@dataclass(frozen=True, slots=True)
class StopWanted:
    """Somebody wants the engine to end, for good."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    """The process could not be started at all."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Exited:
    """The process and all of its group are gone."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class ProbeGood:
    """The engine answered that it serves."""

    attempt: int


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    """The engine did not answer, or that it does not serve."""

    attempt: int
    reason: str


Event: TypeAlias = StartWanted | StopWanted | Tick | SpawnFailed | Exited | ProbeGood | ProbeFailed


# Commands.


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the process, then send `Exited` when it is gone, or `SpawnFailed`."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the engine once, then send `ProbeGood` or `ProbeFailed`, in bounded time."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Terminate:
    """Send SIGTERM."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Send SIGKILL to the whole group."""


@dataclass(frozen=True, slots=True)
class Report:
    """Tell what happened. `reason` is empty where there is nothing to explain."""

    happening: Happening
    reason: str = ""


Command: TypeAlias = Spawn | Probe | Terminate | Kill | Report
Step: TypeAlias = tuple[Unit, tuple[Command, ...]]
