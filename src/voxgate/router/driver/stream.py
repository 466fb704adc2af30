"""One connected socket: what came is handed on, what cannot be sent yet is kept and sent when there is room.

Who reads too slowly makes it `full`; its owner then holds the other side. While held, and behind the peer's end,
nothing is read: epoll would tell of it again and again, so the socket is taken out as soon as it does, and no sooner,
since most are held for a moment only.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from voxgate.router.driver.poll import IN, OUT
from voxgate.router.driver.wheel import Timed

if TYPE_CHECKING:
    from voxgate.router.driver.poll import Poll

#: Read at once.
CHUNK: Final = 1 << 14
#: Kept for a slow reader until the other side is held, and when that may go on.
FULL: Final = 1 << 16
ROOM: Final = 1 << 14
#: What was sent has left by then, or its reader is gone.
FLUSH_S: Final = 10.0


class Stream(Timed):
    """See above. What happens is told to `got`, `ended`, `lost` and `full`, which are a subclass's."""

    __slots__ = (
        *("_at_end", "_ending", "_held", "_is_full", "_leaving", "_mask"),
        *("_out", "_poll", "_recv", "_send", "_sock"),
    )

    def __init__(self, poll: Poll, sock: socket.socket) -> None:
        """`sock` does not block; it is watched from now on."""
        super().__init__()
        self._poll = poll
        self._sock = sock
        self._recv, self._send = sock.recv, sock.send
        self._out: bytearray | None = None  # what could not be sent yet
        self._held = self._at_end = self._is_full = self._ending = self._leaving = False
        self._mask = IN
        poll.watch(sock, self, IN)

    def got(self, data: bytes, /) -> None:
        """The peer has sent."""
        raise NotImplementedError

    def ended(self) -> None:
        """The peer sends no more; it may still read."""
        raise NotImplementedError

    def lost(self) -> None:
        """The connection is gone."""
        raise NotImplementedError

    def full(self, is_full: bool, /) -> None:
        """The peer reads too slowly, or has caught up."""
        raise NotImplementedError

    def ready(self, mask: int) -> None:
        """Implements `poll.Reader`."""
        if (mask != IN or self._held or self._at_end) and not self._may_read(mask):
            return
        try:
            data = self._recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._break()
            return
        if data:
            self.got(data)
        else:
            self._at_end = True
            self.ended()

    def send(self, data: bytes, flags: int = 0) -> None:
        """Send it, now or when there is room. `flags` are those of send(2)."""
        if self._out is not None:
            self._keep(data)
            return
        if self._leaving:
            return
        try:
            sent = self._send(data, flags)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._break()
            return
        if sent != len(data):
            self._keep(data[sent:])

    def hold(self, held: bool) -> None:
        """Read nothing for now, or go on."""
        self._held = held or self._leaving
        if not (held or self._at_end or self._leaving or self._mask & IN):
            self._wait_for(self._mask | IN)

    def end(self) -> None:
        """Say that nothing more is sent, when what was sent has left."""
        self._ending = True
        if self._out is None:
            self._shut()

    def leave(self) -> None:
        """Close it when what was sent has left, or after `FLUSH_S`; nobody hears of it any more."""
        if self._leaving:
            return
        self._leaving = self._held = True
        if self._out is None:
            self._close()
        else:
            self._wait_for(OUT)
            self._poll.wake(self, FLUSH_S)

    def abort(self) -> None:
        """Close it at once; nobody hears of it any more."""
        self._leaving = True
        self._close()

    def timed_out(self) -> None:
        """What was sent has not left in time."""
        self.abort()

    def _may_read(self, mask: int) -> bool:
        """There is more to it than bytes that came, or they are not wanted now."""
        if mask & OUT:
            self._flush()
        if mask == OUT or not self._mask & IN:
            return False
        if self._held or self._at_end:
            self._wait_for(self._mask & OUT)
            return False
        return True

    def _keep(self, data: bytes) -> None:
        if self._out is None:
            self._out = bytearray(data)
            self._wait_for(self._mask | OUT)
        else:
            self._out += data
        if len(self._out) > FULL and not self._is_full:
            self._is_full = True
            self.full(True)

    def _flush(self) -> None:
        out = self._out
        if out is None:
            return
        try:
            del out[: self._send(out)]
        except BlockingIOError:
            return
        except OSError:
            self._break()
            return
        if not out:
            self._all_sent()
        if self._is_full and len(out) <= ROOM:
            self._is_full = False
            self.full(False)

    def _all_sent(self) -> None:
        self._out = None
        if self._leaving:
            self._close()
            return
        if self._ending:
            self._shut()
        self._wait_for(self._mask & ~OUT)

    def _shut(self) -> None:
        # Where it is gone, whoever reads from it hears of it.
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def _break(self) -> None:
        """The peer is gone. Whoever sends to it is in the middle of something: it is told afterwards."""
        unheard, self._leaving = self._leaving, True
        self._close()
        if not unheard:
            self._poll.soon(self, self.lost)

    def _close(self) -> None:
        if self._sock.fileno() >= 0:
            if self.slot:
                self._poll.wake(self, None)
            self._poll.release(self._sock)
        self._mask, self._out = 0, None

    def _wait_for(self, mask: int) -> None:
        if mask == self._mask:
            return
        if not mask:
            self._poll.forget(self._sock)
        elif self._mask:
            self._poll.change(self._sock, mask)
        else:
            self._poll.watch(self._sock, self, mask)
        self._mask = mask
