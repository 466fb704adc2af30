"""Takes connections at a unix socket."""

from __future__ import annotations

import errno
import logging
import socket
from typing import TYPE_CHECKING, Final

from voxgate.router.driver.poll import IN
from voxgate.router.driver.wheel import Timed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from voxgate.router.driver.poll import Poll

log = logging.getLogger(__name__)

#: HAProxy opens a connection for each client; a burst of phones that come back waits here.
BACKLOG: Final = 4096
#: Taken at once, before those that are there have their turn.
MOST_AT_ONCE: Final = 64
#: Without a descriptor for another connection, those that wait are left alone for so long.
EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
AGAIN_S: Final = 0.5


class Listening(Timed):
    """One socket at `path`, in the place of a former process's; `take` gets each connection, which does not block."""

    def __init__(self, poll: Poll, path: Path, take: Callable[[socket.socket], object], *, mode: int) -> None:
        """Raises OSError: the path is not usable."""
        super().__init__()
        self._poll = poll
        self._take = take
        self._sock = _open(path, mode)
        poll.watch(self._sock, self, IN)

    def ready(self, mask: int) -> None:
        """Somebody is there. Implements `poll.Reader`."""
        del mask
        for _ in range(MOST_AT_ONCE):
            try:
                sock, _ = self._sock.accept()
            except OSError as error:
                if error.errno in EXHAUSTED:
                    log.warning("no_connection_taken reason=%s", error.strerror)
                    self._poll.forget(self._sock)
                    self._poll.wake(self, AGAIN_S)
                return
            sock.setblocking(False)
            self._take(sock)

    def timed_out(self) -> None:
        """Somebody may have left meanwhile."""
        self._poll.watch(self._sock, self, IN)

    def close(self) -> None:
        """Take nobody any more."""
        self._poll.release(self._sock)

    def abort(self) -> None:
        """Implements `poll.Handler`: whoever could not be served is gone, the others are not."""


def _open(path: Path, mode: int) -> socket.socket:
    path.unlink(missing_ok=True)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        opened.bind(str(path))
        path.chmod(mode)
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened
