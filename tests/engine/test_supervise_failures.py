"""Real engines that cannot start, say too much or too long: what people are told. Needs root."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.engine.supervise_bench import CFG, Bench, new_bench, supervising
from voxgate.engines.base import EngineState, Process
from voxgate.errors import EngineError, PeerError
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


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
def test_a_port_that_is_taken_is_named_with_its_holder_and_what_to_do(bench: Bench, kind: int) -> None:
    async def scene() -> None:
        async with bench.client() as client, supervising(bench) as supervisor:
            await supervisor.start(bench.kamailio(), KamailioProbe(client), cwd=bench.folder)

    with socket.socket(socket.AF_INET, kind) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", bench.port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        with pytest.raises(EngineError) as caught:
            asyncio.run(scene())
    proto = "tcp" if kind == socket.SOCK_STREAM else "udp"
    assert f"port {bench.port}/{proto} on 127.0.0.1" in caught.value.reason
    assert f"(process {os.getpid()})" in caught.value.reason
    assert "stop that program" in caught.value.advice


@pytest.mark.parametrize("listen", ["udp", "tcp"])
def test_a_port_that_kamailio_finds_taken_itself_is_told_in_its_words(bench: Bench, listen: str) -> None:
    async def scene() -> None:
        state = bench.kamailio()
        async with bench.client() as client, supervising(bench) as supervisor:
            # Without listeners the supervisor cannot look before; the address comes from Kamailio's line then.
            await supervisor.start(replace(state, listeners=()), KamailioProbe(client), cwd=bench.folder)

    kind = socket.SOCK_STREAM if listen == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", bench.port))
        if listen == "tcp":
            taken.listen()
        with pytest.raises(EngineError, match=r"code 255: Address already in use: \[?127\.0\.0\.1") as caught:
            asyncio.run(scene())
    assert "ss -lntup" in caught.value.advice


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        pytest.param(CFG + "foo bar\n", r"parse error in config file .*/kamailio\.cfg, line 21", id="syntax"),
        pytest.param(CFG.replace("tm.so", "nope.so"), "could not find module <nope>", id="module missing"),
    ],
)
def test_a_broken_configuration_is_told_in_kamailios_words(bench: Bench, broken: str, words: str) -> None:
    async def scene() -> None:
        async with bench.client() as client, supervising(bench) as supervisor:
            await supervisor.start(bench.kamailio(broken), KamailioProbe(client), cwd=bench.folder)

    with pytest.raises(EngineError, match=words) as caught:
        asyncio.run(scene())
    assert caught.value.reason.startswith("exited with code 255: ")


@pytest.mark.parametrize(
    ("process", "words"),
    [
        pytest.param(Process(("rtpengine-of-tomorrow",), "rtpengine"), "not installed", id="program"),
        pytest.param(Process(("rtpengine",), "user-of-tomorrow"), "no user user-of-tomorrow", id="user"),
    ],
)
def test_what_is_missing_is_named(bench: Bench, process: Process, words: str) -> None:
    async def scene() -> None:
        async with NgClient("127.0.0.1", bench.port) as client, supervising(bench) as supervisor:
            await supervisor.start(EngineState("rtpengine", process), RtpengineProbe(client))

    with pytest.raises(EngineError, match=words):
        asyncio.run(scene())


def test_a_flood_from_outside_makes_few_lines(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.client() as client, supervising(bench) as supervisor:
            await supervisor.start(bench.kamailio(), KamailioProbe(client), cwd=bench.folder)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for number in range(3000):
                    stranger.sendto(invite(number, bench.port), ("127.0.0.1", bench.port))
                    if number % 100 == 0:
                        await asyncio.sleep(0)
            await asyncio.sleep(1.5)

    asyncio.run(scene())
    heard = [record for record in bench.records() if "heard of" in str(record["message"])]
    suppressed = [record for record in bench.records() if record["event"] == "suppressed"]
    assert 0 < len(heard) < 100
    assert suppressed
    assert all(str(record["message"]).isprintable() for record in bench.records())


def invite(number: int, port: int) -> bytes:
    # The user part holds an escape sequence and a forged line, as an attacker would send them.
    return (
        f"INVITE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{number}\r\n"
        f"From: <sip:\x1b[31mred{number}@127.0.0.1:{port}>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\n"
        f"Call-ID: {number}\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("destinations", "arrives"), [pytest.param(300, True, id="300"), pytest.param(2000, False, id="2,000")]
)
def test_a_reply_arrives_up_to_kamailios_send_buffer(bench: Bench, destinations: int, arrives: bool) -> None:
    async def scene() -> object:
        async with bench.client() as client, supervising(bench) as supervisor:
            await supervisor.start(bench.kamailio(CFG, destinations), KamailioProbe(client), cwd=bench.folder)
            return await client.call("dispatcher.list")

    if arrives:
        assert isinstance(asyncio.run(scene()), dict)
    else:
        with pytest.raises(PeerError, match=r"did not answer dispatcher\.list"):
            asyncio.run(scene())
        assert any("Message too long" in str(record["message"]) for record in bench.records())
