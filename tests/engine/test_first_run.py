"""The first run as the Debian package's unit has it: with its rights, its journal and its watchdog."""

from __future__ import annotations

import json
import re
import socket
import ssl
from contextlib import ExitStack
from hashlib import sha256
from http.client import HTTPResponse
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import pytest

from lab.edge import VOXGATE, Edge
from lab.net import Net
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC
from tests.engine.office import HQ, MARKS, folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = MARKS

UNIT = Path(__file__).parents[2] / "packaging/deb/voxgate.service"
PASSWORD = "correct horse battery staple"  # noqa: S105  of a throwaway edge
ANSWERS = {
    "domain": "proxy.example.com",
    "interface": "eth0",
    "public": EDGE_PUBLIC,
    "pbx_name": "hq",
    "pbx_address": HQ,
    "pbx_domain": "example.com",
    "anyway": "1",
    "user": "admin",
    "password": PASSWORD,
    "again": PASSWORD,
    "do": "save",
}


class Service:
    """`voxgate run` of a file that is not there, in systemd's place."""

    def __init__(self, stack: ExitStack) -> None:
        self.folder = stack.enter_context(folder())
        self.net = stack.enter_context(Net(BEHIND_NAT))
        self.edge = Edge(self.net, self.folder, {})
        self.edge.file.unlink()
        self.edge.log.touch()
        self._told = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self._told.bind(str(self.folder / "notify"))
        journal = self.edge.log.stat()
        systemd = {
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "WATCHDOG_USEC": "60000000",
            "JOURNAL_STREAM": f"{journal.st_dev}:{journal.st_ino}",
        }
        kept = re.findall(r"CAP_([A-Z_]+)", " ".join(re.findall(r"(?m)^CapabilityBoundingSet=(.*)$", UNIT.read_text())))
        rights = ",".join(("-all", *(f"+{name.lower()}" for name in kept)))
        walls = ("setpriv", f"--bounding-set={rights}", "--no-new-privs")
        places = ("--run-dir", str(self.folder / "run"), "--state-dir", str(self.folder / "state"))
        argv = [*walls, VOXGATE, *places, "run", str(self.edge.file)]
        self.process = self.net.spawn("edge", argv, log_path=self.edge.log, env=systemd)

    def tells(self, words: str, timeout_s: float = 120) -> list[str]:
        """What systemd is told until it is told this; but for the watchdog."""
        self._told.settimeout(timeout_s)
        found: list[str] = []
        while not found or words not in found[-1]:
            try:
                found.append(self._told.recv(4096).decode())
            except TimeoutError:
                pytest.fail(f"{found}\n{self.edge.text()[-3000:]}")
        return [one for one in found if one != "WATCHDOG=1"]

    def asks(self, path: str, form: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """A browser in the office: status, page, and the certificate's SHA-256."""
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        body = urlencode(form or {})
        head = f"{'POST' if form else 'GET'} {path} HTTP/1.1\r\nHost: {EDGE_LAN}:8440\r\nConnection: close\r\n"
        head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        with self.net.socket("phone-lan", socket.AF_INET, socket.SOCK_STREAM) as plain:
            plain.settimeout(90)
            plain.connect((EDGE_LAN, 8440))
            with trust.wrap_socket(plain) as secured:
                secured.sendall((head + body).encode())
                answer = HTTPResponse(secured)
                answer.begin()
                digest = sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
                return answer.status, answer.read().decode(), digest


@pytest.fixture
def service() -> Iterator[Service]:
    with ExitStack() as stack:
        yield Service(stack)


def test_root_is_told_where_a_browser_makes_the_configuration_and_the_journal_is_not(service: Service) -> None:
    (told,) = service.tells("READY=1")
    assert "STATUS=waits for a first configuration: voxgate setup" in told
    assert (service.folder / "run" / "first-run").stat().st_mode & 0o777 == 0o600
    status = service.edge.command("status")
    assert (status.code, "voxgate setup" in status.err) == (1, True)
    said = json.loads(service.edge.command("setup", "--json").out)
    (address,) = (one for one in said["addresses"] if one.startswith(f"https://{EDGE_LAN}:8440/"))
    assert address in service.edge.command("setup").out
    # Strangers see nothing of the machine; who has the address is let in.
    code, page, digest = service.asks("/setup")
    assert (code, EDGE_LAN in page) == (401, False)
    assert digest == said["fingerprint"].replace(":", "").lower()
    path = urlsplit(address)
    code, page, _ = service.asks(f"{path.path}?{path.query}")
    assert (code, f"eth0: {EDGE_LAN}" in page) == (200, True)
    code, page, _ = service.asks("/setup", ANSWERS | {"token": path.query.removeprefix("token=")})
    assert (code, "the engines start" in page) == (200, True), page
    # A start may take longer than the watchdog waits.
    *_, patience, ready = [one for one in service.tells("READY=1") if "WATCHDOG_USEC" in one]
    assert (patience, ready.splitlines()[0], ready.splitlines()[-1]) == (
        "WATCHDOG_USEC=120000000",
        "READY=1",
        "WATCHDOG_USEC=60000000",
    )
    assert {engine["phase"] for engine in service.edge.status()["engines"]} == {"serving"}
    written = service.edge.file.stat()
    assert (written.st_mode & 0o777, written.st_uid) == (0o640, 0)
    assert not (service.folder / "run" / "first-run").exists()
    again = service.edge.command("setup")
    assert (again.code, "has its configuration" in again.err) == (1, True)
    assert [one in service.edge.text() for one in ("vgt_", PASSWORD, "`voxgate setup` tells")] == [False, False, True]
    assert service.process.stop(60) == 0
