from __future__ import annotations

import asyncio
import json
import socket
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.errors import EngineError, PeerError
from voxgate.wire.jsonrpc import JsonRpcClient, Reply, parse, request_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("datagram", "reply"),
    [
        # The first two as Kamailio 5.6.3 sends them, tabs and all.
        pytest.param(
            b'{\n\t"jsonrpc":\t"2.0",\n\t"result":\t{\n\t\t"uptime":\t2\n\t},\n\t"id":\t1\n}',
            Reply(1, {"uptime": 2}),
            id="result",
        ),
        pytest.param(
            b'{\n\t"jsonrpc":\t"2.0",\n\t"error":\t{\n\t\t"code":\t500,\n\t\t"message":\t"Method Not Found"\n\t},'
            b'\n\t"id":\t1\n}',
            Reply(1, error="Method Not Found (code 500)"),
            id="error",
        ),
        pytest.param(b'{"id": 2, "result": null}', Reply(2), id="empty result"),
        pytest.param(b'{"id": 2, "error": null, "result": 7}', Reply(2, 7), id="error null"),
        pytest.param(b'{"id": 2, "error": "odd"}', Reply(2, error="odd"), id="error that is no object"),
        pytest.param(b'{"id": 2, "result": "a\x01\xff"}', Reply(2, "a\x01\udcff"), id="bytes from a SIP message"),
    ],
)
def test_a_reply_is_read(datagram: bytes, reply: Reply) -> None:
    assert parse(datagram) == reply


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"id": 1, "result": {"a": 1}', id="cut short"),
        pytest.param(b'{"id": 1, "result": 1} x', id="something follows"),
        pytest.param(b'{"result": 1}', id="no number"),
        pytest.param(b'{"id": true, "result": 1}', id="a truth value as number"),
        pytest.param(b'{"id": "1", "result": 1}', id="a text as number"),
        pytest.param(b'{"id": 1}', id="neither result nor error"),
        pytest.param(b"[" * 100000, id="100,000 lists"),
        pytest.param(b'{"id": 1, "result": ' + b"9" * 10000 + b"}", id="a number that takes long to convert"),
    ],
)
def test_a_hostile_reply_is_refused(datagram: bytes) -> None:
    with pytest.raises(PeerError):
        parse(datagram)


@given(st.binary(max_size=100))
def test_any_bytes_give_a_reply_or_a_peer_error(data: bytes) -> None:
    try:
        parse(data)
    except PeerError:
        return


def test_a_request_larger_than_kamailios_buffer_is_refused_before_it_is_sent() -> None:
    with pytest.raises(PeerError, match="cannot read a request"):
        request_bytes(1, "htable.sets", ("x" * 70000,))


class Kamailio:
    """Answers on a socket by `answer`, from another socket than it listens on, as Kamailio does."""

    def __init__(self, path: Path, answer: Callable[[dict[str, object]], bytes | None]) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.bind(str(path))
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.answer = answer
        asyncio.get_running_loop().add_reader(self.sock, self.receive)

    def receive(self) -> None:
        data, sender = self.sock.recvfrom(65536)
        reply = self.answer(json.loads(data))
        if reply is not None:
            self.sender.sendto(reply, sender)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock)
        self.sock.close()
        self.sender.close()


def echo(call: dict[str, object]) -> bytes:
    return json.dumps({"id": call["id"], "result": call.get("params")}).encode()


def test_more_calls_than_kamailios_queue_holds_are_all_answered(tmp_path: Path) -> None:
    async def scene() -> list[object]:
        engine = Kamailio(tmp_path / "rpc.sock", echo)
        async with JsonRpcClient(tmp_path / "rpc.sock", tmp_path / "c.sock") as client:
            answers = await asyncio.gather(*(client.call("core.echo", n) for n in range(100)))
        engine.close()
        return list(answers)

    assert asyncio.run(scene()) == [[n] for n in range(100)]


