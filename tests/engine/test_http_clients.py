"""Other people's HTTP clients through the edge, on the port that SIP over WebSocket has as well."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.peers.websocket import new_key, upgrade
from lab.topologies import EDGE_PUBLIC
from tests.engine.office import MARKS
from tests.engine.web_office import HTTP, ask, connect, wait, web_config, web_office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.web_office import WebOffice

pytestmark = MARKS
HOSTS = {"hq.example.com": "hq", "branch.example.com": "branch"}


@pytest.fixture(scope="module")
def place() -> Iterator[WebOffice]:
    made = web_config()
    made["listen"] = {"sip": {"udp": 5060, "wss": 443, "ws": 80}, "http": HTTP}
    with web_office(made) as opened:
        yield opened


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("version", "spoken"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_curl_gets_the_page_in_the_version_that_it_asks_for(
    place: WebOffice, host: str, version: str, spoken: str
) -> None:
    argv = ["curl", "--silent", "--insecure", version, "--max-time", "10", "--write-out", " %{http_version}"]
    argv += ["--resolve", f"{host}:443:{EDGE_PUBLIC}", f"https://{host}/PBX0/MY"]
    page, _, said = place.office.net.run("phone-home", argv).out.rpartition(" ")
    assert (json.loads(page)["pbx"], said) == (HOSTS[host], spoken)


@pytest.mark.parametrize(("options", "spoken"), [(["--h1"], "http/1.1"), ([], "h2")])
def test_h2load_is_served_whole_and_each_request_has_its_line(
    place: WebOffice, options: list[str], spoken: str
) -> None:
    path = f"/PBX0/MY/{spoken}"
    argv = ["h2load", *options, "-n3000", "-c10", "-m10", f"--connect-to={EDGE_PUBLIC}:443"]
    done = place.office.net.run("phone-home", [*argv, f"https://hq.example.com{path}"], timeout_s=60)
    assert " 3000 2xx" in done.out
    assert f"Application protocol: {spoken}" in done.out
    assert len(place.logged(3000, request=f"GET {path}", status=200, result="forwarded")) == 3000


def test_a_browser_opens_each_pbxs_page_and_its_websocket(place: WebOffice) -> None:
    for host, pbx in ((host, getattr(place, name)) for host, name in HOSTS.items()):
        with tempfile.TemporaryDirectory(prefix="vg-", dir="/tmp", ignore_cleanup_errors=True) as profile:
            argv = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors"]
            argv += ["--no-first-run", f"--user-data-dir={profile}", f"--host-resolver-rules=MAP * {EDGE_PUBLIC}"]
            argv += ["--remote-debugging-port=0", f"https://{host}/PBX0/MY/page.htm"]
            env = {"HOME": profile}
            browser = place.office.net.spawn("phone-home", argv, env=env, log_path=Path(profile) / "log")
            try:
                wait(lambda pbx=pbx: any(one.target == "/PBX0/MY/heard-hello" for one in pbx.seen), host, 40)
            finally:
                browser.stop(5)
        asked = {one.target: one for one in pbx.seen}
        assert asked["/PBX0/MY/heard-hello"].all("x-forwarded-proto") == ["https"]


@pytest.mark.parametrize("tls", [True, False], ids=["wss", "ws"])
def test_sip_over_websocket_is_on_the_same_port_and_its_path_is_no_pbxs(place: WebOffice, tls: bool) -> None:
    for host in ("hq.example.com", "branch.example.com"):
        before = len(place.branch.seen)
        with connect(place.office, tls=tls) as sock:
            sock.sendall(upgrade(host, new_key(), origin=f"https://{host}"))
            assert sock.recv(4096).startswith(b"HTTP/1.1 101")
        assert place.get(host, tls=tls).said["pbx"] == HOSTS[host]
        assert ask(place.office, f"GET /ws HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), tls=tls).status == 400
        assert not [one for one in place.branch.seen[before:] if one.target == "/ws"]
