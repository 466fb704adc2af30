"""The access log: takes the lines of HAProxy and of the router, writes them, and shows rejections to who listens.

Writers connect to a unix socket and send lines (wire/access_line.py); HAProxy keeps some while nobody takes them. A
line of any other kind is something that HAProxy says of itself, and goes to the log of `voxgate run`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Final

from voxgate.errors import HostError
from voxgate.wire.access_line import parse

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from voxgate.config.web import AccessLog as Settings
    from voxgate.host.journal import Journal
    from voxgate.wire.access_line import AccessLine

log = logging.getLogger(__name__)

#: HAProxy's longest line is 4 KiB.
LONGEST_LINE: Final = 8192
_REJECTED: Final = b'"result":"rejected"'
_BY_PBX: Final = b'"reason":"pbx"'
#: HAProxy writes a slash as `\/`, which JSON allows and people do not look for.
_ESCAPED: Final = re.compile(rb"\\(.)")


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
        server = await loop.create_unix_server(lambda: _Writer(self), sock=listening)
        try:
            async with server:
                await server.serve_forever()
        finally:
            self._journal.close()

    def take(self, lines: bytes) -> None:
        """Whole lines, each with its end."""
        lines = _with_plain_slashes(lines)
        if not self._plain(lines):
            lines = b"".join(line for line in lines.splitlines(keepends=True) if self._looked_at(line))
        if not lines:
            return
        try:
            self._journal.append(lines)
            self._failed = False
        except HostError as error:
            if not self._failed:
                log.warning("access_log_fails reason=%s", error)
            self._failed = True

    def _plain(self, lines: bytes) -> bool:
        """Whether all are lines of requests that went through: most of the time."""
        count = lines.count(b"\n")
        starts = lines.startswith(b"{") + lines.count(b"\n{")
        return self._forwarded and starts == count and _REJECTED not in lines and _BY_PBX not in lines

    def _looked_at(self, line: bytes) -> bool:
        """Tell of a line that is of interest, and whether it is written."""
        if not line.startswith(b"{"):
            log.info("haproxy_says text=%s", line.decode("utf-8", "surrogateescape").strip())
            return False
        rejected = _REJECTED in line
        if (rejected or _BY_PBX in line) and (read := parse(line)) is not None:
            self._told(read)
        return self._rejected if rejected else self._forwarded


class _Writer(asyncio.Protocol):
    """One connection; keeps what came of a line."""

    def __init__(self, log_: AccessLog) -> None:
        self._log = log_
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Hand whole lines on. An endless line is dropped."""
        whole, end, rest = (self._rest + data).rpartition(b"\n")
        self._rest = rest if len(rest) <= LONGEST_LINE else b""
        if end:
            self._log.take(whole + end)


def _with_plain_slashes(lines: bytes) -> bytes:
    if b"\\/" not in lines:
        return lines
    if b"\\\\" not in lines:
        return lines.replace(b"\\/", b"/")
    return _ESCAPED.sub(lambda found: b"/" if found[1] == b"/" else found[0], lines)
