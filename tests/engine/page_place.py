"""What tests of the web page share: an edge that was set up by a browser alone, and ways to look at its pages."""

from __future__ import annotations

import base64
import csv
import json
import os
import re
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.edge import Edge
from lab.net import Net
from lab.procs import LabError
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC
from lab.webuser import WebUser
from tests.engine.office import BRANCH, BRANCH_TONE_HZ, HQ, HQ_TONE_HZ, folder, switchboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

URL = f"https://{EDGE_LAN}:8440"
PASSWORD = "orange lamp river"  # noqa: S105
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
LOAD_PORT = 5080
#: Complete calls, as the benchmarks make them.
SCENARIOS = Path(__file__).parents[2] / "bench" / "sipp"
AXE = Path(__file__).parents[1] / "vendor" / "axe.js"
#: Where screenshots are kept; without it, nowhere, and those of the documentation stay as they are.
SHOTS = os.environ.get("VOXGATE_SCREENSHOTS", "")
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_TOKEN = re.compile(rf"{re.escape(URL)}/setup\?token=(vgt_\w+)".replace(r"\w", r"[A-Za-z0-9_-]"))


class Unconfigured(Edge):
    """`voxgate run` of a file that is not there."""

    def __init__(self, net: Net, where: Path) -> None:
        super().__init__(net, where, {})
        self.file.unlink()

    def start(self, timeout_s: float = 60) -> None:
        """Start, and wait until it asks."""
        self._process = self._net.spawn(self._host, [*self._command(), "run", str(self.file)], log_path=self.log)
        self.wait_for_log("/setup?token=", timeout_s)

    @property
    def address(self) -> str:
        """What the console says."""
        found = _TOKEN.search(self.text())
        if found is None:
            raise LabError(f"no address of the first run:\n{self.text()[-2000:]}")
        return found[0]


@dataclass
class House:
    """All of it."""

    net: Net
    edge: Unconfigured
    folder: Path
    user: WebUser

    def log_in(self, page: Page, name: str = "admin", password: str = PASSWORD) -> None:
        """By the form."""
        page.goto(f"{URL}/login")
        page.get_by_label("User").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Overview").wait_for()

    def shot(self, page: Page, name: str, *, documented: bool = False) -> None:
        """See `shot`."""
        shot(page, name, documented=documented)


def shot(page: Page, name: str, *, documented: bool = False) -> None:
    """A picture for people, where pictures are wanted; `documented`: for the documentation, too."""
    if not SHOTS:
        return
    session = page.context.new_cdp_session(page)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": 60})
    for place in (Path(SHOTS), PICTURES)[: 2 if documented else 1]:
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def house() -> Iterator[House]:
    """PBXs, an edge without a configuration, and a browser on the LAN."""
    with ExitStack() as stack:
        where = stack.enter_context(folder())
        net = stack.enter_context(Net(BEHIND_NAT))
        stack.enter_context(switchboard(net, where, "pbx-hq-a", HQ, HQ_TONE_HZ))
        stack.enter_context(switchboard(net, where, "pbx-branch", BRANCH, BRANCH_TONE_HZ))
        edge = stack.enter_context(Unconfigured(net, where))
        user = stack.enter_context(WebUser(net, "pbx-hq-a", where, {}))
        try:
            yield House(net, edge, where, user)
        except BaseException:
            print(edge.text()[-20_000:])
            raise


def set_up(house: House, page: Page) -> None:
    """The first run, as a new user goes through it."""
    page.goto(house.edge.address)
    page.get_by_label("Public name of this edge").fill("proxy.example.com")
    page.get_by_label("Certificates from Let's Encrypt").uncheck()
    page.get_by_label("Its address").fill(HQ)
    page.get_by_label("SIP domain").fill("example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)


def violations(page: Page) -> list[str]:
    """What axe finds wrong with a page. Its script comes by the debugger's way: the page's own policy stays."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {json.dumps([node['target'] for node in one['nodes']][:4])}"
        for one in found["violations"]
    ]


def call_hostile(place: House) -> None:
    """An INVITE whose every text is somebody's attempt; what the edge makes of it is the edge's business."""
    head = (
        "INVITE sip:600@example.com SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 10.0.0.50:5099;branch=z9hG4bKhostile\r\n"
        "Max-Forwards: 70\r\n"
        f'From: "{HOSTILE.replace(chr(34), "")}" <sip:mallory@example.com>;tag=1\r\n'
        "To: <sip:600@example.com>\r\n"
        "Call-ID: <script>alert(3)</script>@home\r\n"
        "CSeq: 1 INVITE\r\n"
        "Contact: <sip:mallory@10.0.0.50:5099>\r\n"
        f"User-Agent: {HOSTILE}\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    with place.net.socket("phone-home") as sock:
        sock.bind(("10.0.0.50", 5099))
        sock.settimeout(10)
        sock.sendto(head.encode(), (EDGE_PUBLIC, 5060))
        with suppress(TimeoutError):
            sock.recv(2000)


@contextmanager
def loaded_pbx(place: House) -> Iterator[None]:
    """A PBX that takes many calls, beside the branch's own."""
    argv = ["sipp", "-sf", str(SCENARIOS / "uas.xml"), "-i", BRANCH, "-p", str(LOAD_PORT), "-nostdin", "-aa"]
    running = place.net.spawn("pbx-branch", argv, cwd=place.folder, log_path=place.folder / "uas.log")
    try:
        yield
    finally:
        running.stop(2)


def calls(place: House, domain: str, *, many: int, per_s: int) -> tuple[int, int]:
    """Complete calls of a phone on the LAN: how many were good, and how many not."""
    domains, statistics = place.folder / "domains.csv", place.folder / "uac.csv"
    domains.write_text(f"SEQUENTIAL\n{domain};\n")
    argv = ["sipp", f"{EDGE_LAN}:5060", "-sf", str(SCENARIOS / "uac.xml"), "-inf", str(domains), "-s", "600"]
    argv += ["-i", place.net.host("phone-lan").ipv4(), "-p", "5070", "-m", str(many), "-r", str(per_s), "-nostdin"]
    argv += ["-trace_stat", "-stf", str(statistics), "-fd", "1", "-timeout", "60s"]
    place.net.run("phone-lan", argv, timeout_s=90)
    with statistics.open(newline="") as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])
