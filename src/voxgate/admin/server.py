"""The web server: a thread and an event loop of its own, so that no request slows the edge.

What is wanted may change at any time, from any thread: another port is another listener, another certificate is
shown from the next handshake on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import uvicorn

from voxgate.admin.protocol import HEAD_BYTES, Front
from voxgate.errors import HostError
from voxgate.host import files

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.types import ASGIApp

    from voxgate.admin.protocol import Gate
    from voxgate.config.admin import Endpoint

log = logging.getLogger(__name__)

#: Requests that are answered at once; the protocol bounds the connections.
MOST_AT_ONCE: Final = 256
_KEEP_ALIVE_S: Final = 30
_GRACE_S: Final = 3
_RETRY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where to listen. `pem` holds chain and key; None: without TLS."""

    endpoint: Endpoint
    pem: bytes | None = field(default=None, repr=False)


class WebServer:
    """Serves `build()` for as long as `run` does. `standing` tells why nobody is served; empty: all is well.

    `leaving` is called before a port is left: whoever would go on for ever ends. `beside` runs while a port is served.
    """

    def __init__(
        self,
        build: Callable[[], ASGIApp],
        gate: Gate,
        pem_path: Path,
        *,
        leaving: Callable[[], None] = lambda: None,
        beside: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._build = build
        self._leaving = leaving
        self._beside = beside or _nothing
        self._gate = gate
        self._pem_path = pem_path
        self._wanted: Wanted | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event | None = None
        self._over = False
        self.standing = ""

    def want(self, wanted: Wanted | None) -> None:
        """From any thread: serve there from now on; None: nowhere."""
        self._wanted = wanted
        self._wake()

    def end(self) -> None:
        """From any thread: have `run` return."""
        self._over = True
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None and self._changed is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)

    async def run(self) -> None:
        """Until `end`; in the thread's own loop."""
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        app: ASGIApp | None = None
        while not self._over:
            self._changed.clear()
            wanted = self._wanted
            if wanted is None:
                self.standing = ""
                await self._changed.wait()
                continue
            # Built when it is first wanted, and once: sessions outlive a change of the port.
            app = app or self._build()
            await self._serve(app, wanted)

    async def _serve(self, app: ASGIApp, wanted: Wanted) -> None:
        """Until something else is wanted."""
        assert self._changed is not None  # noqa: S101  set by `run`
        try:
            listener = _listener(wanted.endpoint)
            context = self._context(wanted.pem)
        except HostError as error:
            if self.standing != error.reason:
                log.error("admin_not_served reason=%s", error.reason)  # noqa: TRY400
            self.standing = error.reason
            await _within(self._changed, _RETRY_S)
            return
        server = uvicorn.Server(_settings(app, self._gate, context))
        self.standing = ""
        log.info("admin_listens on=%s tls=%s", wanted.endpoint, context is not None)
        try:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(server.serve(sockets=[listener]))
                task.add_done_callback(lambda _: self._wake())
                beside = group.create_task(_until_cancelled(self._beside))
                await self._follow(wanted, context, task)
                self._leaving()
                beside.cancel()
                server.should_exit = True
        finally:
            listener.close()

    async def _follow(self, wanted: Wanted, context: ssl.SSLContext | None, task: asyncio.Task[None]) -> None:
        """Until somewhere else is to be listened; meanwhile another certificate is shown when there is one."""
        assert self._changed is not None  # noqa: S101  set by `run`
        shown = wanted.pem
        while not task.done() and not self._over and (now := self._wanted) is not None:
            if now.endpoint != wanted.endpoint or (now.pem is None) != (shown is None):
                return
            if context is not None and now.pem is not None and now.pem != shown:
                self._show(context, now.pem)
                shown = now.pem
            self._changed.clear()
            if self._wanted is now and not self._over and not task.done():
                await self._changed.wait()

    def _context(self, pem: bytes | None) -> ssl.SSLContext | None:
        if pem is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._show(context, pem)
        return context

    def _show(self, context: ssl.SSLContext, pem: bytes) -> None:
        """OpenSSL takes chain and key from a file only."""
        files.ensure_folder(self._pem_path.parent, mode=0o700)
        files.write(self._pem_path, pem, mode=0o600)
        try:
            context.load_cert_chain(self._pem_path)
        except ssl.SSLError as error:
            raise HostError(f"the certificate cannot be used: {error.reason}", "see `voxgate certs`") from error
        finally:
            files.remove(self._pem_path)


def _listener(endpoint: Endpoint) -> socket.socket:
    six = endpoint.address.version == 6
    listener = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if six:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((str(endpoint.address), endpoint.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        advice = "stop who holds it, or change admin.listen"
        raise HostError(f"{endpoint} cannot be listened on: {error.strerror}", advice) from error
    listener.setblocking(False)
    return listener


def _settings(app: ASGIApp, gate: Gate, context: ssl.SSLContext | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level=logging.ERROR,
        access_log=False,
        # No header decides who somebody is.
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    config.load()
    # What uvicorn makes of each connection; TLS is the front's business.
    config.http_protocol_class = partial(Front, gate, context)  # type: ignore[assignment]
    return config


async def _within(event: asyncio.Event, timeout_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()


async def _nothing() -> None:
    return None


async def _until_cancelled(what: Callable[[], Awaitable[None]]) -> None:
    await what()
