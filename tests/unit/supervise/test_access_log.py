"""The access log: what is written of what comes, what is told, and that nothing is lost where it pauses or ends."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import TYPE_CHECKING

import pytest

from tests.unit.wire.test_haproxy_line import SERVED, line
from voxgate.config.web import AccessLog as Settings
from voxgate.host.journal import Journal
from voxgate.host.ports import open_unix
from voxgate.supervise.access_log import FULL, PAUSE_S, ROOM, SHORT_PAUSE_S, STUCK, AccessLog, Pace
from voxgate.wire.access_line import AccessLine

if TYPE_CHECKING:
    from pathlib import Path

URL, PBX = line("LR", "url"), line("--", "pbx")
ROUTER = AccessLine("2026-11-21T12:00:00.007Z", "ldaps", "203.0.113.9")


class Desk:
    """A log in a folder, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "access.log"
        self.told: list[AccessLine] = []
        self.log = AccessLog(Journal(self.path, 1 << 24), self.told.append)

    def written(self) -> list[tuple[str, str]]:
        """Result and reason of each line."""
        if not self.path.exists():
            return []
        lines = [json.loads(one) for one in self.path.read_text().splitlines()]
        return [(one["result"], one["reason"]) for one in lines]


async def written(desk: Desk, count: int) -> None:
    """Until so many lines are in the log."""
    for _ in range(1000):
        if len(desk.written()) >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{len(desk.written())} lines of {count}")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("switches", "written"),
    [
        ({}, [("forwarded", ""), ("rejected", "url"), ("forwarded", "pbx"), ("rejected", ""), ("forwarded", "")]),
        ({"forwarded": False}, [("rejected", "url"), ("rejected", "")]),
        ({"rejected": False}, [("forwarded", ""), ("forwarded", "pbx"), ("forwarded", "")]),
        ({"forwarded": False, "rejected": False}, []),
    ],
)
def test_each_kind_is_written_where_it_is_switched_on_and_told_of_all_the_same(
    desk: Desk, switches: dict[str, bool], written: list[tuple[str, str]]
) -> None:
    desk.log.follow(Settings(**switches))
    desk.log.take_raw(SERVED + URL + PBX)
    desk.log.take(ROUTER.render())
    desk.log.take_raw(SERVED)
    assert desk.written() == written
    # The router tells of its own.
    assert [one.reason for one in desk.told] == ["url", "pbx"]


def test_a_word_of_haproxys_goes_to_the_log_of_the_edge(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        desk.log.take_raw(b"Proxy web stopped.\n" + SERVED)
    assert "haproxy_says text=Proxy web stopped." in caplog.text
    assert desk.written() == [("forwarded", "")]


def test_lines_arrive_whole_however_they_are_cut_and_none_is_lost_at_the_end(desk: Desk, tmp_path: Path) -> None:
    async def scene() -> None:
        serving = asyncio.create_task(desk.log.serve(open_unix(tmp_path / "access.sock", -1)))
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX) as haproxy:
            haproxy.setblocking(False)
            await loop.sock_connect(haproxy, str(tmp_path / "access.sock"))
            text = (SERVED * 50 + URL) * 40
            for start in range(0, len(text), 7001):
                await loop.sock_sendall(haproxy, text[start : start + 7001])
            await written(desk, 51 * 40)
            # It pauses now; what comes meanwhile is taken when the edge ends.
            await loop.sock_sendall(haproxy, SERVED * 3)
            await asyncio.sleep(0)
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(scene())
    assert len(desk.written()) == 51 * 40 + 3
    assert len(desk.told) == 40


def test_an_endless_line_takes_no_room(desk: Desk, tmp_path: Path) -> None:
    async def scene() -> None:
        serving = asyncio.create_task(desk.log.serve(open_unix(tmp_path / "access.sock", -1)))
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX) as haproxy:
            haproxy.setblocking(False)
            await loop.sock_connect(haproxy, str(tmp_path / "access.sock"))
            async with asyncio.timeout(10):
                await loop.sock_sendall(haproxy, b"x" * 1_000_000)
                await loop.sock_sendall(haproxy, b"\n" + SERVED)
            await written(desk, 1)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(scene())
    assert desk.written() == [("forwarded", "")]


def test_a_full_disk_is_said_once_and_the_log_goes_on(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.path.mkdir()
    for _ in range(3):
        desk.log.take_raw(SERVED)
    assert caplog.text.count("access_log_fails") == 1
    desk.path.rmdir()
    desk.log.take_raw(SERVED)
    assert desk.written() == [("forwarded", "")]


def test_nothing_is_read_for_long_unless_haproxy_waits_with_more() -> None:
    pace = Pace()
    assert pace.after(300, 10.0) == PAUSE_S
    # The socket was full of single lines, then of whole pieces; what comes meanwhile is no reason to hurry.
    assert pace.after(STUCK + 1, 10.2) == SHORT_PAUSE_S
    assert pace.after(FULL + 1, 10.205) == SHORT_PAUSE_S
    assert pace.after(STUCK + 1, 10.21) == PAUSE_S
    assert pace.after(STUCK, 10.41) == PAUSE_S


def test_the_ring_never_fills_while_nothing_is_read() -> None:
    pace, now_s = Pace(), 100.0
    pace.after(1, now_s)
    rate = 40_000_000
    waiting = int(rate * PAUSE_S)
    for _ in range(200):
        came = min(waiting, 200_000)
        pause_s = pace.after(came, now_s)
        now_s += pause_s
        waiting += int(rate * pause_s) - came
    # What came in the first pause is gone through by and by, and no pause lets more than a quarter of the ring in.
    assert waiting < rate * PAUSE_S + ROOM
    idle = Pace()
    idle.after(1, 0.0)
    assert idle.after(STUCK, STUCK / rate) <= ROOM / rate * 1.01
