"""`voxgate doctor` on a healthy edge, and on one where a dozen things are really broken at once."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from lab import namespaces
from lab.edge import VOXGATE, Edge, Kept
from lab.knot import NameServer
from lab.net import Net
from lab.topologies import BEHIND_NAT, EDGE_LAN
from tests.engine.office import HQ, HQ_TONE_HZ, MARKS, config, folder, switchboard
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = MARKS

ZONE = "example.com"
PROBE = "203.0.113.60"
TURN = {"accounts": {"office": Kept("turn-office", "correct horse")}}
#: It looks a moment after each start; 610 says back what it hears.
DOCTOR = {"after_seconds": 2, "responders": [], "call": {"to": "610@example.com"}}
#: What is true of the machine that the tests run on, whatever the lab looks like.
OF_THE_MACHINE = {"clock", "open-files", "own-name", "conntrack-full", "udp-drops"}


class Place:
    """An edge behind a router, names for it, and a responder on the internet."""

    def __init__(self, stack: ExitStack) -> None:
        self.folder = stack.enter_context(folder())
        self.net = stack.enter_context(Net(BEHIND_NAT))
        self.pbx = stack.enter_context(switchboard(self.net, self.folder, "pbx-hq-a", HQ, HQ_TONE_HZ))
        made = config(turn=TURN, doctor=DOCTOR, listen={"sip": {"udp": 5060, "tcp": 5060, "tls": 5061}})
        self.names = stack.enter_context(NameServer(self.net, "internet", self.folder, {ZONE: ()}))
        resolver = namespaces.FILES / self.net.namespace("edge")
        resolver.mkdir(parents=True, exist_ok=True)
        (resolver / "resolv.conf").write_text(f"nameserver {self.names.address}\n")
        self.edge = stack.enter_context(Edge(self.net, self.folder, made))
        self.zone = self.edge.command("dns", "plan", str(self.edge.file), "--zone", ZONE).out.splitlines()
        self.names.replace(ZONE, self.zone)
        respond(self.net, "provider", self.folder)
        self.edge.wait_for_node(HQ, "up")

    def doctor(self, *words: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        """The exit code and the findings by code, without the machine's own."""
        done = self.edge.command("doctor", str(self.edge.file), "--json", *words, timeout_s=90)
        assert done.out, done.err
        found: dict[str, list[dict[str, Any]]] = {}
        for one in json.loads(done.out)["findings"]:
            if one["code"] not in OF_THE_MACHINE:
                found.setdefault(one["code"], []).append(one)
        return done.code, found

    def nft(self, host: str, text: str) -> None:
        """Rules on a host of the lab."""
        done = self.net.run(host, ["nft", "-f", "-"], stdin=text)
        assert done.code == 0, done.err


