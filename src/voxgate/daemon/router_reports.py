"""What the router's processes report: lines for the access log, suspicious requests for the guard."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from voxgate.guard.observation import Observation, ServiceType, requester_of
from voxgate.router.reporting import read

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from voxgate.guard.observation import Reports
    from voxgate.host.clock import Clock

log = logging.getLogger(__name__)

#: Names of strangers are cut before they are reported.
LONGEST_LINE: Final = 1 << 14


class RouterReports:
    """Takes reports. `access` gets rendered lines, `guard` what was suspicious."""

    def __init__(self, clock: Clock, guard: Reports, access: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._guard = guard
        self._access = access

    async def serve(self, listening: socket.socket) -> None:
        """Take connections of router processes until cancelled."""
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: _Process(self), sock=listening)
        try:
            # Not `serve_forever`: since Python 3.12 its end waits for every open connection.
            await asyncio.Event().wait()
        finally:
            server.close()

    def take(self, line: bytes) -> None:
        """One line without its end."""
        report = read(line)
        if report is None:
            log.warning("router_reports_nothing_known bytes=%d", len(line))
            return
        self._access(report.access.render())
        requester = requester_of(report.access.requester)
        if report.kind is None or requester is None:
            return
        protocol = ServiceType(report.access.protocol.removesuffix("s"))
        self._guard.report(
            Observation(
                self._clock.wall(),
                requester,
                protocol,
                report.kind,
                report.access.service,
                report.user,
                report.detail,
            )
        )


class _Process(asyncio.Protocol):
    """One connection; keeps what came of a line."""

    def __init__(self, reports: RouterReports) -> None:
        self._reports = reports
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Whole lines go on. An endless line is dropped."""
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= LONGEST_LINE else b""
        for line in whole:
            self._reports.take(line)
