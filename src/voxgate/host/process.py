"""The one place where programs are started: argument list, no shell, scrubbed environment, deadline.

`run` is for short programs whose output is read; `spawn` is for engines, which live until they are stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import grp
import logging
import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.errors import HostError
from voxgate.host.launch import (
    SEARCH_PATH,
    Account,
    Launch,
    LineCutter,
    become,
    environment,
    package_advice,
    pasteable,
)
from voxgate.host.message_socket import MessageSocket
from voxgate.host.pipes import exchange

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_SWEEP_PAUSE_S = 0.01
_SWEEP_ROUNDS = 200  # 2 s: after SIGKILL only a process stuck in the kernel lasts longer
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended: its `code` (negative: signal, as in `subprocess`) and the head of its output."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


def run(
    argv: tuple[str, ...],
    *,
    timeout_s: float,
    input: bytes | None = None,  # noqa: A002  the name subprocess uses
    env: tuple[tuple[str, str], ...] = (),
    cwd: Path | None = None,
    user: str = "",
) -> Finished:
    """Run a program to its end, as `user` if given. Blocks: call it from a thread where a loop runs.

    Raises HostError: program or user missing, not executable, not done after `timeout_s` (it is killed).
    A bad exit code is no error here; the caller knows what it means.
    """
    command = (find(argv[0]), *argv[1:])
    if user:
        command = (find("setpriv"), *_privileges(user, ()), "--", *command)
    log.debug("program_run line=%s", pasteable(command, env))
    try:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(env),
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise _not_started(argv[0], error) from error
    with popen:
        return _to_the_end(popen, argv, input, timeout_s)


def _to_the_end(
    popen: subprocess.Popen[bytes], argv: tuple[str, ...], text: bytes | None, timeout_s: float
) -> Finished:
    deadline_s = time.monotonic() + timeout_s
    try:
        stdout, stderr = exchange(
            (popen.stdin, popen.stdout, popen.stderr), text or b"", deadline_s, lambda: popen.poll() is not None
        )
        code = popen.wait(max(0, deadline_s - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise HostError(
            f"{argv[0]} was not done after {timeout_s:g} s and was killed",
            f"try it by hand: {pasteable(argv)}",
        ) from error
    finally:
        # What it started itself must not outlive it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
    return Finished(argv, code, *(data.decode("utf-8", "backslashreplace") for data in (stdout, stderr)))


def find(program: str) -> str:
    """Return the program's path. Raises HostError with the package to install."""
    path = shutil.which(program, path=SEARCH_PATH)
    if path is None:
        raise HostError(f"the program {program} is not installed", package_advice(Path(program).name))
    return path


def _not_started(program: str, error: OSError) -> HostError:
    return HostError(f"{program} could not be started: {error.strerror}", "check its file's mode and the folder given")


def _privileges(user: str, capabilities: tuple[str, ...]) -> tuple[str, ...]:
    privileged = os.geteuid() == 0
    account = None
    if privileged:
        try:
            entry = pwd.getpwnam(user)
        except KeyError as error:
            raise HostError(
                f"there is no user {user} on this machine",
                f"the Debian package of the engine creates it; or: adduser --system --group {user}",
            ) from error
        if entry.pw_uid != os.geteuid():
            account = Account(user, grp.getgrgid(entry.pw_gid).gr_name)
    return become(account, capabilities, privileged=privileged)


def command_of(launch: Launch) -> tuple[str, ...]:
    """Return the argument list that `spawn` executes: the engine, wrapped in setpriv(1).

    The change of user clears the parent-death signal (prctl(2)), so it is set last; setpriv does so.
    Raises HostError: program or user missing.
    """
    program = find(launch.argv[0])
    options = _privileges(launch.user, launch.capabilities)
    return (find("setpriv"), *options, "--pdeathsig=TERM", "--", program, *launch.argv[1:])


class _Output(asyncio.SubprocessProtocol):
    """Hands lines on as they come. A protocol: `Process.wait` of some Pythons waits for the pipes, too."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self.exited = asyncio.Event()
        self.drained = asyncio.Event()
        self._on_line = on_line
        self._cutter = LineCutter()

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        del fd
        for line in self._cutter.feed(data if isinstance(data, bytes) else data.encode()):
            self._on_line(line)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        del fd, exc
        for line in self._cutter.end():
            self._on_line(line)
        self.drained.set()

    def process_exited(self) -> None:
        self.exited.set()


class Child:
    """A running engine: the leader of a process group of its own."""

    def __init__(
        self, transport: asyncio.SubprocessTransport, output: _Output, messages: MessageSocket | None = None
    ) -> None:
        self._transport = transport
        self._output = output
        self._messages = messages
        self._drained = messages.drained if messages else output.drained
        self._gone = False
        self.pid = transport.get_pid()

    async def wait(self) -> int:
        """Return the leader's exit code once nothing of its group is left and its last line was handed on.

        Kamailio's workers outlive a main process that was killed and hold its ports, so the rest is killed.
        """
        await self._output.exited.wait()
        code = self._transport.get_returncode()
        await self._sweep()
        self._gone = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._drained.wait()
        self._close()
        return -signal.SIGKILL if code is None else code

    def terminate(self) -> None:
        """Ask the leader to end; it tells its own workers."""
        if self._transport.get_returncode() is None:
            self._transport.terminate()

    def signal(self, number: signal.Signals) -> None:
        """Send the leader a signal that means something to it."""
        if self._transport.get_returncode() is None:
            self._transport.send_signal(number)

    def kill(self) -> None:
        """End the whole group now."""
        if not self._gone:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def abandon(self) -> None:
        """End the whole group now, without waiting for it; for when nobody is left to wait."""
        self.kill()
        self._close()

    def _close(self) -> None:
        self._transport.close()
        if self._messages:
            self._messages.close()

    async def _sweep(self) -> None:
        for _ in range(_SWEEP_ROUNDS):
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            # The leader is reaped already; its orphans are ours as well (`_adopt_orphans`).
            _reap(self.pid)
            await asyncio.sleep(_SWEEP_PAUSE_S)
        log.error("group_not_gone pgid=%d", self.pid)


async def spawn(launch: Launch, on_line: Callable[[bytes], None]) -> Child:
    """Start an engine in a session of its own; `on_line` gets each line of its output, at most 8 KiB long.

    Of one that quotes strangers, it gets each message instead, in which there may be line ends (`messages`).

    It must be called from the main thread: the engine is told to end when the thread that started it does.
    Raises HostError: program or user missing, folder missing.
    """
    command = command_of(launch)
    log.info("program_start line=%s", pasteable(command, launch.env))
    _adopt_orphans()
    loop = asyncio.get_running_loop()
    messages = MessageSocket(on_line) if launch.quotes else None
    try:
        transport, output = await loop.subprocess_exec(
            lambda: _Output(on_line),
            *command,
            stdin=subprocess.DEVNULL,
            stdout=messages.theirs.fileno() if messages else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(launch.env),
            cwd=launch.cwd,
            start_new_session=True,
        )
    except OSError as error:
        if messages:
            messages.close()
        raise _not_started(launch.argv[0], error) from error
    if messages:
        # Only the engine's own ends are left: the last one that closes ends the output.
        messages.theirs.close()
    return Child(transport, output, messages)


def _reap(group: int) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG) != (0, 0):
            pass


def _adopt_orphans() -> None:
    """Make orphaned workers our children, so that `_sweep` can reap them even under a PID 1 that does not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        log.warning("no_subreaper errno=%d", ctypes.get_errno())
