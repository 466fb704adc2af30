"""The access log: takes the lines of HAProxy and of the router, writes them, and shows rejections to who listens.

HAProxy connects to a unix socket and sends lines (wire/haproxy_line.py); it keeps some while nobody takes them. A line
of any other kind is something that HAProxy says of itself, and goes to the log of `voxgate run`.

To be woken for each line costs HAProxy and us more than all the rest of a line. So nothing is read for a moment after
each read: the socket fills, HAProxy collects what comes in its ring, and then sends and we read hundreds at once. How
long the moment is, `Pace` decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from typing import TYPE_CHECKING, Final, cast

from voxgate.errors import HostError
from voxgate.wire import access_line, haproxy_line

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from voxgate.config.web import AccessLog as Settings
    from voxgate.host.journal import Journal
    from voxgate.wire.access_line import AccessLine

log = logging.getLogger(__name__)

#: HAProxy's longest line is 4 KiB.
LONGEST_LINE: Final = 8192
#: Between two reads at most, and while what HAProxy has collected comes in.
PAUSE_S: Final = 0.2
SHORT_PAUSE_S: Final = 0.005
#: HAProxy's ring has four times this room.
ROOM: Final = 1 << 20
#: So much in one read, and HAProxy has more: a socket holds 170 lines that were sent one by one, or a dozen pieces of
#: 16 KiB (unix(7), SO_SNDBUF; net.core.wmem_default).
STUCK: Final = 1 << 15
FULL: Final = 1 << 17
_REJECTED: Final = b'"result":"rejected"'


class Pace:
    """How long nothing is read, so that HAProxy waits for us with nearly every line and not we for each."""

    def __init__(self) -> None:
        self._rested = True
        self._since_s = 0.0
        self._taken = 0

    def after(self, came: int, now_s: float) -> float:
        """Seconds to wait after a read of `came` bytes at `now_s`: short until the ring is empty, then long."""
        self._taken += came
        if came > (STUCK if self._rested else FULL):
            self._rested = False
            return SHORT_PAUSE_S
        # A machine with many cores fills the ring sooner.
        pause_s = min(PAUSE_S, ROOM * (now_s - self._since_s) / self._taken)
        self._rested, self._since_s, self._taken = True, now_s, 0
        return pause_s


class AccessLog:
    """Writes `journal`; `told` hears of each request that was rejected, by the edge or by a PBX."""

    def __init__(self, journal: Journal, told: Callable[[AccessLine], None]) -> None:
        self._journal = journal
        self._told = told
        self._forwarded = self._rejected = True
        self._failed = False

    def follow(self, settings: Settings) -> None:
        """Write what these settings ask for."""
        self._forwarded, self._rejected = settings.forwarded, settings.rejected
        self._journal.most_bytes = settings.megabytes << 20

    async def serve(self, listening: socket.socket) -> None:
        """Take connections on `listening` until cancelled."""
        loop = asyncio.get_running_loop()
        writers: set[_Writer] = set()
        server = await loop.create_unix_server(lambda: _Writer(self, writers), sock=listening)
        try:
            # Not `serve_forever`: Python 3.13 closes the connections at its end, and what waits in them is gone.
            await asyncio.Event().wait()
        finally:
            server.close()
            for writer in tuple(writers):
                writer.end()
            self._journal.close()

    def take(self, lines: bytes) -> None:
        """Whole lines of the log, each with its end; their writer tells of rejections itself."""
        if not (self._forwarded and self._rejected):
            whole = lines.splitlines(keepends=True)
            lines = b"".join(line for line in whole if self._written(rejected=_REJECTED in line))
        self._append(lines)

    def take_raw(self, lines: bytes) -> None:
        """Whole lines of HAProxy."""
        finished = haproxy_line.served(lines)
        if finished is None:
            finished = b"".join(self._looked_at(line) for line in lines.splitlines(keepends=True))
        elif not self._forwarded:
            return
        self._append(finished)

    def _append(self, lines: bytes) -> None:
        if not lines:
            return
        try:
            self._journal.append(lines)
            self._failed = False
        except HostError as error:
            if not self._failed:
                log.warning("access_log_fails reason=%s", error)
            self._failed = True

    def _written(self, *, rejected: bool) -> bool:
        return self._rejected if rejected else self._forwarded

    def _looked_at(self, line: bytes) -> bytes:
        """What is written of a line; tells of it where it is of interest."""
        if (finished := haproxy_line.served(line)) is not None:
            return finished if self._forwarded else b""
        if (read := haproxy_line.read(line)) is None:
            log.info("haproxy_says text=%s", line.decode("utf-8", "surrogateescape").strip())
            return b""
        rejected = read.result == access_line.REJECTED
        if rejected or read.reason == access_line.BY_PBX:
            self._told(read)
        return read.render() if self._written(rejected=rejected) else b""


class _Writer(asyncio.Protocol):
    """One connection; keeps what came of a line."""

    def __init__(self, log_: AccessLog, all_: set[_Writer]) -> None:
        self._log = log_
        self._all = all_
        self._rest = b""
        self._pace = Pace()
        self._transport: asyncio.ReadTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """HAProxy is there."""
        # A connection to a socket is read (asyncio, Transports).
        self._transport = cast("asyncio.ReadTransport", transport)
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, and all it sent was read."""
        del exc
        self._all.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Hand whole lines on, and take nothing for a moment. An endless line is dropped."""
        self._take(data)
        if self._transport is not None:
            self._transport.pause_reading()
            loop = asyncio.get_running_loop()
            loop.call_later(self._pace.after(len(data), loop.time()), self._resume)

    def end(self) -> None:
        """Take what waits in the socket, and close it."""
        if self._transport is None or self._transport.is_closing():
            return
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while data := os.read(self._transport.get_extra_info("socket").fileno(), 1 << 18):
                self._take(data)
        self._transport.close()

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _take(self, data: bytes) -> None:
        whole, end, rest = (self._rest + data).rpartition(b"\n")
        self._rest = rest if len(rest) <= LONGEST_LINE else b""
        if end:
            self._log.take_raw(whole + end)
