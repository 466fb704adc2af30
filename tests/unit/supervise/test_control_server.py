from __future__ import annotations

import asyncio
import json
import os
import subprocess
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from voxgate.errors import ConfigError, EngineError, ExitCode, HostError, Problem, UsageError, VoxgateError
from voxgate.supervise.control import MAX_CLIENTS, Caller, ControlServer, Told, failure_of, open_control_socket
from voxgate.wire.control import (
    ApplyRequest,
    Failure,
    PlanRequest,
    RefusedError,
    RollbackRequest,
    StatusRequest,
    ask,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class FakeVerbs:
    """Tells what it was asked; `apply` waits until it may end, `rollback` refuses."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.applied = 0

    async def status(self) -> Told:
        return Told({"overall": "down"}, "all is lost", ExitCode.FAILED)

    async def history(self) -> Told:
        return Told({}, "none")

    async def plan(self, request: PlanRequest) -> Told:
        return Told({"path": str(request.path), "diff": request.diff}, "x" * 1_000_000)

    async def apply(self, request: ApplyRequest, caller: Caller) -> Told:
        caller.progress(f"by {caller.by}")
        await self.may_end.wait()
        self.applied += 1
        return Told({"yes": request.yes}, "done")

    async def rollback(self, request: RollbackRequest, caller: Caller) -> Told:
        raise UsageError(f"there is no generation {request.generation} for {caller.by}")


@asynccontextmanager
async def serving(path: Path, verbs: FakeVerbs, request_timeout_s: float = 5) -> AsyncIterator[None]:
    task = asyncio.create_task(ControlServer(open_control_socket(path), verbs, request_timeout_s).serve())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def exchange(path: Path, sent: bytes) -> list[dict[str, object]]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(sent)
    with suppress(ConnectionError):
        await writer.drain()
    answer = await reader.read()
    writer.close()
    return [json.loads(line) for line in answer.splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


async def asked(path: Path, request: StatusRequest | PlanRequest | RollbackRequest) -> dict[str, object]:
    return await asyncio.to_thread(ask, path, request, lambda _: None, 5)


def test_a_verb_is_carried_out_and_its_result_comes_back(path: Path) -> None:
    async def scene() -> None:
        async with serving(path, FakeVerbs()):
            assert await asked(path, StatusRequest()) == {
                "data": {"overall": "down"}, "text": "all is lost", "exit_code": 1,
            }  # fmt: skip
            long = await asked(path, PlanRequest(diff=True))
            assert len(str(long["text"])) == 1_000_000
            with pytest.raises(RefusedError, match="there is no generation 7 for root"):
                await asked(path, RollbackRequest(7))

    asyncio.run(scene())


def test_progress_arrives_before_the_end(path: Path) -> None:
    async def scene() -> None:
        verbs = FakeVerbs()
        async with serving(path, verbs):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b'{"verb": "apply", "path": null, "yes": true}\n')
            assert json.loads(await reader.readline()) == {"progress": "by root"}
            verbs.may_end.set()
            assert json.loads(await reader.readline())["result"]["data"] == {"yes": True}
            writer.close()

    asyncio.run(scene())


def test_an_apply_whose_client_went_away_is_finished(path: Path) -> None:
    async def scene() -> None:
        verbs = FakeVerbs()
        async with serving(path, verbs):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b'{"verb": "apply", "path": null, "yes": true}\n')
            await reader.readline()
            writer.transport.abort()
            await asyncio.sleep(0.05)
            verbs.may_end.set()
            await asyncio.sleep(0.05)
            assert verbs.applied == 1
            assert (await asked(path, StatusRequest()))["exit_code"] == 1

    asyncio.run(scene())


GARBAGE = {
    "not JSON": b"GET / HTTP/1.0\r\n\r\n",
    "unknown verb": b'{"verb": "halt"}\n',
    "no end": b"x" * 200_000,
    "too long": b'{"verb": "status"' + b" " * 70_000 + b"}\n",
}


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_answered_and_harms_nobody(path: Path, sent: bytes) -> None:
    async def scene() -> None:
        async with serving(path, FakeVerbs()):
            with suppress(ConnectionError):  # closed with bytes unread
                (answer,) = await exchange(path, sent)
                assert "error" in answer
            assert (await asked(path, StatusRequest()))["exit_code"] == 1

    asyncio.run(scene())


def test_a_slow_client_is_dropped(path: Path) -> None:
    async def scene() -> None:
        async with serving(path, FakeVerbs(), request_timeout_s=0.05):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b'{"verb": ')
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 2) == b""
            writer.close()

    asyncio.run(scene())


def test_one_client_too_many_is_told_so(path: Path) -> None:
    async def scene() -> None:
        verbs = FakeVerbs()
        async with serving(path, verbs):
            waiting = [await asyncio.open_unix_connection(str(path)) for _ in range(MAX_CLIENTS)]
            await asyncio.sleep(0.05)
            with pytest.raises(RefusedError, match="too many ask at once"):
                await asked(path, StatusRequest())
            for _, writer in waiting:
                writer.close()
            await asyncio.sleep(0.05)
            assert (await asked(path, StatusRequest()))["exit_code"] == 1

    asyncio.run(scene())


ASK = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(1000).decode())"


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")
def test_another_user_is_refused_even_with_a_socket_open_to_all() -> None:
    def ask_as_nobody(path: Path) -> str:
        path.parent.chmod(0o755)
        path.chmod(0o666)
        command = ["/usr/bin/python3", "-c", ASK, str(path)]
        return subprocess.run(command, user=65534, check=True, capture_output=True, text=True, timeout=10).stdout

    async def scene(path: Path) -> str:
        async with serving(path, FakeVerbs()):
            return await asyncio.to_thread(ask_as_nobody, path)

    # pytest's own folders are closed to others, and shall stay so.
    with TemporaryDirectory() as folder:
        assert "only root and Voxgate's own user may ask" in asyncio.run(scene(Path(folder) / "s"))


def test_the_socket_is_for_its_owner_only(path: Path) -> None:
    with open_control_socket(path):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_voxgate_is_refused_and_a_socket_left_behind_is_not_in_the_way(path: Path) -> None:
    with open_control_socket(path), pytest.raises(HostError, match="another Voxgate runs here"):
        open_control_socket(path)
    open_control_socket(path).close()


@pytest.mark.parametrize("name", ["x" * 120, "missing/control.sock"], ids=["too long", "no folder"])
def test_a_socket_that_cannot_be_made_is_the_machines_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostError, match="cannot be opened"):
        open_control_socket(tmp_path / name)


ERRORS: list[tuple[VoxgateError, Failure]] = [
    (EngineError("kamailio", "refused", "mend"), Failure("kamailio: refused", "mend", ExitCode.FAILED)),
    (HostError("full", "delete"), Failure("full", "delete", ExitCode.FAILED)),
    (ConfigError((Problem("f", 3, "k", "bad", "good"),)), Failure("f:3: k: bad\n    good", "", ExitCode.USAGE)),
]


@pytest.mark.parametrize(("error", "failure"), ERRORS, ids=[type(row[0]).__name__ for row in ERRORS])
def test_an_error_keeps_its_words_over_the_socket(error: VoxgateError, failure: Failure) -> None:
    assert failure_of(error) == failure