def respond(net: Net, host: str, place: Path) -> None:
    """A responder, listening."""
    log = place / "responder.log"
    net.spawn(host, [VOXGATE, "doctor", "--respond", "--seconds", "600"], log_path=log)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with net.socket(host, socket.AF_INET, socket.SOCK_STREAM) as sock:
            if sock.connect_ex((PROBE, 8061)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(log.read_text())


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(stack)


def test_a_healthy_edge_has_notes_at_most(place: Place) -> None:
    _, found = place.doctor("--from", PROBE)
    # The lab's router cannot hairpin, and nobody has signed the certificate.
    assert {code: one[0]["grade"] for code, one in found.items()} == {"hairpin": "note", "certificate-own": "note"}, (
        found
    )


def test_the_running_edge_examines_itself_and_keeps_what_it_found_over_a_restart(place: Place) -> None:
    until(lambda: bool(place.edge.status()["doctor"]), 60)
    (report,) = place.edge.status()["doctor"]
    codes = {one["code"] for one in report["findings"]} - OF_THE_MACHINE
    assert codes <= {"hairpin", "certificate-own", "dns-public"}, report
    (place.folder / "state" / "doctor.json").write_text(json.dumps(report | {"at": "2020-01-01T00:00:00Z"}))
    place.edge.stop()
    place.edge.start()
    assert place.edge.status()["doctor"][0]["at"] == "2020-01-01T00:00:00Z"
    until(lambda: place.edge.status()["doctor"][0]["at"] > report["at"], 60)
    # It was really called, and nobody's call is left.
    assert place.pbx.events("invite", to="610")
    assert place.edge.command("calls", "--json").out.count("610") == 0
    place.edge.wait_for_node(HQ, "up")


def test_what_is_really_broken_is_found_with_its_cure(place: Place) -> None:
    with ExitStack() as stack:
        # DNS: another address, and the port of TLS is wrong.
        zone = [line for line in place.zone if not line.startswith(("edge.example.com. IN A ", "_sips"))]
        place.names.replace(ZONE, [*zone, "edge A 192.0.2.9", "_sips._tcp SRV 10 10 5062 edge"])
        # The router: a port that is not forwarded, source NAT of what comes in, a helper that writes into SIP.
        place.nft(
            "router",
            'insert rule inet filter forward tcp dport 5061 iifname "wan" drop\n'
            'add rule ip nat post oifname "lan" udp dport 10000-20000 masquerade\n'
            'insert rule inet filter forward iifname "lan" udp dport 5060 @th,160,32 set 0x6861636b\n',
        )
        # The PBX's fail2ban, and this machine's own firewall.
        place.nft(
            "pbx-hq-a",
            f"table inet f2b {{ chain in {{ type filter hook input priority 0; ip saddr {EDGE_LAN} drop; }}\n}}",
        )
        place.nft("edge", "table inet own { chain in { type filter hook input priority 0; tcp dport 5060 drop; }\n}")
        # Somebody else's program in the media ports, the kernel's own ports over them, a file that a hand was in.
        taken = stack.enter_context(place.net.socket("edge", socket.AF_INET))
        taken.bind((EDGE_LAN, 10002))
        assert place.net.run("edge", ["sysctl", "-qw", "net.ipv4.ip_local_port_range=10000 60999"]).code == 0
        by_hand = place.folder / "run" / "kamailio" / "dispatcher.list"
        by_hand.write_text(by_hand.read_text() + "# mine\n")
        # A password in the file that was never applied: coturn knows another one.
        (place.folder / "secrets" / "turn-office").write_text("wrong donkey")
        code, found = place.doctor("--from", PROBE)
    assert code == 1
    told = {name: " ".join(f"{one['what']} {one['cure']}" for one in listed) for name, listed in found.items()}
    expected = {
        "dns-public": "replace it by edge.example.com. A 203.0.113.45",
        "port-outside": "SIP over TLS at tcp 203.0.113.45 port 5061",
        "source-hidden": "no source NAT",
        "sip-rewritten": "`OPTIONS sip:edge.example.com SIP/2.0` arrives as `OPTIONS sip:hack.example.com SIP/2.0`",
        "pbx-silent": f"unbanip {EDGE_LAN}",
        "port-inside": f"SIP over TCP at tcp {EDGE_LAN}:5060",
        "port-taken": "UDP port 10002",
        "ports-overlap": "ip_local_port_range='32768 60999'",
        "turn-allocation": "with an account at 192.168.1.10 port 3478 fails: refused with 401",
        "drift": "dispatcher.list was changed by hand",
    }
    assert {name: words in told.get(name, "") for name, words in expected.items()} == dict.fromkeys(expected, True), (
        told
    )
    assert "_sips._tcp.example.com. SRV 10 10 5061 edge.example.com." in told["dns-public"]


def test_a_responder_that_is_not_there_and_an_edge_that_does_not_run_are_told(place: Place) -> None:
    place.edge.stop()
    code, found = place.doctor("--from", "203.0.113.99")
    assert code == 1
    assert "voxgate run" in found["not-running"][0]["cure"]
    assert "doctor --respond" in found["responder"][0]["cure"]
