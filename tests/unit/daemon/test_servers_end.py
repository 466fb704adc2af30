"""An edge that is told to end does not wait for those who are connected to it."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from voxgate.daemon.router_reports import RouterReports
from voxgate.host.clock import SystemClock
from voxgate.supervise.control import ControlServer, Verbs, open_control_socket

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from voxgate.guard.observation import Reports

#: Anything but "waits for ever".
LIMIT_S = 10


async def ends_with_a_connection_open(serving: Coroutine[object, object, None], path: Path) -> None:
    task = asyncio.ensure_future(serving)
    await asyncio.sleep(0)
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(b"half a line")
    await writer.drain()
    task.cancel()
    done, _ = await asyncio.wait((task,), timeout=LIMIT_S)
    assert done, "it waits for its client"
    writer.close()


def test_what_takes_the_routers_reports_ends_before_the_routers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "reports"))
        listening.listen()
        reports = RouterReports(SystemClock(), cast("Reports", None), lambda _: None)
        asyncio.run(ends_with_a_connection_open(reports.serve(listening), tmp_path / "reports"))


def test_the_control_socket_ends_though_somebody_has_not_asked_yet(tmp_path: Path) -> None:
    with open_control_socket(tmp_path / "control") as listening:
        server = ControlServer(listening, cast("Verbs", None))
        asyncio.run(ends_with_a_connection_open(server.serve(), tmp_path / "control"))
