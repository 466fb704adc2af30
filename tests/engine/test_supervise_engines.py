"""Real engines under the supervisor: they serve, die, come back and leave nothing. Needs root."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.supervise_bench import Bench, Returned, facts_of, members, new_bench, supervising
from voxgate.engines.base import EngineState, Process
from voxgate.errors import EngineError
from voxgate.host.process import run
from voxgate.supervise.readiness import KamailioProbe, RtpengineProbe
from voxgate.wire.ng import NgClient

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(os.geteuid() != 0, reason="engines are started as their own users, by root"),
]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with new_bench() as made:
        yield made


def test_kamailio_serves_as_its_own_user_with_one_capability_and_leaves_nothing(bench: Bench) -> None:
    async def scene() -> int:
        async with bench.client() as client, supervising(bench) as supervisor:
            await supervisor.start(bench.kamailio(), KamailioProbe(client), cwd=bench.folder)
            (status,) = supervisor.snapshot()
            assert status.pid is not None
            facts = facts_of(status.pid)
            assert facts["Uid"].split()[0] != "0"
            assert {facts[key] for key in ("CapPrm", "CapEff", "CapBnd", "CapInh")} == {"0000000000000400"}
            assert facts["NoNewPrivs"] == "1"
            assert len(members(status.pid)) > 3
            with pytest.raises(EngineError, match=r"refused no\.such: Method Not Found"):
                await client.call("no.such")
            return status.pid

    assert members(asyncio.run(scene())) == []
    assert any(record["unit"] == "kamailio" and record["event"] == "line" for record in bench.records())


@pytest.mark.parametrize("engine", ["kamailio", "rtpengine"])
def test_an_engine_that_was_killed_is_back_at_once_with_its_sockets(bench: Bench, engine: str) -> None:
    async def scene() -> None:
        returned = Returned()
        async with (
            bench.client() as rpc,
            NgClient("127.0.0.1", bench.port) as ng,
            supervising(bench, returned) as supervisor,
        ):
            if engine == "kamailio":
                await supervisor.start(bench.kamailio(), KamailioProbe(rpc), cwd=bench.folder)
            else:
                await supervisor.start(bench.rtpengine(), RtpengineProbe(ng))
            (before,) = supervisor.snapshot()
            assert before.pid is not None
            os.kill(before.pid, signal.SIGKILL)  # the main process only: Kamailio's workers would live on
            async with asyncio.timeout(60):
                await returned.event.wait()
            (after,) = supervisor.snapshot()
            assert (after.serving, after.restarts) == (True, 1)
            assert members(before.pid) == []

    asyncio.run(scene())


def test_a_worker_of_kamailio_that_crashes_brings_all_of_it_back(bench: Bench) -> None:
    async def scene() -> None:
        returned = Returned()
        async with bench.client() as client, supervising(bench, returned) as supervisor:
            await supervisor.start(bench.kamailio(), KamailioProbe(client), cwd=bench.folder)
            (status,) = supervisor.snapshot()
            assert status.pid is not None
            worker = next(pid for pid in members(status.pid) if pid != status.pid)
            os.kill(worker, signal.SIGSEGV)
            async with asyncio.timeout(60):
                await returned.event.wait()

    asyncio.run(scene())


def test_an_engine_that_ignores_the_request_to_end_is_killed(bench: Bench) -> None:
    async def scene() -> int:
        state = EngineState("deaf", Process(("sh", "-c", "trap '' TERM; while :; do sleep 1; done"), "nobody"))

        async def good() -> None:
            """Serve."""

        async with supervising(bench) as supervisor:
            await supervisor.start(state, good)
            (status,) = supervisor.snapshot()
            assert status.pid is not None
            async with asyncio.timeout(60):
                await supervisor.stop("deaf")
            return status.pid

    assert members(asyncio.run(scene())) == []


SUPERVISE = """
import asyncio, sys
from pathlib import Path
from voxgate.engines.base import EngineState, Process
from voxgate.host.clock import SystemClock
from voxgate.supervise.log import LogFormat, LogSink
from voxgate.supervise.readiness import KamailioProbe
from voxgate.supervise.supervisor import Supervisor
from voxgate.wire.jsonrpc import JsonRpcClient

async def main(folder):
    argv = ("kamailio", "-DD", "-E", "-Y", str(folder), "-f", str(folder / "kamailio.cfg"))
    state = EngineState("kamailio", Process(argv, "kamailio"))
    sink = LogSink(sys.stderr, LogFormat.TEXT, SystemClock())
    async with (
        JsonRpcClient(folder / "rpc.sock", folder / "voxgate.sock") as client,
        Supervisor(SystemClock(), sink) as supervisor,
    ):
        await supervisor.start(state, KamailioProbe(client), cwd=folder)
        (status,) = supervisor.snapshot()
        print(status.pid, flush=True)
        import os
        os.kill(os.getpid(), 9)

asyncio.run(main(Path(sys.argv[1])))
"""


def test_engines_end_when_the_supervisor_is_killed(bench: Bench) -> None:
    bench.kamailio()
    source = str(Path(__file__).parents[2] / "src")
    done = run((sys.executable, "-c", SUPERVISE, str(bench.folder)), timeout_s=60, env=(("PYTHONPATH", source),))
    assert done.code == -signal.SIGKILL
    pid = int(done.stdout)
    for _ in range(500):
        if not members(pid):
            break
        time.sleep(0.02)
    assert members(pid) == []
