"""The router: its processes, the folders in which it meets HAProxy, and what it reports."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from voxgate.daemon.part import Part
from voxgate.daemon.router_reports import RouterReports
from voxgate.engines import router
from voxgate.errors import HostError
from voxgate.host import files
from voxgate.host.facts import read_facts
from voxgate.host.ports import open_unix
from voxgate.supervise.router import RouterControl

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.engines.base import Places
    from voxgate.guard.observation import Reports
    from voxgate.host.clock import Clock

log = logging.getLogger(__name__)

HAPROXY = "haproxy"
#: Its owner makes sockets in it, its group reaches them, nobody else does.
MEETING_MODE = 0o710


def relay(places: Places, clock: Clock, guard: Reports, access: Callable[[bytes], None]) -> Part:
    """The router's part. `guard` hears of suspicious requests, `access` takes lines of the access log."""
    controls = {name: RouterControl(places.engine(name)) for name in router.names(read_facts().cpu_count)}
    try:
        files.ensure_folder(places.run / router.TO_ROUTER, owner=router.USER, group=HAPROXY, mode=MEETING_MODE)
        files.ensure_folder(places.run / router.FROM_ROUTER, owner=HAPROXY, group=router.USER, mode=MEETING_MODE)
        listening = open_unix(places.run / router.REPORTS, files.group_id(router.USER))
    except HostError as error:
        # Who serves neither LDAP nor H.323 needs no such user; who does hears of it when the router is to start.
        log.info("no_router reason=%s", error)
        return Part(controls=controls, probes=controls)
    reports = RouterReports(clock, guard, access)
    return Part(controls=controls, probes=controls, serve=(lambda: reports.serve(listening),))
