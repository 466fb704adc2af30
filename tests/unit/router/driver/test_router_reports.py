"""Reports reach the control plane: all of them while it listens, and those of later when it is back."""

from __future__ import annotations

import socket
from collections import deque
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from voxgate.guard.observation import Kind
from voxgate.router.driver.poll import Poll
from voxgate.router.driver.stream import Stream
from voxgate.router.driver.telling import SOME_REPORTS, Teller
from voxgate.router.reporting import Report, read, time_of
from voxgate.wire.access_line import AccessLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW_S = 1_760_000_000.0625


class Router(Stream):
    """A running teller; `tell` has it told reports by its own thread, one for each octet that comes."""

    def __init__(self, poll: Poll, sock: socket.socket, teller: Teller) -> None:
        super().__init__(poll, sock)
        self.teller = teller
        self.reports: deque[Report] = deque()

    def got(self, data: bytes) -> None:
        for _ in data:
            self.teller.tell(self.reports.popleft())

    def ended(self) -> None:
        self.leave()


def report(number: int, kind: Kind | None = None) -> Report:
    return Report(AccessLine(time=time_of(NOW_S), protocol="ldap", requester="192.0.2.1", bytes_in=number), kind, "ckl")


def listener(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen()
    listening.settimeout(10)
    return listening


@contextmanager
def telling(path: Path) -> Iterator[tuple[Callable[..., None], Teller]]:
    poll = Poll()
    teller = Teller(poll, path)
    ours, its = socket.socketpair()
    its.setblocking(False)
    router = Router(poll, its, teller)
    teller.begin()
    thread = Thread(target=poll.run)
    thread.start()

    def tell(*reports: Report) -> None:
        router.reports.extend(reports)
        ours.sendall(b"." * len(reports))

    try:
        yield tell, teller
    finally:
        poll.stop()
        thread.join()
        ours.close()
        its.close()
        poll.close()


def received(connection: socket.socket, count: int) -> list[int]:
    connection.settimeout(10)
    data = b""
    while data.count(b"\n") < count:
        data += connection.recv(1 << 16)
    found = [read(line) for line in data.splitlines()]
    return [one.access.bytes_in for one in found if one]


def test_reports_arrive_in_their_order_whether_few_or_many(tmp_path: Path) -> None:
    path = tmp_path / "reports"
    with listener(path) as listening, telling(path) as (tell, teller):
        connection, _ = listening.accept()
        with connection:
            for count in (1, 3, SOME_REPORTS * 3 + 1):
                tell(*map(report, range(count)))
                assert received(connection, count) == list(range(count))
            tell(report(7, Kind.AUTH_FAILURE))
            assert received(connection, 1) == [7]
            assert teller.lost == 0


def test_what_nobody_hears_is_counted_and_the_next_listener_hears_what_comes(tmp_path: Path) -> None:
    path = tmp_path / "reports"
    with telling(path) as (tell, teller):
        tell(report(1))
        for number in (2, 3):
            with listener(path) as listening:
                connection, _ = listening.accept()
                with connection:
                    tell(report(number))
                    assert received(connection, 1) == [number]
        assert teller.lost == 1


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    assert time_of(NOW_S) == "2025-10-09T08:53:20.062Z"
    assert time_of(0) == "1970-01-01T00:00:00.000Z"