def test_answers_in_another_order_and_rubbish_between_them_find_their_calls(tmp_path: Path) -> None:
    held: list[bytes] = []

    async def scene() -> list[object]:
        def answer(call: dict[str, object]) -> bytes | None:
            held.append(echo(call))
            if len(held) == 3:
                for raw in (b"rubbish", b'{"id": 77, "result": 1}', *reversed(held)):
                    engine.sender.sendto(raw, str(tmp_path / "c.sock"))
            return None

        engine = Kamailio(tmp_path / "rpc.sock", answer)
        async with JsonRpcClient(tmp_path / "rpc.sock", tmp_path / "c.sock") as client:
            answers = await asyncio.gather(*(client.call("core.echo", n) for n in range(3)))
        engine.close()
        return list(answers)

    assert asyncio.run(scene()) == [[0], [1], [2]]


def test_an_answer_as_large_as_kamailio_can_send_arrives(tmp_path: Path) -> None:
    def large(call: dict[str, object]) -> bytes:
        return json.dumps({"id": call["id"], "result": "x" * 200_000}).encode()

    async def scene() -> object:
        engine = Kamailio(tmp_path / "rpc.sock", large)
        async with JsonRpcClient(tmp_path / "rpc.sock", tmp_path / "c.sock") as client:
            answer = await client.call("dispatcher.list")
        engine.close()
        return answer

    assert asyncio.run(scene()) == "x" * 200_000


def test_an_error_is_kamailios_own_word(tmp_path: Path) -> None:
    def refuse(call: dict[str, object]) -> bytes:
        return json.dumps({"id": call["id"], "error": {"code": 500, "message": "Ongoing reload"}}).encode()

    async def scene() -> None:
        engine = Kamailio(tmp_path / "rpc.sock", refuse)
        try:
            async with JsonRpcClient(tmp_path / "rpc.sock", tmp_path / "c.sock") as client:
                await client.call("dispatcher.reload")
        finally:
            engine.close()

    with pytest.raises(EngineError, match=r"kamailio: refused dispatcher.reload: Ongoing reload \(code 500\)"):
        asyncio.run(scene())


def test_a_kamailio_that_restarts_is_found_again_and_meanwhile_is_a_peer_error(tmp_path: Path) -> None:
    async def scene() -> object:
        async with JsonRpcClient(tmp_path / "rpc.sock", tmp_path / "c.sock") as client:
            with pytest.raises(PeerError, match="does not listen"):
                await client.call("core.uptime")
            engine = Kamailio(tmp_path / "rpc.sock", echo)
            await client.call("core.echo")
            engine.close()
            with pytest.raises(PeerError, match="does not listen"):
                await client.call("core.uptime")
            (tmp_path / "rpc.sock").unlink()
            engine = Kamailio(tmp_path / "rpc.sock", echo)
            answer = await client.call("core.echo", "back")
            engine.close()
            return answer

    assert asyncio.run(scene()) == ["back"]


def test_a_silent_kamailio_is_a_peer_error_in_bounded_time_and_nothing_is_left(tmp_path: Path) -> None:
    async def scene() -> None:
        engine = Kamailio(tmp_path / "rpc.sock", lambda call: None)
        try:
            async with JsonRpcClient(tmp_path / "rpc.sock", tmp_path / "c.sock", timeout_s=0.05) as client:
                await client.call("core.uptime")
        finally:
            engine.close()

    with pytest.raises(PeerError, match=r"did not answer core.uptime within 0\.05 s"):
        asyncio.run(scene())
    assert not (tmp_path / "c.sock").exists()


def test_our_socket_is_open_to_its_folders_group_only(tmp_path: Path) -> None:
    async def scene() -> int:
        engine = Kamailio(tmp_path / "rpc.sock", echo)
        async with JsonRpcClient(tmp_path / "rpc.sock", tmp_path / "c.sock") as client:
            await client.call("core.echo")
            mode = stat.S_IMODE((tmp_path / "c.sock").stat().st_mode)
        engine.close()
        return mode

    assert asyncio.run(scene()) == 0o660


def test_a_folder_that_is_gone_is_a_peer_error(tmp_path: Path) -> None:
    async def scene() -> None:
        async with JsonRpcClient(tmp_path / "rpc.sock", tmp_path / "none" / "c.sock") as client:
            await client.call("core.uptime")

    with pytest.raises(PeerError, match="no socket for Kamailio's answers"):
        asyncio.run(scene())
