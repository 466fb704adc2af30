"""The driver with real processes: small shell scripts stand for engines, a probe for their protocol."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from voxgate.engines.base import EngineState, Listener, Process
from voxgate.errors import EngineError, PeerError
from voxgate.host.clock import SystemClock
from voxgate.supervise.supervisor import Supervisor

ME = pwd.getpwuid(os.geteuid()).pw_name


@dataclass
class Lines:
    """A log that is read by the tests."""

    lines: list[bytes] = field(default_factory=list)

    def engine_line(self, unit: str, raw: bytes) -> None:
        self.lines.append(raw)

    def settle(self) -> None:
        pass


async def good() -> None:
    """Serve."""


async def bad() -> None:
    raise PeerError("nobody there")


def engine(script: str, name: str = "toy", *listeners: Listener) -> EngineState:
    return EngineState(name, Process(("sh", "-c", script), ME), listeners=listeners)


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


class Change:
    """Waits for what `on_change` announces, instead of looking again and again."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self._event.set()

    async def until(self, supervisor: Supervisor, *phases: str) -> None:
        async with asyncio.timeout(10):
            while tuple(status.phase for status in supervisor.snapshot()) != phases:
                self._event.clear()
                await self._event.wait()


def test_an_engine_serves_from_start_to_stop_and_the_snapshot_says_so() -> None:
    async def scene() -> None:
        async with Supervisor(SystemClock(), Lines()) as supervisor:
            await supervisor.start(engine("exec sleep 60"), good, generation=4)
            (status,) = supervisor.snapshot()
            assert (status.phase, status.serving, status.generation, status.restarts) == ("serving", True, 4, 0)
            assert status.pid is not None
            pid = status.pid
            assert is_there(pid)
            await supervisor.stop("toy")
            assert not is_there(pid)
            (status,) = supervisor.snapshot()
            assert (status.phase, status.serving, status.pid) == ("stopped", False, None)
            await supervisor.stop("toy")
            await supervisor.stop("never heard of")

    asyncio.run(scene())


def test_an_engine_that_is_killed_is_back_and_its_state_is_pushed_again() -> None:
    async def scene() -> list[str]:
        returned: list[str] = []
        back = asyncio.Event()

        async def on_ready(name: str) -> None:
            returned.append(name)
            back.set()
            raise PeerError("an error here is logged")

        async with Supervisor(SystemClock(), Lines(), on_ready=on_ready) as supervisor:
            await supervisor.start(engine("sleep 60 & wait"), good)
            (before,) = supervisor.snapshot()
            assert before.pid is not None
            os.kill(before.pid, 9)
            async with asyncio.timeout(2):
                await back.wait()
            (after,) = supervisor.snapshot()
            assert after.pid != before.pid
            assert (after.phase, after.restarts) == ("serving", 1)
            assert after.last_reason.startswith("was killed with signal 9 (SIGKILL)")
        return returned

    assert asyncio.run(scene()) == ["toy"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param(
            "echo ' 0(1) ERROR: core [a.c:1]: no such thing'; exit 255",
            "toy: exited with code 255: no such thing",
            id="its own words",
        ),
        pytest.param("kill -SEGV $$", r"toy: crashed with signal 11 \(SIGSEGV\)", id="a fault"),
    ],
)
def test_an_engine_that_ends_while_starting_is_an_error_with_its_last_words(script: str, words: str) -> None:
    async def scene() -> None:
        async with Supervisor(SystemClock(), Lines()) as supervisor:
            try:
                await supervisor.start(engine(script), bad)
            finally:
                (status,) = supervisor.snapshot()
                assert status.phase == "failed"

    with pytest.raises(EngineError, match=words):
        asyncio.run(scene())


def test_a_missing_program_is_an_error_with_the_package() -> None:
    async def scene() -> None:
        async with Supervisor(SystemClock(), Lines()) as supervisor:
            await supervisor.start(EngineState("toy", Process(("nft-of-tomorrow",), ME)), good)

    with pytest.raises(EngineError, match=r"not installed\n    install") as caught:
        asyncio.run(scene())
    assert caught.value.advice


