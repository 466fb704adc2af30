"""The server's side of a relayed connection, as an asyncio protocol."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol, cast

#: What was sent has left by then, or its reader is gone.
FLUSH_S: Final = 10.0


class Owner(Protocol):
    """Who wants to know: the client's side."""

    def server_sent(self, data: bytes) -> None:
        """Bytes of the server."""

    def server_ended(self, *, silent: bool) -> None:
        """The server sends no more; `silent`: it never has."""

    def server_full(self, full: bool) -> None:
        """The server reads too slowly, or has caught up."""


class ServerSide(asyncio.Protocol):
    """The server's connection of one client; when it was left, nobody hears of it any more."""

    def __init__(self, owner: Owner) -> None:
        self._owner: Owner | None = owner
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._silent = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of the server."""
        if self._owner is not None:
            self._silent = False
            self._owner.server_sent(data)

    def eof_received(self) -> bool:
        """The server has said everything."""
        self._ended()
        return True  # it is closed by command

    def connection_lost(self, exc: Exception | None) -> None:
        """The server is gone."""
        del exc
        self._ended()

    def pause_writing(self) -> None:
        """The server reads too slowly."""
        if self._owner is not None:
            self._owner.server_full(True)

    def resume_writing(self) -> None:
        """The server has caught up."""
        if self._owner is not None:
            self._owner.server_full(False)

    def write(self, data: bytes) -> None:
        """Send it."""
        self._transport.write(data)

    def end(self) -> None:
        """Say that no more is sent."""
        if not self._transport.is_closing():
            self._transport.write_eof()

    def hold(self, held: bool) -> None:
        """Read nothing for now, or go on."""
        if self._transport.is_closing():
            return
        if held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def leave(self) -> None:
        """Close it when what was sent has left, or after `FLUSH_S`."""
        self._owner = None
        self._transport.close()
        if self._transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(FLUSH_S, self._transport.abort)

    def _ended(self) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.server_ended(silent=self._silent)
