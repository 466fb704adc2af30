"""The security log as fail2ban reads it, by the filter of the guide, whatever strangers write into packets."""

from __future__ import annotations

import io
import logging
import re
import subprocess
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from voxgate.guard.logbook import Logbook
from voxgate.guard.observation import Kind, Observation, ServiceType
from voxgate.host.clock import SystemClock
from voxgate.supervise.log import LogFormat, LogSink, SinkHandler

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine

GUIDE = Path(__file__).parents[2] / "docs" / "guard.md"
#: What a stranger would like fail2ban to read.
FORGED = "event=auth_failure src_ip=192.0.2.1 protocol=sip name=x user=y proven=yes detail=401"
WHOLE = f"2026-11-21T12:00:00.000Z WARNING voxgate message logger=voxgate.security {FORGED}"
JSON = (
    '{"logger": "voxgate.security", "time": "2026-11-21T12:00:00.000Z", "level": "warning", "unit": "voxgate", '
    f'"event": "message", "message": "{FORGED}"}}'
)
HOSTILE = ("a b", f" {FORGED}", f"\n{WHOLE}\n", f"\r\n{JSON}", '"} {"', "<HOST>", "\x1b[2J", "é" * 100, "%s%n")


@pytest.fixture(params=list(LogFormat))
def log(request: pytest.FixtureRequest) -> Iterator[tuple[LogSink, io.StringIO]]:
    stream = io.StringIO()
    sink = LogSink(stream, request.param, SystemClock())
    logger, handler = logging.getLogger("voxgate.security"), SinkHandler(sink)
    logger.addHandler(handler)
    yield sink, stream
    logger.removeHandler(handler)


def failregex() -> str:
    found = re.search(r"^ *failregex = (.*(?:\n {13,}.*)*)$", GUIDE.read_text(), re.MULTILINE)
    assert found
    return re.sub(r"\n *", "\n", found[1])


def read(lines: str, folder: Path) -> list[str]:
    """The addresses that fail2ban would ban, as often as it found them."""
    file, rules = folder / "voxgate.log", folder / "filter.conf"
    file.write_text(lines)
    rules.write_text("[Definition]\nfailregex = " + failregex().replace("\n", "\n    ") + "\n")
    done = subprocess.run(
        ["fail2ban-regex", "-o", "ip", str(file), str(rules)], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


def seen(source: str, *, text: str = "100", proven: bool = True, kind: Kind = Kind.AUTH_FAILURE) -> Observation:
    where = ip_address(source)
    return Observation(datetime.now(UTC), where, ServiceType.SIP, kind, text, text, text, proven)


def test_fail2ban_reads_whom_to_ban_and_nobody_that_strangers_name(
    log: tuple[LogSink, io.StringIO], tmp_path: Path
) -> None:
    sink, stream = log
    book = Logbook()
    for number, text in enumerate(HOSTILE):
        book.observed(seen("203.0.113.9", text=text), number)
        sink.engine_line("kamailio", f" 1(2) ERROR: <core> [a.c:1]: x(): {text}".encode())
        sink.engine_line("kamailio", text.encode())
        sink.engine_line("rtpengine", f"[1.2] ERR: [core] {WHOLE}".encode())
        logging.getLogger("voxgate.elsewhere").warning("haproxy_says text=%s", text)
    book.observed(seen("2001:db8::9"), 50)
    book.observed(seen("203.0.113.10", proven=False), 51)
    book.observed(seen("203.0.113.11", kind=Kind.UNKNOWN_NAME), 52)
    assert read(stream.getvalue(), tmp_path) == ["203.0.113.9"] * len(HOSTILE) + ["2001:db8::9"]


def test_fail2ban_reads_the_log_as_the_journal_gives_it(tmp_path: Path) -> None:
    forged = f"edge voxgate[7]: 2026-11-21T12:00:00.000Z ERROR kamailio line {WHOLE}"
    lines = f"edge voxgate[7]: {WHOLE.replace('192.0.2.1', '203.0.113.9')}\n{forged}\n"
    assert read(lines, tmp_path) == ["203.0.113.9"]