def test_a_port_in_use_is_an_error_before_the_engine_starts() -> None:
    lines = Lines()

    async def scene(port: int) -> None:
        async with Supervisor(SystemClock(), lines) as supervisor:
            listener = Listener("udp", "127.0.0.1", port, "SIP over UDP")
            await supervisor.start(engine("echo started; sleep 60", "toy", listener), good)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        with pytest.raises(EngineError, match=rf"port {port}/udp on 127\.0\.0\.1 .* is already taken by ") as caught:
            asyncio.run(scene(port))
    assert "stop that program" in caught.value.advice
    assert lines.lines == []


def test_a_restart_that_fails_leaves_it_stopped_and_the_former_can_be_started_again() -> None:
    async def scene() -> None:
        async with Supervisor(SystemClock(), Lines()) as supervisor:
            await supervisor.start(engine("exec sleep 60"), good, generation=1)
            with pytest.raises(EngineError, match="exited with code 3"):
                await supervisor.restart(engine("exit 3"), bad, generation=2)
            (status,) = supervisor.snapshot()
            assert (status.phase, status.pid) == ("failed", None)
            await supervisor.start(engine("exec sleep 60"), good, generation=1)
            (status,) = supervisor.snapshot()
            assert (status.phase, status.generation) == ("serving", 1)

    asyncio.run(scene())


def test_two_of_a_kind_are_refused() -> None:
    async def scene() -> None:
        async with Supervisor(SystemClock(), Lines()) as supervisor:
            await supervisor.start(engine("exec sleep 60"), good)
            await supervisor.start(engine("exec sleep 60"), good)

    with pytest.raises(EngineError, match="runs already"):
        asyncio.run(scene())


def test_a_stop_ends_a_start_that_is_still_waiting() -> None:
    async def scene() -> None:
        change = Change()
        async with Supervisor(SystemClock(), Lines(), on_change=change) as supervisor, asyncio.TaskGroup() as group:
            start = group.create_task(refused(supervisor))
            await change.until(supervisor, "starting")
            await supervisor.stop_all()
            assert "was stopped before it served" in await start

    async def refused(supervisor: Supervisor) -> str:
        with pytest.raises(EngineError) as caught:
            await supervisor.start(engine("exec sleep 60"), bad)
        return str(caught.value)

    asyncio.run(scene())


def test_engines_are_stopped_in_reverse_order_of_their_start() -> None:
    lines = Lines()

    async def scene() -> None:
        async with Supervisor(SystemClock(), lines) as supervisor:
            for name in ("first", "second", "third"):
                up = f"up {name}".encode()

                async def heard(up: bytes = up) -> None:
                    if up not in lines.lines:
                        raise PeerError("not up yet")

                script = f"trap 'echo {name}; exit 0' TERM; echo up {name}; while :; do sleep 0.02; done"
                await supervisor.start(engine(script, name), heard)
            lines.lines.clear()

    asyncio.run(scene())
    assert lines.lines == [b"third", b"second", b"first"]


@pytest.mark.parametrize("how", ["error", "cancelled"])
def test_nothing_is_left_however_the_block_is_left(how: str) -> None:
    pids: list[int] = []

    async def scene() -> None:
        async with asyncio.timeout(0.5), Supervisor(SystemClock(), Lines()) as supervisor:
            await supervisor.start(engine("sleep 60 & exec sleep 60"), good)
            pids.extend(status.pid for status in supervisor.snapshot() if status.pid is not None)
            if how == "error":
                raise ZeroDivisionError
            await asyncio.sleep(10)

    with pytest.raises((ZeroDivisionError, TimeoutError)):
        asyncio.run(scene())
    assert len(pids) == 1
    assert not is_there(pids[0])


def test_a_bug_is_not_caught_and_yet_leaves_no_process(tmp_path: Path) -> None:
    note = tmp_path / "pids"

    async def buggy() -> None:
        if note.exists():
            raise ZeroDivisionError
        raise PeerError("not up yet")

    async def scene() -> None:
        async with Supervisor(SystemClock(), Lines()) as supervisor:
            await supervisor.start(engine(f"sleep 60 & echo $! $$ > {note}.new; mv {note}.new {note}; wait"), buggy)

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(scene())
    assert caught.group_contains(ZeroDivisionError)
    time.sleep(0.2)  # nobody is left who could tell when the kernel is done
    assert [pid for pid in note.read_text().split() if is_running(int(pid))] == []
