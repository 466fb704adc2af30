"""Answers to http-01 challenges: a small listener that knows a few paths and nothing else (RFC 8555 section 8.3).

It listens only while an order runs: on loopback, where HAProxy passes the challenges' path on, and on port 80 itself
where HAProxy does not hold it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from voxgate.engines.acme import ADDRESS, PATH, PORT, WELL_KNOWN_PORT
from voxgate.errors import HostError
from voxgate.host.ports import holder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

log = logging.getLogger(__name__)

_REQUEST_TIMEOUT_S: Final = 5.0
_MOST_CLIENTS: Final = 64
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")


class Answers:
    """What is to be said to whoever asks for a token. `show` and `forget` may be called from any thread."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._clients = 0

    def show(self, token: str, answer: str) -> None:
        """Say `answer` from now on."""
        self._known[token] = answer

    def forget(self, token: str) -> None:
        """Say nothing any more."""
        self._known.pop(token, None)

    def reply(self, request: bytes) -> bytes:
        """The whole answer to the head of a request."""
        line = request.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ")
        token = line[1].removeprefix(PATH) if len(line) == 3 and line[1].startswith(PATH) else ""
        known = self._known.get(token) if _TOKEN.fullmatch(token) else None
        if line[0] not in {"GET", "HEAD"} or known is None:
            return _response("404 Not Found", "")
        return _response("200 OK", known, body=line[0] == "GET")

    @asynccontextmanager
    async def listening(self, public: Iterable[str]) -> AsyncIterator[None]:
        """Serve on loopback, and on port 80 of the addresses `public`. Raises HostError: another program is there."""
        servers = []
        try:
            for address, port in ((ADDRESS, PORT), *((address, WELL_KNOWN_PORT) for address in public)):
                servers.append(await asyncio.start_server(self._serve, sock=_listener(address, port)))
            yield
        finally:
            for server in servers:
                server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients > _MOST_CLIENTS:
                return
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                writer.write(self.reply(await reader.readuntil(b"\r\n\r\n")))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("challenge_client_gone")
        finally:
            self._clients -= 1
            writer.close()


def _response(status: str, text: str, *, body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {len(text)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return (head + (text if body else "")).encode("ascii")


def _listener(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen()
    except OSError as error:
        made.close()
        by = holder("tcp", port)
        raise HostError(
            f"port {port} of {address} cannot be opened for the authority's question: {error.strerror}"
            + (f" ({by} holds it)" if by else ""),
            "free the port, serve HTTP through Voxgate on it, or prove the names by acme.dns",
        ) from error
    made.setblocking(False)
    return made
