"""`voxgate doctor` where certificates, the way outside, the machine and Voxgate's own rights are really bad."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
import yaml

from lab import tls
from lab.topologies import EDGE_LAN
from tests.engine.bad_certificates import bad_ones, refusal
from tests.engine.doctor_place import PROBE, ZONE, Place, assert_told, respond, told
from tests.engine.internet import certs
from tests.engine.office import HQ, MARKS
from tests.engine.stun_server import SERVER, stun_server
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

#: Its clock is two minutes behind.
LATE = "203.0.113.99"
#: A SIP helper of the kernel, as routers and firewalls have it.
HELPER = """\
table ip alg {
  ct helper sip-alg {
    type "sip" protocol udp;
    l3proto ip;
  }
  chain in {
    type filter hook prerouting priority -100;
    udp dport 5060 ct helper set "sip-alg"
  }
}
"""
#: Who asks for a larger table has one that a test should not fill.
MOST_CONNECTIONS = 400_000


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(stack)


@contextmanager
def rules(place: Place, host: str, table: str, text: str) -> Iterator[None]:
    """For so long, a table of nftables on a host: `text`, or a chain of it."""
    place.nft(host, text if text.startswith("table ") else f"table {table} {{ chain one {{ {text}; }}\n}}")
    try:
        yield
    finally:
        place.nft(host, f"delete table {table}")


def helps(place: Place) -> bool:
    """Whether the kernel of this machine has a SIP helper at all; each of Debian's has."""
    return place.net.run("phone-lan", ["nft", "-f", "-"], stdin=HELPER).code == 0


def test_faults_of_certificates_and_helpers_are_found_and_the_cure_of_a_chain_heals_it(place: Place) -> None:
    bad = bad_ones(place.folder / "bad")
    section = bad.section(f"https://{PROBE}:14000/dir", place.names.address)
    done = place.edge.apply(place.config | {"certificates": section}, "--yes")
    assert done.code == 0, done.err
    # As phones see them.
    assert refusal(place.net, bad.root, "edge.example.com") == "unable to get local issuer certificate"
    assert refusal(place.net, bad.root, "old.example.com") == "certificate has expired"
    assert refusal(place.net, bad.root, "soon.example.com") == ""
    until(lambda: any("late" in alarm for alarm in certs(place.edge)["alarms"]), 60)
    respond(place.net, "stranger", place.folder, behind_s=120)
    other = tls.authority("Somebody").issue(place.folder / "bad", "edge.example.com", stem="other")
    served = ["openssl", "s_server", "-quiet", "-accept", "15061", "-cert", other.certificate, "-key", other.key]
    with ExitStack() as stack:
        stack.callback(place.net.spawn("edge", list(map(str, served))).stop)
        until(lambda: ":15061" in place.net.run("edge", ["ss", "-Hlnt", "sport", "=", "15061"]).out, 60)
        helped = helps(place)
        for host in ("router", "edge") if helped else ():
            stack.enter_context(rules(place, host, "ip alg", HELPER))
        taken = "type nat hook output priority -100; tcp dport 5061 redirect to :15061"
        stack.enter_context(rules(place, "edge", "ip other", taken))
        stack.enter_context(place.another_pbx("SIP/2.0 503 Service Unavailable"))
        code, found = place.doctor("--from", LATE, machine=True)
    assert code == 1
    expected = {
        "certificate-chain": "append the authority's intermediate certificate to the file",
        "certificate-names": "is not for example.com order one with all names",
        "certificate-expired": "the certificate old expired on ",
        "certificate-expires": "the certificate soon expires on ",
        "certificate-renewal": "the certificate late is not renewed: ",
        "certificate-shown": "asked for edge.example.com: shows another certificate voxgate certs verify",
        "pbx-unwell": "answers OPTIONS with 503 see its own log",
        "clock": f"the one of {LATE} differ by -12",
    }
    helper = {"sip-helper": "nft list table ip alg", "sip-rewritten": f"`Via: SIP/2.0/UDP {EDGE_LAN}:"}
    assert_told(found, expected | (helper if helped else {}))
    bad.cure()
    assert place.edge.command("apply", str(place.edge.file), "--yes").code == 0
    until(lambda: refusal(place.net, bad.root, "edge.example.com") == "", 60)
    assert [one["complete"] for one in certs(place.edge)["certificates"]] == [True] * 4
    assert place.edge.apply(place.config, "--yes").code == 0


