"""Reports to the control plane: lines over a unix stream, some at a time, bounded, lost while nobody listens."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Final

from voxgate.router.driver.stream import Stream
from voxgate.router.driver.wheel import Timed

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.router.driver.poll import Poll
    from voxgate.router.reporting import Report

log = logging.getLogger(__name__)

#: Some 4,000 reports: the control plane may be busy for a moment.
MOST_BYTES: Final = 1 << 20
#: Sent at once, or sooner when some time has passed.
SOME_REPORTS: Final = 64
SOON_S: Final = 0.25
AGAIN_S: Final = 0.5


class Teller(Timed):
    """Tells reports, and keeps the connection up from `begin` on."""

    def __init__(self, poll: Poll, path: Path) -> None:
        super().__init__()
        self.lost = 0
        self._poll = poll
        self._path = path
        self._line: _Line | None = None
        self._waiting: list[Report] = []

    def begin(self) -> None:
        """Connect, or try again later."""
        try:
            self._line = _Line(self._poll, _connected(self._path), self)
        except OSError as error:
            log.debug("no_listener reason=%s", error)
            self._poll.wake(self, AGAIN_S)

    def tell(self, report: Report) -> None:
        """Tell it soon, or count it as lost. Never blocks and never raises."""
        line = self._line
        if line is None or line.waiting > MOST_BYTES:
            self.lost += 1
            return
        self._waiting.append(report)
        if report.kind is not None or len(self._waiting) >= SOME_REPORTS:
            self.flush()
        elif len(self._waiting) == 1:
            self._poll.wake(self, SOON_S)

    def flush(self) -> None:
        """Tell what waits."""
        if self._line is not None and self._waiting:
            told = b"".join([report.render() for report in self._waiting])
            self._waiting.clear()
            self._poll.wake(self, None)
            self._line.send(told)

    def timed_out(self) -> None:
        """It is time to tell, or to connect."""
        if self._line is None:
            self.begin()
        else:
            self.flush()

    def gone(self) -> None:
        """Nobody listens any more."""
        self._line = None
        self.lost += len(self._waiting)
        self._waiting.clear()
        self._poll.wake(self, AGAIN_S)

    def abort(self) -> None:
        """Implements `poll.Handler`: begin anew."""
        if self._line is not None:
            self._line.abort()


class _Line(Stream):
    """The connection to the control plane, which says nothing."""

    __slots__ = ("_teller",)

    def __init__(self, poll: Poll, sock: socket.socket, teller: Teller) -> None:
        super().__init__(poll, sock)
        self._teller = teller

    @property
    def waiting(self) -> int:
        """Bytes that could not be sent yet."""
        return len(self._out) if self._out is not None else 0

    def got(self, data: bytes) -> None:
        """It says nothing that we would understand."""

    def ended(self) -> None:
        """The control plane has gone."""
        self.abort()

    def lost(self) -> None:
        """It has gone."""
        self._teller.gone()

    def full(self, is_full: bool) -> None:
        """It is busy; `waiting` tells how much."""

    def abort(self) -> None:
        """Begin anew."""
        super().abort()
        self._teller.gone()


def _connected(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock
