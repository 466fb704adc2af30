"""Waits for sockets and for times: one epoll instance, one thread.

Level-triggered: what is not read now is told again. Sockets are closed when all that was told at once has been dealt
with, so that no descriptor is another's meanwhile.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from voxgate.router.driver.wheel import STEP_S, Timed, Wheel

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

log = logging.getLogger(__name__)

IN: Final = select.EPOLLIN
OUT: Final = select.EPOLLOUT
BROKEN: Final = select.EPOLLERR | select.EPOLLHUP

#: Told at once.
MOST_EVENTS: Final = 128


class Handler(Protocol):
    """Who looks after something; gives it up where that fails in a way that nobody foresaw."""

    def abort(self) -> None:
        """Give it up."""


class Reader(Handler, Protocol):
    """Who looks after a socket."""

    def ready(self, mask: int, /) -> None:
        """Something can be done with it; errors and the peer's end come unasked."""


class Poll:
    """See above. Only `stop` may be called by other threads, and by handlers of signals."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Reader] = {}
        self._wheel = Wheel(time.monotonic())
        self._times = self._wheel.slots
        self._soon: deque[tuple[Handler, Callable[[], None]]] = deque()
        self._released: list[socket.socket] = []
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._bell, IN)
        self._stopped = False

    def run(self) -> None:
        """Until `stop`. A handler that fails costs its own connection, not those of all others."""
        poll, handlers = self._epoll.poll, self._handlers
        while not self._stopped:
            for number, mask in poll(self._patience_s(), MOST_EVENTS):
                handler = handlers.get(number)
                try:
                    if handler is not None:
                        handler.ready(mask)
                except Exception:  # noqa: BLE001  see above
                    _give_up(handler)
            self._rest()

    def stop(self) -> None:
        """Have `run` return."""
        self._stopped = True
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """After `run`."""
        self._close_released()
        os.close(self._bell)
        self._epoll.close()

    def watch(self, sock: socket.socket, handler: Reader, mask: int) -> None:
        """Tell `handler`, and nobody else any more, when `sock` is ready for `mask`."""
        number = sock.fileno()
        if number in self._handlers:
            self._epoll.modify(number, mask)
        else:
            self._epoll.register(number, mask)
        self._handlers[number] = handler

    def change(self, sock: socket.socket, mask: int) -> None:
        """Wait for something else."""
        self._epoll.modify(sock, mask)

    def forget(self, sock: socket.socket) -> None:
        """Tell nothing of it any more, not even its peer's end."""
        self._epoll.unregister(sock)
        self._handlers.pop(sock.fileno(), None)

    def release(self, sock: socket.socket) -> None:
        """Close it, watched or not."""
        self._handlers.pop(sock.fileno(), None)
        self._released.append(sock)

    def wake(self, item: Timed, after_s: float | None) -> None:
        """Call `item.timed_out` after so long, in place of any time that it had; None: never."""
        if after_s is None:
            self._wheel.drop(item)
        else:
            self._wheel.set(item, time.monotonic() + after_s)

    def soon(self, handler: Handler, call: Callable[[], None]) -> None:
        """Call something of `handler` when what is being done is done."""
        self._soon.append((handler, call))

    def _patience_s(self) -> float | None:
        if self._soon:
            return 0
        return STEP_S if self._times else None

    def _rest(self) -> None:
        """What is not a descriptor's."""
        calls: list[tuple[Handler, Callable[[], None]]] = []
        if self._soon:
            calls += self._soon
            self._soon.clear()
        if self._times:
            calls += [(item, item.timed_out) for item in self._wheel.due(time.monotonic())]
        for handler, call in calls:
            try:
                call()
            except Exception:  # noqa: BLE001  as in `run`
                _give_up(handler)
        if self._released:
            self._close_released()

    def _close_released(self) -> None:
        for sock in self._released:
            sock.close()
        self._released.clear()


def _give_up(handler: Handler | None) -> None:
    log.exception("failed what=%s", type(handler).__name__)
    if handler is not None:
        handler.abort()
