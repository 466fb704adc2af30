"""Limits of a running edge: so many calls, so fast, and every place is free again whatever ends a call."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.topologies import EDGE_PUBLIC
from tests.engine.office import HQ_TONE_HZ, MARKS, Config, Office, config, hears, office, until

if TYPE_CHECKING:
    from lab.peers.call import Call
    from lab.peers.message import Response
    from lab.peers.phone import Phone

pytestmark = MARKS

#: Kamailio tells of its calls every two seconds, and puts its counters right when they were wrong twice.
TOLD_S, HEALED_S = 40, 60


def limited(**limits: int) -> Config:
    """The office with limits for its PBX."""
    made = config()
    made["pbxs"]["hq"]["limits"] = limits
    return made


async def used(place: Office) -> int:
    """Calls of the PBX that hold a place, as `voxgate status` shows them."""
    status = await place.ask("status", "--json")
    calls: int = json.loads(status.out)["limits"][0]["calls"]
    return calls


async def until_used(place: Office, calls: int, timeout_s: float = TOLD_S) -> None:
    """Until the status shows so many."""
    for _ in range(round(timeout_s / 0.3)):
        if await used(place) == calls:
            return
        await asyncio.sleep(0.3)
    pytest.fail(f"not {calls} calls within {timeout_s} s")


async def until_free(phone: Phone, user: str = "600", timeout_s: float = HEALED_S) -> Call:
    """Dial until there is a place."""
    async with asyncio.timeout(timeout_s):
        while True:
            call = await phone.dial(user)
            if not call.ended_by:
                return call
            assert call.ended_by == "486"
            await asyncio.sleep(0.5)


async def cancelled(phone: Phone, user: str) -> Response:
    """A call that is given up while it rings."""
    call, invite = await phone.prepare(user)
    phone.events.clear()
    placed = asyncio.create_task(phone.place(call, invite))
    await until(lambda: "provisional 180" in phone.events, 40)
    assert call.outgoing is not None
    assert (await phone.endpoint.cancel(call.outgoing)).code == 200
    return await placed


def test_calls_above_the_limit_are_refused_and_each_end_of_a_call_makes_its_place_free() -> None:
    async def scene(place: Office) -> None:
        async with AsyncExitStack() as stack:
            alice = await stack.enter_async_context(place.phone())
            bob = place.phone(user="bob")
            bob.line = replace(bob.line, ring_s=None)
            await stack.enter_async_context(bob)
            await alice.register()
            await bob.register()
            first, second = await alice.dial("600"), await alice.dial("600")
            assert (first.ended_by, second.ended_by) == ("", "")
            assert (await alice.dial("600")).ended_by == "486"
            await until_used(place, 2)
            assert await first.bye() == 200
            # To bob and on: two legs. With one place left, the second leg is refused by 503, and the first with it.
            assert (await alice.dial("bob")).ended_by in {"503", "480", "500"}
            assert await second.bye() == 200
            assert (await cancelled(alice, "bob")).code == 487
            assert (await alice.dial("nobody")).ended_by in {"404", "480"}
            # All of it is over: two at once are possible again, and no more.
            again = [await alice.dial("600"), await alice.dial("601")]
            assert [call.ended_by for call in again] == ["", ""]
            assert (await alice.dial("600")).ended_by == "486"
            await again[1].ended.wait()
            assert again[1].ended_by == "them"
            third = await alice.dial("600")
            assert third.ended_by == ""
            assert [await again[0].bye(), await third.bye()] == [200, 200]
            await until_used(place, 0)

    with office(limited(calls=2)) as place:
        asyncio.run(scene(place))
        assert "reason=pbx-calls-limit:hq" in place.edge.text()
        counted = place.edge.kamailio("htable.get", "refused", "pbx-calls-limit:hq").out
        assert int(re.findall(r"value: (\d+)", counted)[0]) >= 3


def test_a_killed_kamailio_is_told_of_the_calls_that_live_on() -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as phone:
            await phone.register()
            first, second = await phone.dial("600"), await phone.dial("600")
            await until_used(place, 2)
            os.kill(await place.pid("kamailio"), signal.SIGKILL)
            await place.until_log("calls_adopted")
            await until_used(place, 2)
            # The counter follows the calls within two looks.
            async with asyncio.timeout(HEALED_S):
                while not (call := await phone.dial("600")).ended_by:
                    assert await call.bye() == 200
                    await asyncio.sleep(0.5)
            assert call.ended_by == "486"
            assert await first.bye() == 200
            third = await phone.dial("600")
            assert third.ended_by == ""
            await hears(third, HQ_TONE_HZ, 0.5)
            assert [await second.bye(), await third.bye()] == [200, 200]
            await until_used(place, 0)

    with office(limited(calls=2)) as place:
        asyncio.run(scene(place))


def test_calls_whose_media_is_gone_hold_no_place() -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as phone:
            await phone.register()
            assert (await phone.dial("600")).ended_by == ""
            assert (await phone.dial("600")).ended_by == "486"
            await until_used(place, 1)
            # Nothing tells that the call is over: its BYE never comes, and the relay that knew of it died.
            os.kill(await place.pid("rtpengine"), signal.SIGKILL)
            await place.until_log("call_without_media_forgotten", 60)
            assert await (await until_free(phone)).bye() == 200

    with office(limited(calls=1)) as place:
        asyncio.run(scene(place))


def test_new_calls_above_the_rate_are_refused_over_all_workers() -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as phone:
            await phone.register()
            start = time.monotonic()
            calls = await asyncio.gather(*(phone.dial("600") for _ in range(40)))
            took_s = time.monotonic() - start
            good = [call for call in calls if not call.ended_by]
            assert 4 <= len(good) <= 4 + 4 * took_s
            assert {call.ended_by for call in calls} == {"", "503"}
            for call in good:
                assert await call.bye() == 200
            await asyncio.sleep(1.5)
            later = await phone.dial("600")
            assert later.ended_by == ""
            assert await later.bye() == 200

    with office(limited(calls_per_second=4)) as place:
        asyncio.run(scene(place))
        assert "reason=pbx-rate-limit:hq" in place.edge.text()


def test_a_requester_has_a_limit_of_its_own_that_is_no_pbxs() -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as alice, place.phone(user="bob") as bob:
            await alice.register()
            await bob.register()
            # The leg from the PBX to bob is the PBX's.
            call = await alice.dial("bob")
            assert call.ended_by == ""
            assert (await bob.dial("600")).ended_by == "486"
            assert await call.bye() == 200
            other = await bob.dial("600")
            assert other.ended_by == ""
            assert await other.bye() == 200

    made = config(listen={"sip": {"udp": 5060, "requester": {"calls": 1}}})
    with office(made) as place:
        asyncio.run(scene(place))
        assert "reason=from-calls-limit" in place.edge.text()


def test_running_calls_are_listed_whoever_is_limited() -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as phone:
            await phone.register()
            assert (await place.ask("calls")).out == "no calls\n"
            call = await phone.dial("600")
            (told,) = json.loads((await place.ask("calls", "--json")).out)["calls"]
            assert (told["caller"], told["callee"]) == ("sip:alice@example.com", "sip:600@example.com")
            assert (told["pbxs"], told["call_id"]) == (["hq"], call.key[0])
            assert await call.bye() == 200
            assert (await place.ask("calls")).out == "no calls\n"

    with office() as place:
        asyncio.run(scene(place))


#: Sends as many INVITEs as it is told, each a call of its own, and hears no answers.
FLOOD = """
import socket
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(%d):
    out.sendto((
        "INVITE sip:600@example.com SIP/2.0\\r\\nVia: SIP/2.0/UDP 203.0.113.99:9;branch=z9hG4bK%%d\\r\\n"
        "From: <sip:x@example.com>;tag=%%d\\r\\nTo: <sip:600@example.com>\\r\\nCall-ID: %%d\\r\\nCSeq: 1 INVITE\\r\\n"
        "Contact: <sip:x@203.0.113.99:9>\\r\\nMax-Forwards: 70\\r\\nContent-Length: 0\\r\\n\\r\\n"
        %% (number, number, number)
    ).encode(), ("%s", 5060))
    if number %% 50 == 0:
        import time; time.sleep(0.01)
"""


def test_a_flood_leaves_nothing_in_memory_and_others_are_served() -> None:
    async def scene(place: Office) -> None:
        flood = FLOOD % (4000, EDGE_PUBLIC)
        await asyncio.to_thread(place.net.run, "stranger", [sys.executable, "-c", flood], timeout_s=60)
        async with place.phone() as phone:
            await phone.register()
            call = await phone.dial("600")
            assert call.ended_by == ""
            assert await call.bye() == 200

    def entries(place: Office, table: str) -> int:
        return place.edge.kamailio("htable.dump", table).out.count("name: ")

    with office(config(listen={"sip": {"udp": 5060, "requester": {"calls": 5, "calls_per_second": 50}}})) as place:
        asyncio.run(scene(place))
        assert entries(place, "places") <= 5
        assert entries(place, "used") <= 2
        assert "reason=from-calls-limit" in place.edge.text()
        # Of thousands of refusals a person reads a few dozen, and the number of all.
        assert place.edge.text().count("reason=from-calls-limit") < 1000
