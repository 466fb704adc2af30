"""Checks of nodes for HTTP: when one is down, what HAProxy is told then, and that a single node is let be."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from voxgate.config.model import Config, Health
from voxgate.errors import EngineError
from voxgate.supervise.web_nodes import Condition, WebNodes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

HEALTH = Health(down_after=2, up_after=2)
A, B = "127.0.0.1", "127.0.0.2"


@pytest.mark.parametrize(
    ("checks", "up"),
    [
        ([], True),
        ([False], True),
        ([False, False], False),
        ([False, True, False], True),
        ([False, False, True], False),
        ([False, False, True, False, True], False),
        ([False, False, True, True], True),
    ],
)
def test_a_node_goes_down_and_up_after_so_many_checks_in_a_row(checks: list[bool], up: bool) -> None:
    condition = Condition()
    for good in checks:
        condition = condition.after(good, HEALTH)
    assert condition.up is up


class Haproxy:
    """Takes what it is told, or refuses."""

    def __init__(self) -> None:
        self.told: list[set[str]] = []
        self.refuses = False

    async def change_nodes(self, entries: Mapping[str, str]) -> None:
        if self.refuses:
            raise EngineError("haproxy", "is not there")
        self.told.append({value.partition("|")[0] for value in entries.values()})


def config(port: int, *nodes: str) -> Config:
    pbx: dict[str, Any] = {"names": ["hq.example.com"], "nodes": list(nodes), "sip": {"udp": 5060}}
    pbx["http"] = {"plain": port, "allow_urls": "/x"}
    health = {"interval_seconds": 1, "down_after": 1}
    whole = {"edge": {"domain": "edge.example.com"}, "listen": {"sip": {"udp": 5060}, "http": {"plain": 80}}}
    return Config.model_validate({**whole, "pbxs": {"hq": pbx}, "health": health})


@asynccontextmanager
async def web(address: str, port: int = 0) -> AsyncIterator[int]:
    """Something that takes connections there; gives its port."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), address, port)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def serving(nodes: WebNodes) -> AsyncIterator[None]:
    task = asyncio.create_task(nodes.serve())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 20 s")


def states(nodes: WebNodes) -> dict[object, object]:
    return {row["address"]: row["up"] for row in nodes.panel().data}


def test_slots_leave_a_node_that_is_gone_and_come_back_with_it() -> None:
    async def scene() -> None:
        haproxy = Haproxy()
        nodes = WebNodes(haproxy)
        async with web(A) as port:
            nodes.follow(config(port, A, B))
            async with serving(nodes):
                await until(lambda: haproxy.told == [{A}])
                assert states(nodes) == {A: True, B: False}
                # HAProxy was started anew, with what its files hold.
                nodes.forget()
                await until(lambda: haproxy.told == [{A}, {A}])
                async with web(B, port):
                    # Sooner than the next check is due.
                    nodes.suspect("hq")
                    await until(lambda: haproxy.told[-1] == {A, B})
                    assert states(nodes) == {A: True, B: True}

    asyncio.run(scene())


def test_haproxy_is_told_again_until_it_has_taken_it() -> None:
    async def scene() -> None:
        haproxy = Haproxy()
        nodes = WebNodes(haproxy)
        haproxy.refuses = True
        async with web(A) as port:
            nodes.follow(config(port, A, B))
            async with serving(nodes):
                await until(lambda: states(nodes) == {A: True, B: False})
                haproxy.refuses = False
                await until(lambda: haproxy.told == [{A}])

    asyncio.run(scene())


def test_with_one_node_there_is_nothing_to_check_or_to_tell() -> None:
    async def scene() -> None:
        haproxy = Haproxy()
        nodes = WebNodes(haproxy)
        async with web(A) as port:
            nodes.follow(config(port, A, B))
            nodes.follow(config(port, B))
            nodes.suspect("hq")
            assert states(nodes) == {}
            async with serving(nodes):
                await asyncio.sleep(0)
        assert haproxy.told == []

    asyncio.run(scene())
