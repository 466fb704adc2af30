"""kill -9 of each part of a running edge, during calls."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from lab.edge import Edge
from tests.engine.office import HQ_TONE_HZ, MARKS, Office, at_now, config, hears, office, until
from tests.engine.supervise_bench import members

pytestmark = MARKS


@pytest.mark.parametrize("who", ["phone", "PBX"])
def test_a_call_outlives_kamailio_and_either_side_can_hang_up(who: str) -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as phone:
            await phone.register()
            call = await phone.dial("600" if who == "phone" else "601")
            await hears(call, HQ_TONE_HZ, 0.5)
            os.kill(await place.pid("kamailio"), signal.SIGKILL)
            since = at_now(call)
            await place.until_log("engine_returned unit=kamailio")
            await hears(call, HQ_TONE_HZ, since=since)
            if who == "phone":
                assert await call.bye() == 200
            else:
                async with asyncio.timeout(30):
                    await call.ended.wait()
                assert call.ended_by == "them"
            again = await phone.dial("600")
            await hears(again, HQ_TONE_HZ)
            assert await again.bye() == 200
            assert phone.witness.violations == []

    with office() as place:
        asyncio.run(scene(place))
        engine = place.edge.engine("kamailio")
        assert (engine["restarts"], engine["last_reason"]) == (1, "was killed with signal 9 (SIGKILL)")
        assert engine["generation"] == 1


def test_signalling_goes_on_without_rtpengine_and_new_calls_have_audio_when_it_is_back() -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as phone:
            await phone.register()
            call = await phone.dial("600")
            await hears(call, HQ_TONE_HZ, 0.5)
            os.kill(await place.pid("rtpengine"), signal.SIGKILL)
            assert (await phone.register()).code == 200
            assert await call.bye() == 200
            await place.until_log("engine_returned unit=rtpengine")
            again = await phone.dial("600")
            await hears(again, HQ_TONE_HZ)
            assert await again.bye() == 200

    with office() as place:
        asyncio.run(scene(place))
        assert place.edge.engine("rtpengine")["last_reason"] == "was killed with signal 9 (SIGKILL)"
        table = place.edge.command("status").out
        assert "was killed with signal 9 (SIGKILL)" in table


def test_a_call_made_while_rtpengine_does_not_answer_is_refused_not_left_hanging() -> None:
    async def scene(place: Office) -> str:
        async with place.phone() as phone:
            await phone.register()
            pid = await place.pid("rtpengine")
            os.kill(pid, signal.SIGSTOP)  # it lives and does not answer: the worst of its deaths
            try:
                async with asyncio.timeout(20):
                    return (await phone.dial("600")).ended_by
            finally:
                os.kill(pid, signal.SIGCONT)

    with office() as place:
        assert asyncio.run(scene(place)) == "503"


def test_nothing_is_left_of_voxgate_when_it_is_killed_and_it_starts_again_with_its_generation() -> None:
    with office() as place:
        edge = place.edge
        pids = [engine["pid"] for engine in edge.status()["engines"]]
        os.kill(edge.pid, signal.SIGKILL)
        asyncio.run(until(lambda: not any(members(pid) for pid in pids), 40))
        failed = edge.command("status")
        assert (failed.code, failed.out) == (1, "")
        assert "no Voxgate is running here" in failed.err
        assert "start it with `voxgate run FILE`" in failed.err
        edge.log.unlink()
        with Edge(place.net, place.folder, config()) as second:
            assert second.status()["generation"] == 1
            assert second.command("history").out.count("\n") == 1
