"""The web side of a PBX: answers every request with what it was asked, keeps it, and echoes WebSocket messages.

with WebPbx(net.maker("pbx-hq-a"), "hq", "192.168.1.20", 80) as web:
    web.seen[-1].target

`/status/NNN` is answered with that status; whoever logs in with `Authorization` there is refused all the same. What
ends in `.htm` is a page: its script says hello over a WebSocket beside it, and asks for `heard-` and what came back.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import ssl
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from lab.peers.websocket import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.tls import Identity

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PAGE = b"""<!doctype html><title>a PBX</title><script>
const socket = new WebSocket(location.href.replace(/^http/, "ws"));
socket.onopen = () => socket.send("hello");
socket.onmessage = (event) => fetch("heard-" + event.data);
</script>"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived. `client`: the common name of the certificate that was shown on the connection."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    client: str = ""

    def all(self, name: str) -> list[str]:
        """The values of all headers of this name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class WebPbx:
    """A web server on one address and port. With `identity` it speaks TLS, with `trusts` it wants a certificate."""

    def __init__(
        self,
        maker: Callable[[socket.AddressFamily, socket.SocketKind], socket.socket],
        name: str,
        address: str,
        port: int,
        *,
        identity: Identity | None = None,
        trusts: bool = False,
    ) -> None:
        self.name = name
        self.seen: list[Seen] = []
        self._tls = _context(identity, trusts=trusts) if identity else None
        self._socket = maker(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"webpbx-{name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=self._socket, ssl=self._tls, backlog=1024)

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        seen = await _read(reader, writer)
        self.seen.append(seen)
        if seen.all("upgrade"):
            await _echo(seen, reader, writer)
            return False
        status = int(seen.target.removeprefix("/status/")) if seen.target.startswith("/status/") else 200
        said = {"pbx": self.name, "method": seen.method, "target": seen.target, "headers": seen.headers}
        body = _PAGE if seen.target.endswith(".htm") else json.dumps(said).encode()
        kind = "Content-Type: text/html\r\n" if body is _PAGE else ""
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + (b"" if seen.method == "HEAD" else body))
        await writer.drain()
        return True


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head[:-4].split("\r\n")
    method, target, _ = line.split(" ")
    headers = tuple((name.strip(), value.strip()) for name, _, value in (one.partition(":") for one in rest))
    found = {name.lower(): value for name, value in headers}
    body = b""
    if found.get("transfer-encoding") == "chunked":
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
    elif length := int(found.get("content-length", "0")):
        body = await reader.readexactly(length)
    shown = writer.get_extra_info("peercert") or {}
    names = [value for part in shown.get("subject", ()) for key, value in part if key == "commonName"]
    return Seen(method, target, headers, body, names[0] if names else "")


async def _echo(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    key = seen.all("sec-websocket-key")[0].encode()
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    while True:
        # A client's frames have a mask (RFC 6455 section 5.3); short ones are enough here.
        head = await reader.readexactly(6)
        masked = await reader.readexactly(head[1] & 0x7F)
        payload = bytes(octet ^ head[2 + (index & 3)] for index, octet in enumerate(masked))
        if head[0] & 0x0F == Kind.CLOSE:
            return
        writer.write(bytes((head[0], len(payload))) + payload)
        await writer.drain()


def _context(identity: Identity, *, trusts: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    if trusts:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(identity.ca)
    return context
