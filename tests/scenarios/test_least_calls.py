"""A PBX whose nodes share calls by how many each has: nodes on IPv6; many calls, ended in every way."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from itertools import count
from typing import TYPE_CHECKING, Self

import pytest

from lab.demo.stage import HQ, Setting, Stage, stage
from lab.topologies import DMZ
from tests.scenarios.features import until
from tests.scenarios.scene import Party, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.peers.call import Call

A, B = "pbx-hq-a", "pbx-hq-b"
SIX = {A: "fd00:172::10", B: "fd00:172::11"}
PLACES = (("phone-lan", "udp"), ("phone-home", "udp"), ("phone-six", "tcp"), ("phone-hotel", "tls"))
_users = count()


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    hq = {
        "names": [HQ],
        "nodes": list(SIX.values()),
        "balance": "least-calls",
        "failover": {"timeout_seconds": 2.5},
        # Never reached: `status` tells how many calls there are.
        "limits": {"calls": 100},
    }
    options = {host: ("--listen", f"udp:[{address}]:5060", "--hangup-after", "1.0") for host, address in SIX.items()}
    with stage(Setting(DMZ, pbxs={"hq": hq}, options=options), folders()) as made:
        yield made


class Crowd:
    """Phones that each hold one call; `at` tells which node it is on."""

    def __init__(self, office: Stage, places: tuple[tuple[str, str], ...] = PLACES) -> None:
        self._office = office
        self._places = places
        self._stack = AsyncExitStack()
        self.calls: dict[str, Call] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for user in list(self.calls):
            await self.end(user)
        await self._stack.aclose()

    async def dial(self, number: str = "600") -> str:
        """One more call; the user."""
        mark = next(_users)
        host, transport = self._places[mark % len(self._places)]
        user = f"least{mark}"
        opened = await self._stack.enter_async_context(phone(self._office, Party(host, transport, user, HQ)))
        call = await opened.dial(number)
        if not call.ended_by:
            self.calls[user] = call
        return user

    async def end(self, user: str) -> None:
        """Hang up."""
        await self.calls.pop(user).bye()

    def at(self, user: str) -> str:
        """The last node that had the user's call."""
        found = [host for host in (A, B) if self._office.pbxs[host].events("invite", **{"from": user})]
        return found[-1] if found else ""

    def held(self) -> dict[str, int]:
        """How many of these calls each node has."""
        places = [self.at(user) for user in self.calls]
        return {host: places.count(host) for host in (A, B)}


def test_the_node_with_fewer_calls_gets_the_next_one(office: Stage) -> None:
    async def scene() -> None:
        async with Crowd(office) as crowd:
            for made in range(1, 13):
                await crowd.dial()
                held = crowd.held()
                assert sum(held.values()) == made
                assert abs(held[A] - held[B]) <= 1
            for user in [user for user in crowd.calls if crowd.at(user) == A]:
                await crowd.end(user)
            for _ in range(6):
                assert crowd.at(await crowd.dial()) == A
            # Refused and withdrawn calls leave nothing behind; here both nodes have the same.
            office.pbxs[A].command(reply=486)
            office.pbxs[B].command(reply=486)
            for _ in range(5):
                await crowd.dial()
            office.pbxs[A].command(reply=None)
            office.pbxs[B].command(reply=None)
            assert crowd.held() == {A: 6, B: 6}
            for _ in range(4):
                await crowd.dial()
            assert crowd.held() == {A: 8, B: 8}

    asyncio.run(scene())


def test_a_call_that_the_pbx_ends_is_counted_no_more(office: Stage) -> None:
    async def scene() -> None:
        async with Crowd(office) as crowd:
            users = [await crowd.dial() for _ in range(2)]
            (other,) = [user for user in users if crowd.at(user) == B]
            # 601 is hung up by the PBX; B has one call more while it lasts.
            await crowd.end(next(user for user in users if user != other))
            short = await crowd.dial("601")
            assert crowd.at(short) == A
            call = crowd.calls.pop(short)
            async with asyncio.timeout(15):
                await call.ended.wait()
            assert call.ended_by == "them"
            assert crowd.at(await crowd.dial()) == A

    asyncio.run(scene())


def test_a_call_that_fails_over_counts_for_the_node_that_has_it(office: Stage) -> None:
    async def scene() -> None:
        async with Crowd(office) as crowd:
            office.pbxs[A].command(deaf=True)
            try:
                for _ in range(3):
                    await crowd.dial()
                assert crowd.held()[B] == 3
                office.edge.wait_for_node(SIX[A], "down")
            finally:
                office.pbxs[A].command(deaf=False)
            await asyncio.to_thread(office.edge.wait_for_node, SIX[A], "up")
            await until(lambda: len(crowd.calls) == 3, "the calls are there")
            places = [crowd.at(await crowd.dial()) for _ in range(4)]
            assert places[:3].count(A) >= 2, places
            assert crowd.held()[A] >= 3

    asyncio.run(scene())


def test_counts_survive_a_crash_of_kamailio(office: Stage) -> None:
    async def counted(calls: int) -> None:
        for _ in range(60):
            told = (await asyncio.to_thread(office.edge.status))["limits"]
            if [one["calls"] for one in told if one["name"] == "hq"] == [calls]:
                return
            await asyncio.sleep(0.25)
        pytest.fail(f"not {calls} calls: {told}")

    async def scene() -> None:
        # Connections die with Kamailio.
        async with Crowd(office, PLACES[:2]) as crowd:
            for _ in range(6):
                await crowd.dial()
            for user in [user for user in crowd.calls if crowd.at(user) == A]:
                await crowd.end(user)
            await counted(3)
            pid = (await asyncio.to_thread(office.edge.engine, "kamailio"))["pid"]
            os.kill(pid, signal.SIGKILL)
            await until(lambda: "calls_adopted" in office.edge.text(), "the new Kamailio is told of the calls")
            await counted(3)
            # The counters follow the calls within a few seconds; before, the nodes would take turns.
            for _ in range(30):
                users = [await crowd.dial() for _ in range(3)]
                if {crowd.at(user) for user in users} == {A}:
                    break
                for user in users:
                    await crowd.end(user)
                await asyncio.sleep(0.5)
            assert crowd.held() == {A: 3, B: 3}

    asyncio.run(scene())
