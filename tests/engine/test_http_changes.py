"""Changes of what is let through over HTTP take effect at once, without a reload, and close nothing."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from lab.peers.websocket import Kind, frame, new_key, upgrade
from tests.engine.office import HQ, MARKS, Config
from tests.engine.web_office import connect, wait, web_config, web_office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.web_office import WebOffice

pytestmark = MARKS
WEBSOCKETS = 200
HOSTS = 1000


@pytest.fixture(scope="module")
def place() -> Iterator[WebOffice]:
    with web_office() as made:
        yield made


def ask_haproxy(place: WebOffice, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(place.office.folder / "run" / "haproxy" / "admin.sock"))
        sock.sendall(command.encode() + b"\n")
        said = b""
        while part := sock.recv(65536):
            said += part
    return said.decode()


def worker(place: WebOffice) -> str:
    """The process that serves; a reload would make another one."""
    return next(line for line in ask_haproxy(place, "show info").splitlines() if line.startswith("Pid:"))


def apply(place: WebOffice, config: Config) -> set[str]:
    """Apply it; gives what is done to HAProxy."""
    place.office.edge.write(config)
    planned = place.office.edge.command("plan", str(place.office.edge.file), "--json")
    done = place.office.edge.apply(config, "--yes")
    assert done.code == 0, done.err
    plan: Any = json.loads(planned.out)
    return {step["action"] for step in plan["steps"] if step["engine"] == "haproxy"}


def test_a_thousand_hosts_come_and_go_while_no_websocket_drops(place: WebOffice) -> None:
    before = worker(place)
    with ExitStack() as stack:
        opened = []
        for number in range(WEBSOCKETS):
            sock = stack.enter_context(connect(place.office, tls=bool(number % 2)))
            sock.sendall(upgrade("hq.example.com", new_key(), path="/PBX0/WEBSOCKET/x", protocol=""))
            assert sock.recv(4096).startswith(b"HTTP/1.1 101")
            opened.append(sock)

        def all_there(word: bytes) -> None:
            for sock in opened:
                sock.sendall(frame(Kind.TEXT, word))
            assert {sock.recv(4096)[2:] for sock in opened} == {word}

        all_there(b"before")
        many = web_config()
        names = [f"h{number}.example.net" for number in range(HOSTS)]
        many["pbxs"]["many"] = {"names": names, "nodes": ["192.168.1.22"], "sip": {"udp": 5073}}
        many["pbxs"]["many"]["http"] = {"nodes": [HQ], "plain": 80, "allow_urls": "/new"}
        assert place.get("h7.example.net", "/new").status == 0
        assert apply(place, many) <= {"maps", "tls"}
        all_there(b"added")
        for host in ("h0.example.net", "h999.example.net"):
            assert place.get(host, "/new/x").said["pbx"] == "hq"
            assert place.get(host, "/PBX0/MY").status == 403
        assert apply(place, web_config()) <= {"maps", "tls"}
        assert place.get("h7.example.net", "/new").status == 0
        all_there(b"gone")
    assert worker(place) == before


def test_urls_networks_ports_and_names_change_at_once(place: WebOffice) -> None:
    before = worker(place)
    assert place.get("hq.example.com", "/later").status == 403
    assert apply(place, web_config(allow_urls=["/later", "@innovaphone-mypbx"])) == {"maps"}
    assert place.get("hq.example.com", "/later").status == 200
    assert apply(place, web_config(allow_from=["198.51.100.0/24"])) == {"maps"}
    assert place.get("hq.example.com").status == 0
    assert apply(place, web_config(allow_from=["203.0.113.77"])) == {"maps"}
    assert place.get("hq.example.com").status == 200
    assert apply(place, web_config(names=["web.example.com"])) <= {"maps", "tls"}
    assert place.get("hq.example.com").status == 0
    assert place.get("web.example.com").status == 200
    assert apply(place, web_config(nodes=["192.168.1.30"], plain=8080)) <= {"maps", "tls"}
    assert place.get("hq.example.com").said["pbx"] == "branch"
    assert apply(place, web_config()) == {"maps"}
    assert place.get("hq.example.com").said["pbx"] == "hq"
    assert worker(place) == before


def test_what_changed_at_run_time_lies_on_disk_as_well(place: WebOffice) -> None:
    apply(place, web_config(allow_urls=["/on/disk"]))
    place.office.net.run("edge", ["kill", "-9", str(place.office.edge.engine("haproxy")["pid"])])
    wait(lambda: "engine_returned unit=haproxy" in place.office.edge.text(), "haproxy is back", 20)
    assert place.get("hq.example.com", "/on/disk/x").status == 200
    assert place.get("hq.example.com").status == 403
    # Nothing is known of the new process's maps: they are told whole, and are right again.
    assert apply(place, web_config()) == {"maps"}
    assert place.get("hq.example.com").status == 200
    assert place.get("hq.example.com", "/on/disk/x").status == 403
    assert place.office.edge.command("plan", str(place.office.edge.file)).out.startswith("Nothing to do")


def test_a_change_that_fails_leaves_what_was(place: WebOffice) -> None:
    apply(place, web_config())
    # A map that was turned into a folder cannot be written.
    path = place.office.folder / "run" / "haproxy" / "http-hosts.map"
    kept = path.read_bytes()
    path.unlink()
    (path / "x").mkdir(parents=True)
    other = web_config(allow_urls=["/other"])
    other["pbxs"]["hq"]["http"]["names"] = ["other.example.com"]
    failed = place.office.edge.apply(other, "--yes")
    assert failed.code != 0
    assert place.get("hq.example.com").status == 200
    (path / "x").rmdir()
    path.rmdir()
    path.write_bytes(kept)
    assert place.office.edge.apply(web_config(), "--yes").code == 0
    assert place.get("hq.example.com").status == 200


def test_a_plan_says_what_it_means(place: WebOffice) -> None:
    apply(place, web_config())
    place.office.edge.write(web_config(allow_urls=["@innovaphone-mypbx", "/x"], allow_from=["10.0.0.0/8"]))
    said = place.office.edge.command("plan", str(place.office.edge.file)).out
    assert "PBX hq: URLs: adds /x; removes /provisioning/, /status, /a%20b" in said
    assert "PBX hq: networks for HTTP: adds 10.0.0.0/8" in said
    assert "haproxy: reload maps" in said
