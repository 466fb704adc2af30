"""`voxgate doctor` on a healthy edge, and on one where two dozen things are really broken, several at once."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from lab import namespaces
from lab.topologies import EDGE_LAN
from tests.engine.doctor_place import OF_THE_MACHINE, PROBE, ZONE, Place, assert_told, told
from tests.engine.office import HQ, MARKS
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS


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
    assert place.pbx.events("invite", to="611")
    assert place.edge.command("calls", "--json").out.count("611") == 0
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
            f"table inet f2b {{ chain in {{ type filter hook input priority -1; ip saddr {EDGE_LAN} reject; }}\n}}",
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
    place.mended()
    assert code == 1
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
    assert_told(found, expected)
    assert "_sips._tcp.example.com. SRV 10 10 5061 edge.example.com." in told(found)["dns-public"]


def test_faults_of_records_trust_relay_and_programs_are_found_with_their_cures(place: Place) -> None:
    with ExitStack() as stack:
        # DNS lacks two records; the PBX trusts nobody; audio does not pass this machine.
        gone = ("edge.example.com. IN AAAA ", "_sip._udp.example.com.")
        place.names.replace(ZONE, [line for line in place.zone if not line.startswith(gone)])
        stack.callback(place.names.replace, ZONE, place.zone)
        stack.enter_context(place.another_pbx("SIP/2.0 403 Forbidden"))
        rule = "type filter hook input priority 0; udp dport 10000-20000 drop;"
        place.nft("edge", f"table inet own {{ chain in {{ {rule} }}\n}}")
        stack.callback(place.nft, "edge", "delete table inet own")
        # An old engine is installed, and the machine's name was changed.
        before = (
            f"cd {place.folder}; printf '#!/bin/sh\\necho kamailio 5.2.1\\n' >old; chmod 755 old; "
            "mount --bind old $(readlink -f $(command -v kamailio)); hostname nobody-knows"
        )
        code, found = place.doctor(before=before, machine=True)
    assert code == 1
    assert_told(
        found,
        {
            "dns-public": "edge.example.com AAAA is not there add edge.example.com. AAAA 2001:db8:1::10",
            "pbx-refuses": f"allow {EDGE_LAN} in its access lists: voxgate pbx-config hq",
            "relay-silent": "voxgate firewall",
            "engine-old": "kamailio is 5.2, and 5.6 is the oldest that works apt-get install kamailio",
            "own-name": "127.0.1.1 nobody-knows",
        },
    )
    assert "_sip._udp.example.com SRV is not there" in told(found)["dns-public"]


def test_faults_of_resolver_path_address_and_disk_are_found_with_their_cures(place: Place) -> None:
    resolver = namespaces.FILES / place.net.namespace("edge") / "resolv.conf"
    with ExitStack() as stack:
        # Nobody answers DNS, the PBX knows no Path and no such extension, the address was never ours, the disk is full.
        stack.callback(resolver.write_text, resolver.read_text())
        resolver.write_text("nameserver 203.0.113.250\n")
        stack.enter_context(place.another_pbx("SIP/2.0 404 Not Found|Supported: timer"))
        written = place.edge.file.read_text()
        stack.callback(place.edge.file.write_text, written)
        place.edge.file.write_text(written.replace("203.0.113.45", "203.0.113.46"))
        state = place.folder / "state"
        before = (
            f"cp -a {state} {state}.full; mount -t tmpfs -o size=60m full {state}; cp -a {state}.full/. {state}; "
            "mount --bind /dev/null $(readlink -f $(command -v rtpengine))"
        )
        code, found = place.doctor("--from", PROBE, before=before)
    assert code == 1
    assert_told(
        found,
        {
            "dns-public": "cannot be looked up",
            "pbx-path": "voxgate pbx-config hq",
            "call-failed": "is answered with 404",
            "public-address": "set edge.public_address: 203.0.113.45",
            "disk-full": "make room",
            "engine-missing": "apt-get install rtpengine-daemon",
        },
    )


def test_a_call_without_sound_and_lost_datagrams_are_found(place: Place) -> None:
    with place.net.socket("edge", socket.AF_INET) as lazy:
        # Somebody reads too slowly from a media port; what the PBX says does not come in.
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        lazy.bind((EDGE_LAN, 10004))
        with place.net.socket("phone-lan", socket.AF_INET) as sender:
            for _ in range(200):
                sender.sendto(bytes(1000), (EDGE_LAN, 10004))
        rule = f"type filter hook input priority 0; ip saddr {HQ} udp dport 10000-20000 drop;"
        place.nft("edge", f"table inet own {{ chain in {{ {rule} }}\n}}")
        try:
            code, found = place.doctor(machine=True)
        finally:
            place.nft("edge", "delete table inet own")
    assert code == 1
    assert_told(
        found,
        {
            "call-silent": "UDP 10000-20000 of 192.168.1.10",
            "udp-drops": "sysctl -w net.core.rmem_max",
            "port-taken": "UDP port 10004",
        },
    )


def test_a_responder_that_is_not_there_and_an_edge_that_does_not_run_are_told(place: Place) -> None:
    place.edge.stop()
    code, found = place.doctor("--from", "203.0.113.99")
    assert code == 1
    assert "voxgate run" in found["not-running"][0]["cure"]
    assert "doctor --respond" in found["responder"][0]["cure"]
