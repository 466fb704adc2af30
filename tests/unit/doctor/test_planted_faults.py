"""Each planted fault is found, under its own code and with its cure; a healthy edge has none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from voxgate.doctor.facts import Certificate, Edge, Facts, Handshake, Machine, Node, Outside, Port
from voxgate.doctor.finding import Grade
from voxgate.doctor.rules import findings
from voxgate.names.comparing import Finding as NameFinding
from voxgate.names.comparing import Grade as NameGrade

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OPTIONS = "OPTIONS sip:e SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.10:4000\r\n\r\n"
MACHINE = Machine(
    synchronized=True,
    open_files={"kamailio": 65536},
    versions={"kamailio": (5, 6), "rtpengine": (12, 5), "haproxy": (2, 6), "turnserver": (4, 6), "nft": (1, 0)},
    connections=(10, 1000),
    free_bytes=1 << 40,
    own_name="edge",
)
OUTSIDE = Outside(
    "probe", "203.0.113.45", ("203.0.113.45",), (Port("tcp", "x", "SIP over TLS"),), OPTIONS, OPTIONS, True, 0.2
)
HEALTHY = Facts(
    edge=Edge("edge.example.com", NOW, behind_nat=True, inside_address="192.168.1.10"),
    ports=(Port("tcp", "192.168.1.10:5061", "SIP over TLS"),),
    handshakes=(Handshake("SIP over TLS at x", "edge.example.com"),),
    certificates=(Certificate("default", NOW - timedelta(days=30), NOW + timedelta(days=60)),),
    nodes=(Node("hq", "udp 192.168.1.20 port 5060", 200, frozenset({"path"})),),
    hairpin=True,
    mapped=("203.0.113.45",),
    shown=("203.0.113.45", "2001:db8::10"),
    outside=OUTSIDE,
    machine=MACHINE,
)
ERROR, WARNING, NOTE = Grade.ERROR, Grade.WARNING, Grade.NOTE


def name(grade: NameGrade) -> NameFinding:
    return NameFinding(
        grade, "edge.example.com", "A", "is not there", "the edge itself", "add edge.example.com. A 203.0.113.45"
    )


def edge(**keys: Any) -> dict[str, Any]:
    return {"edge": replace(HEALTHY.edge, **keys)}


def machine(**keys: Any) -> dict[str, Any]:
    return {"machine": replace(MACHINE, **keys)}


def outside(**keys: Any) -> dict[str, Any]:
    return {"outside": replace(OUTSIDE, **keys)}


def node(code: int, *supported: str) -> dict[str, Any]:
    return {"nodes": (Node("hq", "udp 192.168.1.20 port 5060", code, frozenset(supported)),)}


def certificate(days: float, age: float = 85, **keys: Any) -> dict[str, Any]:
    begins, expires = NOW - timedelta(days=age), NOW + timedelta(days=days)
    return {"certificates": (Certificate("default", begins, expires, **keys),)}


#: What is planted, the code, the grade, and words of the cure.
FAULTS: list[tuple[dict[str, Any], str, Grade, str]] = [
    (edge(silent="no Voxgate is running here"), "not-running", ERROR, "voxgate run"),
    (edge(reasons=("kamailio is back-off: exit 255",)), "status", ERROR, "voxgate status"),
    (edge(drift=("kamailio/kamailio.cfg was changed by hand",)), "drift", WARNING, "voxgate apply"),
    (edge(guard_alone="it needs CAP_NET_ADMIN"), "guard-without-kernel", NOTE, "CAP_NET_ADMIN"),
    (edge(private="192.168.1.10"), "no-public-address", ERROR, "edge.public_address"),
    ({"names": (name(NameGrade.ERROR),)}, "dns-public", ERROR, "add edge.example.com. A 203.0.113.45"),
    ({"names": (name(NameGrade.WARNING),)}, "dns-public", WARNING, "add edge.example.com. A 203.0.113.45"),
    ({"names_inside": (name(NameGrade.ERROR),)}, "dns-inside", WARNING, "add edge.example.com."),
    ({"ports": (Port("tcp", "x", "HTTPS", "refused"),)}, "port-inside", ERROR, "voxgate firewall"),
    ({"allocations": (Port("udp", "x", "TURN allocation", "refused with 401"),)}, "turn-allocation", ERROR, "coturn"),
    (outside(ports=(Port("tcp", "x", "HTTPS", "refused"),)), "port-outside", ERROR, "forward it on the router"),
    ({"handshakes": (Handshake("x", "e", "shows another certificate"),)}, "certificate-shown", ERROR, "certs verify"),
    (certificate(-1), "certificate-expired", ERROR, "certs renew"),
    (certificate(5), "certificate-expires", WARNING, "certs renew"),
    (certificate(60, complete=False), "certificate-chain", ERROR, "append the authority's intermediate"),
    (certificate(60, lacking=("example.com",)), "certificate-names", WARNING, "certificates.others"),
    (certificate(60, alarm="rate limited"), "certificate-renewal", WARNING, "certs renew"),
    (certificate(60, self_signed=True), "certificate-own", NOTE, "certificates.default.acme"),
    ({"mapped": ("198.51.100.1",)}, "public-address", ERROR, "edge.public_address: 198.51.100.1"),
    (outside(seen="198.51.100.1"), "public-address", ERROR, "edge.public_address: 198.51.100.1"),
    ({"hairpin": False}, "hairpin", NOTE, "voxgate dns plan --view inside"),
    ({"outside_failed": "probe: refused", "outside": None}, "responder", ERROR, "doctor --respond"),
    (outside(arrived=OPTIONS.replace("192.168.1.10", "203.0.113.45")), "sip-rewritten", ERROR, "SIP ALG"),
    (outside(arrived=None), "sip-lost", WARNING, "5060"),
    (outside(source_kept=False), "source-hidden", ERROR, "masquerading"),
    (outside(ahead_s=-90.0), "clock", WARNING, "timedatectl"),
    (machine(synchronized=False), "clock", WARNING, "timedatectl"),
    (machine(helpers=("module nf_nat_sip",)), "sip-helper", ERROR, "modprobe -r nf_nat_sip"),
    (machine(helper_rules=("ip alg",)), "sip-helper", ERROR, "nft list table ip alg"),
    (machine(versions={"kamailio": None}), "engine-missing", ERROR, "apt-get install kamailio"),
    (machine(versions={"rtpengine": (9, 4)}), "engine-old", ERROR, "apt-get install rtpengine-daemon"),
    (machine(modules_missing=("app_python3",)), "engine-module", ERROR, "kamailio-python3-modules"),
    (machine(open_files={"kamailio": 1024}), "open-files", WARNING, "LimitNOFILE"),
    (machine(free_bytes=1 << 20), "disk-full", ERROR, "make room"),
    (machine(ephemeral=(10000, 60999)), "ports-overlap", WARNING, "ip_local_port_range"),
    (machine(strangers=((10004, "python3 (process 7)"),)), "port-taken", WARNING, "media.ports"),
    (machine(drops={5060: 17}), "udp-drops", WARNING, "net.core.rmem_max"),
    (machine(connections=(900, 1000)), "conntrack-full", WARNING, "nf_conntrack_max=2000"),
    (machine(own_name_found=False), "own-name", WARNING, "127.0.1.1 edge"),
    (node(0), "pbx-silent", ERROR, "unbanip 192.168.1.10"),
    (node(403), "pbx-refuses", ERROR, "allow 192.168.1.10"),
    (node(503), "pbx-unwell", WARNING, "its own log"),
    (node(200, "timer", "100rel"), "pbx-path", NOTE, "pbx-config hq"),
]


def test_a_healthy_edge_has_no_finding() -> None:
    assert findings(HEALTHY) == ()
    # What was not looked at is not judged.
    assert findings(Facts(HEALTHY.edge)) == ()
    # A certificate of a week is renewed in its last days.
    assert findings(replace(HEALTHY, **certificate(2, age=4))) == ()
    # 401 and 404 are answers of PBXs that are well.
    assert findings(replace(HEALTHY, **node(401))) == findings(replace(HEALTHY, **node(404))) == ()


@pytest.mark.parametrize(
    ("planted", "code", "grade", "cure"), FAULTS, ids=[f"{n}-{one[1]}" for n, one in enumerate(FAULTS)]
)
def test_each_planted_fault_is_found_with_its_cure(planted: dict[str, Any], code: str, grade: Grade, cure: str) -> None:
    (found,) = findings(replace(HEALTHY, **planted))
    assert (found.code, found.grade) == (code, grade)
    assert cure in found.cure
    assert len(found.why) > 10


def test_the_worst_comes_first_and_nothing_is_lost() -> None:
    planted = {"hairpin": False, **machine(helpers=("module nf_nat_sip",), synchronized=False)}
    assert [one.grade for one in findings(replace(HEALTHY, **planted))] == [ERROR, WARNING, NOTE]


def test_what_a_helper_changed_is_shown() -> None:
    arrived = OPTIONS.replace("192.168.1.10:4000", "203.0.113.45:61000")
    (found,) = findings(replace(HEALTHY, **outside(arrived=arrived)))
    assert "`Via: SIP/2.0/UDP 192.168.1.10:4000` arrives as `Via: SIP/2.0/UDP 203.0.113.45:61000`" in found.what
