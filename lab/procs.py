"""The one place of the lab that starts programs: argument list, no shell, deadline, a log line that can be pasted."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO

log = logging.getLogger(__name__)

KEPT = ("PATH", "HOME", "LANG", "TERM", "VIRTUAL_ENV")


class LabError(Exception):
    """The machine refused what the lab asked: no rights, missing program, a command that failed."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended; ``code`` is negative when a signal ended it."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Process:
    """A started program in a process group of its own; every method may be called after its end."""

    popen: subprocess.Popen[bytes]
    name: str
    stdin: IO[bytes] | None = field(default=None)

    @property
    def pid(self) -> int:
        """Process id, also of the group."""
        return self.popen.pid

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        return self.popen.poll()

    def terminate(self) -> None:
        """Ask the whole process group to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the whole process group now."""
        self._signal(signal.SIGKILL)

    def wait(self, timeout_s: float) -> int:
        """Wait for the exit code. Raises LabError when the time is over."""
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired as exc:
            raise LabError(f"{self.name} still runs after {timeout_s} s") from exc

    def stop(self, grace_s: float = 2.0) -> int:
        """Terminate, wait ``grace_s``, then kill: the program is gone when this returns its exit code."""
        self.terminate()
        with suppress(LabError):
            return self.wait(grace_s)
        self.kill()
        return self.wait(grace_s)

    def write(self, text: str) -> None:
        """Write to its input. Raises LabError if it was started without one or has ended."""
        if self.stdin is None:
            raise LabError(f"{self.name} was started without input")
        try:
            self.stdin.write(text.encode())
            self.stdin.flush()
        except OSError as exc:
            raise LabError(f"{self.name} does not read any more: {exc}") from exc

    def _signal(self, number: signal.Signals) -> None:
        if self.popen.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.popen.pid, number)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The scrubbed environment programs get: a few names kept, ``extra`` on top."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, **(extra or {})}


def run(argv: Sequence[str], *, timeout_s: float, stdin: str = "", env: Mapping[str, str] | None = None) -> Completed:
    """Run to the end and return what it said. Raises LabError if it cannot start or takes longer than ``timeout_s``."""
    log.debug("run argv=%s", shlex.join(argv))
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=environment(env),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise LabError(f"{shlex.join(argv)}: {exc}") from exc
    return Completed(done.returncode, done.stdout, done.stderr)


def spawn(
    argv: Sequence[str],
    *,
    log_path: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    with_input: bool = False,
) -> Process:
    """Start in the background; output of both kinds goes to ``log_path``. Raises LabError if it cannot start."""
    log.debug("spawn argv=%s", shlex.join(argv))
    sink: IO[bytes] | int = log_path.open("ab") if log_path else subprocess.DEVNULL
    try:
        popen = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if with_input else subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=environment(env),
            cwd=cwd,
            # Own group: a Ctrl-C at the terminal reaches us, and we end the programs in order.
            start_new_session=True,
        )
    except OSError as exc:
        raise LabError(f"{shlex.join(argv)}: {exc}") from exc
    finally:
        if not isinstance(sink, int):
            sink.close()
    return Process(popen, argv[0], popen.stdin)
