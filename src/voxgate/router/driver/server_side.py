"""The server's side of a relayed connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from voxgate.router.driver.stream import Stream

if TYPE_CHECKING:
    import socket

    from voxgate.router.driver.poll import Poll


class Owner(Protocol):
    """Who wants to know: the client's side."""

    def server_sent(self, data: bytes, /) -> None:
        """Bytes of the server."""

    def server_ended(self, *, silent: bool) -> None:
        """The server sends no more; `silent`: it never has."""

    def server_full(self, is_full: bool, /) -> None:
        """The server reads too slowly, or has caught up."""

    def abort(self) -> None:
        """Close both sides at once."""


class ServerSide(Stream):
    """The server's connection of one client; when it was left, nobody hears of it any more."""

    __slots__ = ("_owner", "_silent")

    def __init__(self, poll: Poll, sock: socket.socket, owner: Owner) -> None:
        super().__init__(poll, sock)
        self._owner: Owner | None = owner
        self._silent = True

    def got(self, data: bytes) -> None:
        """Bytes of the server."""
        if self._owner is not None:
            self._silent = False
            self._owner.server_sent(data)

    def ended(self) -> None:
        """The server has said everything."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.server_ended(silent=self._silent)

    def lost(self) -> None:
        """The server is gone."""
        self.ended()

    def full(self, is_full: bool) -> None:
        """The server reads too slowly, or has caught up."""
        if self._owner is not None:
            self._owner.server_full(is_full)

    def leave(self) -> None:
        """Close it when what was sent has left."""
        self._owner = None
        super().leave()

    def abort(self) -> None:
        """Close it at once, and what it served."""
        owner, self._owner = self._owner, None
        super().abort()
        if owner is not None:
            owner.abort()
