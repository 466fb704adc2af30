"""Errors, split by who must act, and the exit codes they lead to.

A bug in Voxgate is none of these: it is not caught, it ends the process with a traceback.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell sees of every verb."""

    GOOD = 0
    FAILED = 1
    USAGE = 2


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in the configuration: where it is, what is wrong, what would be right.

    `line` counts from 1; 0 stands for "the file as a whole". `key` is the dotted path as the
    user writes it, for instance `pbxs.hq.nodes[1].address`.
    """

    file: str
    line: int
    key: str
    message: str
    advice: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}\n    {self.advice}"


class VoxgateError(Exception):
    """Base of all errors that end in a sentence for a person instead of a traceback."""

    exit_code = ExitCode.FAILED


class ConfigError(VoxgateError):
    """The operator must act: the configuration is wrong. Carries every problem found, in file order."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class UsageError(VoxgateError):
    """The operator must act: the command line asks for something that does not exist."""

    exit_code = ExitCode.USAGE


class EngineError(VoxgateError):
    """An engine refused or failed. `reason` is the engine's own word, `advice` says what to do."""

    def __init__(self, engine: str, reason: str, advice: str = "") -> None:
        super().__init__(f"{engine}: {reason}" + (f"\n    {advice}" if advice else ""))
        self.engine = engine
        self.reason = reason
        self.advice = advice


class HostError(VoxgateError):
    """This machine must be mended: a package is missing, a port is taken, a folder cannot be written."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}\n    {advice}")
        self.reason = reason
        self.advice = advice


class MissingError(HostError):
    """What was asked about is not there, or not any more."""


class PeerError(VoxgateError):
    """The other end of a control protocol sent what its protocol does not allow, or nothing in time."""