def test_faults_of_the_way_outside_are_found_with_their_cures(place: Place) -> None:
    # No public address is configured; SIP does not come out; a quarter of the audio is lost.
    file = place.folder / "private.yaml"
    made = {key: section for key, section in place.config.items() if key != "turn"}
    file.write_text(yaml.safe_dump(made | {"edge": {"domain": "edge.example.com", "address": EDGE_LAN}}))
    lossy = f"type filter hook input priority 0; ip saddr {HQ} udp dport 10000-20000 numgen inc mod 4 0 drop"
    with ExitStack() as stack:
        stack.enter_context(stun_server(place.net))
        lost = f"type filter hook forward priority 0; ip daddr {PROBE} udp dport 5060 drop"
        stack.enter_context(rules(place, "router", "ip shut", lost))
        stack.enter_context(rules(place, "edge", "ip lossy", lossy))
        code, found = place.doctor("--from", PROBE, "--stun", "{}:{}".format(*SERVER), file=file)
    assert code == 1
    expected = {
        "no-public-address": f"phones outside are shown {EDGE_LAN}, a private address set edge.public_address",
        "public-address": f"the internet sees this edge as 203.0.113.45, not as {EDGE_LAN} "
        "set edge.public_address: 203.0.113.45",
        "sip-lost": f"does not arrive at {PROBE} let UDP port 5060 out to anywhere",
        "call-loss": "% of its packets see whether the network to the PBX",
    }
    assert_told(found, expected)


def test_faults_of_the_machine_and_of_its_own_dns_are_found_with_their_cures(place: Place) -> None:
    inside = place.edge.command("dns", "plan", str(place.edge.file), "--zone", ZONE, "--view", "inside").out
    lines = [line for line in inside.splitlines() if not line.startswith("_sips")]
    silent = f"type filter hook output priority 0; ip daddr {HQ} udp sport 10000-20000 drop"
    # A module's package was removed; what is said to the PBX does not arrive; the table of connections fills up.
    before = (
        f"m=$(echo /usr/lib/*/kamailio/modules); mkdir {place.folder}/m; mount --bind $m {place.folder}/m; "
        f"mount -t tmpfs none $m; ln -s {place.folder}/m/* $m; rm $m/websocket.so"
    )
    with ExitStack() as stack:
        place.names.replace(ZONE, [*lines, "_sips._tcp SRV 10 10 5062 edge"])
        stack.callback(place.names.replace, ZONE, place.zone)
        stack.enter_context(rules(place, "edge", "ip silent", silent))
        filled = fill_connections(place)
        code, found = place.doctor(before=before, machine=True)
    assert code == 1
    expected = {
        "dns-inside": "replace it by _sips._tcp.example.com. SRV 10 10 5061 edge.example.com.",
        "engine-module": "Kamailio lacks the module websocket apt-get install kamailio",
        "call-one-way": f"let UDP from {EDGE_LAN} to the PBX's media ports through",
        **({"conntrack-full": "sysctl -w net.netfilter.nf_conntrack_max="} if filled else {}),
    }
    assert_told(found, expected)


def fill_connections(place: Place) -> bool:
    """Nine tenths of what connection tracking holds on the edge's host; False: that would be too many."""
    most = int(place.net.run("edge", ["sysctl", "-n", "net.netfilter.nf_conntrack_max"]).out)
    if most > MOST_CONNECTIONS:
        return False
    # They stay till the end of the test, and nobody answers them.
    assert place.net.run("edge", ["sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=300"]).code == 0
    place.nft(
        "edge", "table ip many { chain one { type filter hook input priority 0; ip daddr 127.66.0.0/16 drop; }\n}"
    )
    place.nft("edge", "table ip known { chain one { type filter hook output priority 0; ct state new counter; }\n}")
    with place.net.socket("edge", socket.AF_INET) as sock:
        for number in range(most * 9 // 10):
            sock.sendto(b"", (f"127.66.{number >> 8 & 255}.{number & 255}", 40_000 + (number >> 16)))
    return True


def test_what_it_may_not_do_and_an_engine_that_does_not_come_back_are_found(place: Place) -> None:
    place.edge.stop()
    # As in a container with few rights, and a shell with small limits.
    place.edge.under = ("prlimit", "--nofile=1024:1024", "setpriv", "--bounding-set=-net_admin,-sys_resource")
    try:
        place.edge.start()
        # An upgrade of rtpengine went wrong.
        pid = str(place.edge.engine("rtpengine")["pid"])
        broken = 'mount --bind /dev/null "$(readlink -f "$(command -v rtpengine)")"; kill -9 "$1"'
        inside = ("nsenter", f"--target={place.edge.pid}", "--mount", "--root", "sh", "-ec", broken, "sh", pid)
        done = place.net.run("edge", inside)
        assert done.code == 0, done.err
        until(lambda: "not installed" in (place.edge.engine("rtpengine")["last_reason"] or ""), 60)
        code, found = place.doctor(machine=True)
    finally:
        place.edge.stop()
        place.edge.under = ()
    assert code == 1
    expected = {
        "open-files": "may have 1024 files open LimitNOFILE=65536 in voxgate.service",
        "guard-without-kernel": "give Voxgate CAP_NET_ADMIN",
        "status": "rtpengine is waiting: the program rtpengine is not installed",
        "relay-silent": "see whether rtpengine runs",
    }
    assert_told(found, expected)
    assert "voxgate status shows the whole" in told(found)["status"]
