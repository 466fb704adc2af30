"""How long does a page of the web page take on a large edge?

1,000 PBXs with ten names each, 10,000 bans, 100,000 call records: each page that the navigation shows is fetched as a
browser fetches it, over TLS, the first time and again. The verdict is the slowest of all, in seconds.
"""

from __future__ import annotations

import re
import socket
import ssl
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bench.apply_time import LONELY_NET, PBXS, _config
from bench.report import Row, show, verdict, version
from lab.edge import Edge
from lab.net import Net
from voxgate.calls.cdr.store import Store
from voxgate.calls.cdr.value import Cdr, Direction, State

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 1.0
BANS, RECORDS = 10_000, 100_000
ADDRESS, PORT = "10.51.0.1", 8440
_USER, _PASSWORD = "alice", "orange lamp river"


def main(rounds: int) -> int:
    """Measure every page, each round all of them."""
    with Net(LONELY_NET) as net, tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        config = _config(PBXS) | {"admin": {"listen": f"{ADDRESS}:{PORT}"}, "guard": {}}
        edge = Edge(net, folder, config)
        _fill(folder / "state")
        try:
            edge.start(timeout_s=60)
            _prepare(edge, folder)
            figures = _measure(net, rounds)
        finally:
            edge.stop()
    rows = [Row(page, tuple(taken), "s") for page, taken in figures.items()]
    show("web_page", rows, {"python": sys.version.partition(" ")[0], "kamailio": version("kamailio", "-v")})
    return verdict("web_page", max(max(taken) for taken in figures.values()) / LIMIT_S, 1.0)


def _fill(state: Path) -> None:
    """Records of a busy month, as the edge itself keeps them."""
    state.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    with closing(Store(state / "cdr.db")) as store:
        for begin in range(0, RECORDS, 10_000):
            store.write((_record(number, now) for number in range(begin, begin + 10_000)), now)


def _record(number: int, now: datetime) -> Cdr:
    start = now - timedelta(seconds=20 * (RECORDS - number))
    return Cdr(
        call_id=f"{number}@bench",
        caller_tag=str(number),
        start=start,
        state=State.ENDED,
        direction=Direction.IN,
        pbx=f"pbx{number % PBXS}",
        caller=f"0555{number:06}",
        callee=str(100 + number % 900),
        end=start + timedelta(seconds=number % 300),
        sip_code=200 if number % 5 else 486,
    )


def _prepare(edge: Edge, folder: Path) -> None:
    bans = folder / "bans.txt"
    bans.write_text("".join(f"198.18.{number // 250}.{number % 250 + 1}\n" for number in range(BANS)))
    for words in (("ban", "--import", str(bans)), ("user", "set", _USER, "--role", "admin", "--password-stdin")):
        stdin = f"{_PASSWORD}\n" if words[0] == "user" else ""
        done = edge._net.run(edge._host, [*edge._command(), *words], stdin=stdin, timeout_s=60)  # noqa: SLF001
        if done.code:
            raise SystemExit(f"{' '.join(words)}: {done.err}")


class _Browser:
    """One connection that stays, as browsers keep them, with the session's cookie."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._cookie = ""
        self._connection = HTTPSConnection(ADDRESS, PORT)

    def _connect(self) -> None:
        if self._connection.sock is None:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            plain = self._net.socket("router", socket.AF_INET, socket.SOCK_STREAM)
            plain.settimeout(60)
            plain.connect((ADDRESS, PORT))
            self._connection.sock = context.wrap_socket(plain)

    def get(self, path: str, form: dict[str, str] | None = None) -> str:
        """A page's text. Raises SystemExit for anything but a page."""
        self._connect()
        headers = {"Cookie": self._cookie, "Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST" if form else "GET", path, urlencode(form) if form else None, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        if cookie := answer.getheader("set-cookie"):
            self._cookie = cookie.partition(";")[0]
        if answer.status != (303 if form else 200):
            raise SystemExit(f"{path}: {answer.status}\n{text[:2000]}")
        return text


def _measure(net: Net, rounds: int) -> dict[str, list[float]]:
    browser = _Browser(net)
    browser.get("/login", {"user": _USER, "password": _PASSWORD})
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for page in _pages(browser):
            began = time.monotonic()
            browser.get(page)
            taken.setdefault(page, []).append(time.monotonic() - began)
    return taken


def _pages(browser: _Browser) -> Iterator[str]:
    found: list[Any] = re.findall(r'<li><a href="(/[^"]*)"', browser.get("/").partition("</nav>")[0])
    yield from dict.fromkeys((*found, "/pbxs?q=pbx77", "/pbxs/pbx500", "/records?pbx=pbx7", "/bans?q=198.18.9"))
