"""One connection of the web server: who may connect, how many at once, and how slow somebody may be.

TLS is begun here, after the counting: a connection that says nothing counts from its first moment.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

HEAD_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `head_s`: from the connection, or from the last answer, to the end of the next request's head."""

    head_s: float = 10.0
    handshake_s: float = 5.0


@dataclass(slots=True)
class Gate:
    """Counts who is there. `allowed` tells whether an address may connect, `requester` whom it counts for."""

    allowed: Callable[[str], bool]
    requester: Callable[[str], str]
    most: int = 128
    most_of_one: int = 32
    patience: Patience = field(default_factory=Patience)
    held: Counter[str] = field(default_factory=Counter)

    def enter(self, address: str) -> bool:
        """Whether there is room for one more from there."""
        name = self.requester(address)
        if not self.allowed(address) or self.held.total() >= self.most or self.held[name] >= self.most_of_one:
            return False
        self.held[name] += 1
        return True

    def leave(self, address: str) -> None:
        """One is gone."""
        name = self.requester(address)
        self.held[name] -= 1
        if self.held[name] <= 0:
            del self.held[name]


class Front(asyncio.Protocol):
    """The first thing a connection meets: the gate, then TLS where there is any, then HTTP."""

    def __init__(self, gate: Gate, context: ssl.SSLContext | None, **uvicorns: Any) -> None:
        self._gate = gate
        self._context = context
        self._uvicorns = uvicorns
        self._handshake: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, or end it."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if not self._gate.enter(address):
            transport.abort()
            return
        inner = _Http(self._gate.patience, partial(self._gate.leave, address), **self._uvicorns)
        if self._context is None:
            transport.set_protocol(inner)
            inner.connection_made(transport)
            return
        # What comes meanwhile waits in the socket for TLS.
        transport.pause_reading()
        self._handshake = inner.loop.create_task(self._secure(transport, inner, self._context))

    async def _secure(self, transport: asyncio.Transport, inner: _Http, context: ssl.SSLContext) -> None:
        try:
            secure = await inner.loop.start_tls(
                transport, inner, context, server_side=True, ssl_handshake_timeout=self._gate.patience.handshake_s
            )
        except OSError:  # of which TLS's errors and time-outs are kinds
            secure = None
        if secure is None or secure.is_closing():
            inner.gone()
            transport.abort()
            return
        inner.connection_made(secure)


class _Http(H11Protocol):
    """uvicorn's own protocol for whoever is in time."""

    def __init__(self, patience: Patience, on_gone: Callable[[], None], **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._patience = patience
        self._on_gone: Callable[[], None] | None = on_gone
        self._head: asyncio.TimerHandle | None = None
        self._early = b""

    def gone(self) -> None:
        """Once, however often it is said."""
        if self._on_gone is not None:
            self._on_gone()
            self._on_gone = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()
        if self._early:
            early, self._early = self._early, b""
            self.data_received(early)

    def connection_lost(self, exc: Exception | None) -> None:
        # A handshake that fails is lost before it was made.
        if self.transport is not None:
            super().connection_lost(exc)
        self._stop_waiting()
        self.gone()

    def data_received(self, data: bytes) -> None:
        if self.transport is None:
            # TLS may hand over the first request before the end of its handshake was told.
            self._early += data
            return
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle is None or self.cycle.response_complete:
            self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self._head = self.loop.call_later(self._patience.head_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
