"""An office with trunks: what the tests of trunks share."""

from __future__ import annotations

import re
import time
from ipaddress import ip_network
from itertools import count
from typing import TYPE_CHECKING, Any

from lab.demo.stage import Setting, Stage
from lab.peers.address import Hop
from lab.peers.agent import Script
from lab.peers.phone import Line, Phone
from lab.topologies import DMZ, EDGE_INSIDE, EDGE_LAN, EDGE_PUBLIC

if TYPE_CHECKING:
    from lab.topology import Topology
    from tests.scenarios.scene import Report

CARRIER_HZ, PHONE_HZ, BRANCH_HZ, HQ_HZ = 980, 440, 890, (620, 710)
RAW = "raw.example.com"
RAW_PORT = 5080
"""A PBX that is a mere socket of the test."""
CARRIER, CARRIER_PORT = "provider", 5060
REFUSES_PORT, SILENT = 5070, "203.0.113.61"
"""A second carrier on the same host, and one at an address that nobody has."""
GONE = {"behind_nat": "192.168.1.31", "dmz": "172.16.8.11"}
"""An address inside that nobody has."""
OFFICE = ("192.168.0.0/16", "172.16.0.0/12")
PORTS = count(5200)
WAITS = Script(hang_up="them", register=False)


def setting(topology: Topology) -> Setting:
    """Trunks of `branch`: one that serves all, one that refuses and one that is not there, both for some numbers."""
    host = topology.host
    here = host(CARRIER).ipv4()

    def more_trunk(**keys: Any) -> dict[str, Any]:
        return {"keepalive": False, "pbxs": ["branch"], "failover": {"timeout_seconds": 2.5}, **keys}

    trunks = {
        "carrier": {
            "addresses": [here],
            "keepalive": False,
            "dids": {
                "05551594XX": "branch",
                "055520.": {"pbx": "gone", "fallback": ["branch"], "timeout_seconds": 1.0},
                "0555209": "raw",
                "055521X": {"pbx": "raw", "fallback": ["branch"], "codes": [503]},
            },
            "numbers": {"e164": {"country": "49"}},
            "pbxs": ["branch", "raw"],
        },
        "refuses": more_trunk(server=here, port=REFUSES_PORT, prefixes=["0700", "0701"]),
        "silent": more_trunk(server=SILENT, prefixes=["0701"], priority=0),
    }
    pbxs = {
        "raw": {"names": [RAW], "nodes": [host("pbx-hq-b").ipv4()], "sip": {"udp": RAW_PORT}},
        "gone": {"names": ["gone.example.com"], "nodes": [GONE[topology.name]]},
        "hq": {"names": ["example.com"], "nodes": [host("pbx-hq-a").ipv4()]},
    }
    to_edge = ("--trunk", f"sip:{EDGE_INSIDE if topology is DMZ else EDGE_LAN}")
    options = {"pbx-branch": ("--answers", r"0555\d+", *to_edge), "pbx-hq-a": to_edge}
    # Not everything answers health checks, so these come rarely.
    more = {"health": {"interval_seconds": 600}, "trunks": trunks}
    return Setting(topology, pbxs=pbxs, more=more, options=options)


def carrier(office: Stage, port: int = CARRIER_PORT, **setup: Any) -> Phone:
    """A strict provider: never to see an address of the office."""
    here = office.net.host(CARRIER).ipv4()
    line = Line(
        "carrier",
        EDGE_PUBLIC,
        Hop("udp", EDGE_PUBLIC, 5060),
        here,
        port=port,
        tone_hz=CARRIER_HZ,
        forbidden=tuple(ip_network(text) for text in OFFICE),
        **setup,
    )
    return Phone(line, office.net.maker(CARRIER))


def heard(report: Report, tone_hz: int) -> Report:
    (call,) = report["calls"]
    assert call["answered"], report
    assert (call["tone_hz"], call["others_hz"]) == (tone_hz, ())
    assert call["loss_percent"] < 3
    assert set(call["sources"]) == {EDGE_PUBLIC}
    made: Report = call
    return made


def in_dialog(method: str, sent: str, answered: str, *, by_caller: bool) -> bytes:
    """A further request of the caller, or of the called party, along the route set that this side has."""
    head = {name: re.findall(rf"(?mi)^{name}: (.*?)\r?$", answered) for name in ("from", "to", "call-id")}
    theirs = answered if by_caller else sent
    routes = re.findall(r"<[^<>]+>", ",".join(re.findall(r"(?mi)^record-route: (.*?)\r?$", theirs)))
    contact = re.findall(r"(?mi)^contact: <([^>]+)>", theirs)[0]
    ends = (head["from"][0], head["to"][0]) if by_caller else (head["to"][0], head["from"][0])
    lines = [
        f"{method} {contact} SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{time.monotonic_ns()};rport",
        *(f"Route: {route}" for route in (reversed(routes) if by_caller else routes)),
        f"From: {ends[0]}",
        f"To: {ends[1]}",
        f"Call-ID: {head['call-id'][0]}",
        f"CSeq: 7 {method}",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
