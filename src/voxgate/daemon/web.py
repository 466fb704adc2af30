"""HAProxy, and the log of what came through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.daemon.part import Part
from voxgate.engines.haproxy import access
from voxgate.guard.access import observation_of
from voxgate.host import files
from voxgate.host.journal import Journal
from voxgate.host.ports import open_unix
from voxgate.supervise.access_log import AccessLog
from voxgate.supervise.haproxy import HaproxyControl
from voxgate.supervise.web_nodes import WebNodes

if TYPE_CHECKING:
    from voxgate.engines.base import Places
    from voxgate.guard.observation import Reports
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.wire.access_line import AccessLine

NAME = "haproxy"


class Web:
    """HAProxy and its access log."""

    def __init__(self, places: Places, clock: Clock, reports: Reports) -> None:
        self._clock = clock
        self._reports = reports
        self._control = HaproxyControl(places.engine(NAME))
        self._listening = open_unix(places.run / access.SOCKET, files.group_id(NAME))
        self._nodes = WebNodes(self._control)
        self._access = AccessLog(Journal(places.state / "access.log", most_bytes=1 << 20), self._rejected)

    def part(self) -> Part:
        """Its part of the edge."""
        return Part(
            controls={NAME: self._control},
            probes={NAME: self._control},
            serve=(self._serve, self._nodes.serve),
            applied=self._applied,
            panels=lambda _: (self._nodes.panel(),),
            returned=self._returned,
        )

    async def _returned(self, name: str) -> None:
        if name == NAME:
            self._nodes.forget()

    def access_line(self, line: bytes) -> None:
        """Take a line of the router's, with its end. What was suspicious about it, the router says itself."""
        self._access.take(line)

    async def _serve(self) -> None:
        await self._access.serve(self._listening)

    def _applied(self, desired: Desired) -> None:
        self._access.follow(desired.config.access_log)
        self._nodes.follow(desired.config)

    def _rejected(self, line: AccessLine) -> None:
        if line.reason == "unreachable":
            self._nodes.suspect(line.pbx)
        if (seen := observation_of(line, self._clock.wall())) is not None:
            self._reports.report(seen)
