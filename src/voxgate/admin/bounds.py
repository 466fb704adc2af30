"""Bounds of every request, before any of our code sees it: size, time; and the headers of every answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from voxgate.admin.problems import ProblemBody, answer
from voxgate.admin.protocol import HEAD_BYTES

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The configuration's own bound for a file, and some.
MOST_BODY_BYTES: Final = 5 << 20
BODY_TIMEOUT_S: Final = 15.0
#: For a client to take a piece of an answer.
SEND_TIMEOUT_S: Final = 30.0
MOST_PATH: Final = 2048

HEADERS: Final = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
    # For answers of the API; a page brings its own.
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}


class _TooLargeError(Exception):
    """The body is longer than anybody needs."""


class Bounds:
    """Around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the head of this module."""
        if scope["type"] != "http":
            return
        bounded = _bounded(send)
        if (wrong := _wrong(scope)) is not None:
            await answer(wrong)(scope, receive, bounded)
            return
        try:
            body = await _whole(receive)
        except _TooLargeError:
            await answer(ProblemBody(title="the request is too large", status=413))(scope, receive, bounded)
            return
        except TimeoutError:
            await answer(ProblemBody(title="the request did not come in time", status=408))(scope, receive, bounded)
            return
        if body is not None:
            await self._app(scope, _again(body, receive), bounded)


def _wrong(scope: Scope) -> ProblemBody | None:
    """What is wrong with a request's head."""
    names = [name for name, _ in scope["headers"]]
    if len(scope["raw_path"]) + len(scope["query_string"]) > MOST_PATH:
        return ProblemBody(title="the address is too long", status=414)
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
        return ProblemBody(title="the request's head is too large", status=431)
    if b"content-length" in names and b"transfer-encoding" in names:
        # Two ends of one body: request smuggling (RFC 9112 section 6.1).
        return ProblemBody(title="the request has two lengths", status=400)
    return None


async def _whole(receive: Receive) -> bytes | None:
    """The request's body; None when the client went away."""
    pieces: list[bytes] = []
    size = 0
    async with asyncio.timeout(BODY_TIMEOUT_S):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            piece = message.get("body", b"")
            size += len(piece)
            if size > MOST_BODY_BYTES:
                raise _TooLargeError
            pieces.append(piece)
            if not message.get("more_body"):
                return b"".join(pieces)


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` with the body, which was read already, before it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _bounded(send: Send) -> Send:
    async def bounded(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", ())}
            missing = [(name, value) for name, value in HEADERS.items() if name not in present]
            message = {**message, "headers": [*message.get("headers", ()), *missing]}
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await send(message)

    return bounded
