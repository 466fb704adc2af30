from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from voxgate.supervise.notify import Notifier, from_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("environ", "notifier"),
    [
        pytest.param({}, Notifier(), id="not under systemd"),
        pytest.param({"NOTIFY_SOCKET": "relative"}, Notifier(), id="no address sd_notify(3) knows"),
        pytest.param({"NOTIFY_SOCKET": "/run/n"}, Notifier("/run/n"), id="a path"),
        pytest.param({"NOTIFY_SOCKET": "@n"}, Notifier("@n"), id="abstract"),
        pytest.param(
            {"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"},
            Notifier("@n", 15.0),
            id="watchdog",
        ),
        pytest.param(
            {"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, Notifier("@n"), id="another's"
        ),
        pytest.param({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "soon"}, Notifier("@n"), id="no number"),
    ],
)
def test_what_systemd_wants_is_read_from_the_environment(environ: dict[str, str], notifier: Notifier) -> None:
    assert from_environment(environ, 7) == notifier


@pytest.mark.parametrize(
    ("tell", "datagram"),
    [
        pytest.param(lambda n: n.ready("2 engines"), b"READY=1\nSTATUS=2 engines", id="ready"),
        pytest.param(lambda n: n.reloading(1.5), b"RELOADING=1\nMONOTONIC_USEC=1500000", id="reloading"),
        pytest.param(lambda n: n.stopping(), b"STOPPING=1", id="stopping"),
        pytest.param(lambda n: n.status("a\nREADY=1"), b"STATUS=a READY=1", id="a status cannot smuggle"),
        pytest.param(lambda n: n.watchdog(), b"WATCHDOG=1", id="watchdog"),
        pytest.param(lambda n: replace(n, watchdog_s=30.0).patience(120), b"WATCHDOG_USEC=120000000", id="patience"),
        pytest.param(
            lambda n: replace(n, watchdog_s=30.0).ready(), b"READY=1\nWATCHDOG_USEC=60000000", id="no patience any more"
        ),
    ],
)
@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(tell: Callable[[Notifier], None], datagram: bytes, abstract: bool, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(5)
        name = f"@voxgate-{tmp_path.name}" if abstract else str(tmp_path / "n")
        systemd.bind(f"\0{name[1:]}" if abstract else name)
        tell(Notifier(name))
        assert systemd.recv(4096) == datagram


def test_a_systemd_that_is_gone_does_not_stop_us(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "none")).ready()


def test_without_systemd_nothing_is_sent() -> None:
    Notifier().ready()
