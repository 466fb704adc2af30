from __future__ import annotations

import asyncio
import contextlib

import pytest

from voxgate.certs.answers import Answers
from voxgate.engines.acme import PATH


def answers() -> Answers:
    made = Answers()
    made.show("a-token_1", "a-token_1.print")
    return made


def request(line: str) -> bytes:
    return f"{line}\r\nHost: edge.example.com\r\n\r\n".encode()


def test_the_token_is_answered_to_whoever_asks_for_it() -> None:
    head, _, body = answers().reply(request(f"GET {PATH}a-token_1 HTTP/1.1")).partition(b"\r\n\r\n")
    assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 200 OK", b"a-token_1.print")
    assert answers().reply(request(f"HEAD {PATH}a-token_1 HTTP/1.1")).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "line",
    [
        f"GET {PATH}other HTTP/1.1",
        f"GET {PATH}../a-token_1 HTTP/1.1",
        f"GET {PATH} HTTP/1.1",
        f"POST {PATH}a-token_1 HTTP/1.1",
        "GET / HTTP/1.1",
        "GET /a-token_1 HTTP/1.1",
        f"GET {PATH}a-token_1",
        "",
        "\x00\xff",
    ],
)
def test_everything_else_is_not_there(line: str) -> None:
    assert answers().reply(request(line)).startswith(b"HTTP/1.1 404 ")


def test_a_token_that_was_forgotten_is_not_there() -> None:
    made = answers()
    made.forget("a-token_1")
    made.forget("a-token_1")
    assert made.reply(request(f"GET {PATH}a-token_1 HTTP/1.1")).startswith(b"HTTP/1.1 404 ")


def test_a_client_that_sends_too_much_or_leaves_harms_nobody() -> None:
    async def ask(port: int, data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
        try:
            return await asyncio.wait_for(reader.read(), 8)
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async def scene() -> None:
        async with await asyncio.start_server(answers()._serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            assert await ask(port, b"x" * 200_000) == b""
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            assert (await ask(port, request(f"GET {PATH}a-token_1 HTTP/1.1"))).endswith(b"a-token_1.print")

    asyncio.run(scene())
