"""A program's output as messages: a socket in the place of its pipe, whose other end knows who wrote what."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Final

from voxgate.host.messages import MessageCutter

if TYPE_CHECKING:
    from collections.abc import Callable

#: Writes taken before other work has its turn.
_AT_ONCE: Final = 64
#: A single write is at most this; glibc's parts are smaller.
_LONGEST_WRITE: Final = 65_536
#: struct ucred, unix(7): process, user, group.
_CREDENTIALS: Final = struct.Struct("iII")
_ROOM: Final = socket.CMSG_SPACE(_CREDENTIALS.size)
#: As much as the kernel lets anybody have (net.core.wmem_max): a burst must not make the program wait for us.
_BUFFER_BYTES: Final = 1 << 20


class MessageSocket:
    """`theirs` becomes standard output and error of a program; `on_message` gets each message."""

    def __init__(self, on_message: Callable[[bytes], None]) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self._ours.setblocking(False)
        self._cutter = MessageCutter()
        self._on_message = on_message
        self.drained = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._ours, self._readable)

    def close(self) -> None:
        """Read no more of it."""
        self.theirs.close()
        if not self.drained.is_set():
            self._over()

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, facts, _, _ = self._ours.recvmsg(_LONGEST_WRITE, _ROOM)
            except BlockingIOError:
                return
            except OSError:
                self._over()
                return
            # An empty write comes with its writer, the end does not.
            if not data and not facts:
                self._over()
                return
            message = self._cutter.feed(_writer(facts), data)
            if message is not None:
                self._on_message(message)

    def _over(self) -> None:
        with contextlib.suppress(ValueError):
            asyncio.get_running_loop().remove_reader(self._ours)
        self._ours.close()
        for rest in self._cutter.end():
            self._on_message(rest)
        self.drained.set()


def _writer(facts: list[tuple[int, int, bytes]]) -> int:
    """The process that wrote, as the kernel says; 0 where it does not."""
    for level, kind, data in facts:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS) and len(data) >= _CREDENTIALS.size:
            return int(_CREDENTIALS.unpack_from(data)[0])
    return 0
