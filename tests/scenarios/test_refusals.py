"""What strangers get from the edge: nothing, and no way through it to anybody else."""

from __future__ import annotations

import re
import socket
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import pytest

from lab.demo.stage import BRANCH, EDGE_NAME, HQ, Setting, Stage, stage
from lab.demo.stranger import Stranger, first_lines, received
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RAW = "raw.example.com"
RAW_PORT = 5080
"""A PBX that is a mere socket of the test, on the host of hq's second node."""
_ports = count(5100)
SILENCE_S = 0.5
"""What the edge answers takes milliseconds."""


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    host = BEHIND_NAT.host
    pbxs = {
        "hq": {"names": [HQ], "nodes": [host("pbx-hq-a").ipv4()]},
        "raw": {"names": [RAW], "nodes": [host("pbx-hq-b").ipv4()], "sip": {"udp": RAW_PORT}},
    }
    # The socket does not answer health checks, so these come rarely.
    with stage(Setting(BEHIND_NAT, pbxs=pbxs, more={"health": {"interval_seconds": 600}}), folders()) as made:
        yield made


def refused(stage: Stage, reason: str) -> int:
    """How often the edge counted that reason."""
    text = stage.edge.kamailio("htable.dump", "refused").out
    found = re.search(rf"name: {re.escape(reason)}\s+value: (\d+)", text)
    return int(found[1]) if found else 0


@pytest.fixture
def stranger(office: Stage) -> Iterator[Stranger]:
    # A port of its own: late answers to another test go elsewhere.
    with Stranger(office, next(_ports)) as made:
        yield made


def ask(stranger: Stranger, packet: bytes) -> list[str]:
    """Send a request that is to be answered; start lines of what came."""
    stranger.send(packet)
    return first_lines(received(stranger.socket, quiet_s=0.2))


def test_the_edges_own_name_answers_options(stranger: Stranger) -> None:
    assert ask(stranger, stranger.request("OPTIONS", f"sip:{EDGE_NAME}")) == ["SIP/2.0 200 OK"]


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE"])
@pytest.mark.parametrize(
    "uri",
    [
        "sip:100@nobody.example.net",
        f"sip:100@{EDGE_PUBLIC}",
        f"sip:100@{EDGE_LAN}",
        "sip:100@192.168.1.20",
        "sip:8.8.8.8",
    ],
)
def test_an_unknown_domain_gets_silence_and_is_counted(
    office: Stage, stranger: Stranger, method: str, uri: str
) -> None:
    before = refused(office, "unknown-domain")
    stranger.send(stranger.request(method, uri))
    assert received(stranger.socket, first_s=SILENCE_S) == []
    assert refused(office, "unknown-domain") == before + 1


def test_an_unknown_domain_gets_silence_over_tcp_too(office: Stage, stranger: Stranger) -> None:
    before = refused(office, "unknown-domain")
    with closing(office.net.socket("stranger", kind=socket.SOCK_STREAM)) as sock:
        sock.settimeout(5)
        sock.connect((EDGE_PUBLIC, 5060))
        sock.sendall(stranger.request("OPTIONS", "sip:100@nobody.example.net", way="TCP"))
        assert received(sock, first_s=SILENCE_S) == []
        sock.sendall(stranger.request("OPTIONS", f"sip:{EDGE_NAME}", way="TCP"))
        assert first_lines(received(sock)) == ["SIP/2.0 200 OK"]
    assert refused(office, "unknown-domain") == before + 1


ROUTES = {
    "to the internet": f"Route: <sip:{EDGE_PUBLIC};lr>, <sip:203.0.113.60:5060;lr>",
    "to the LAN": f"Route: <sip:{EDGE_LAN};lr>\r\nRoute: <sip:192.168.1.50:5060;lr>",
    "to nobody": "Route: <sip:198.51.100.1;lr>",
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "MESSAGE"])
def test_requests_from_outside_lose_their_routes(office: Stage, stranger: Stranger, method: str, route: str) -> None:
    with closing(office.net.socket("pbx-hq-b")) as pbx, closing(office.net.socket("phone-lan")) as lan:
        pbx.bind((office.net.host("pbx-hq-b").ipv4(), RAW_PORT))
        lan.bind((office.net.host("phone-lan").ipv4(), 5060))
        stranger.send(stranger.request(method, f"sip:100@{RAW}", ROUTES[route]))
        (came, *_) = received(pbx, quiet_s=0.1)
        assert came.startswith(f"{method} sip:100@{RAW} SIP/2.0\r\n")
        assert "\r\nRoute:" not in came
        assert "198.51.100.1" not in came
        assert received(lan, first_s=0.2) == []


FORGED = {
    "Route to another port of a PBX": ("pbx-hq-a", 7000, "route"),
    "Route to a LAN host that is no PBX": ("phone-lan", 5060, "route"),
    "Route to somebody on the internet": ("provider", 5060, "route"),
    "request URI and one Route, to another port of a PBX": ("pbx-hq-a", 7000, "uri"),
    "request URI and one Route, to a LAN host": ("phone-lan", 5060, "uri"),
    "request URI and one Route, to somebody on the internet": ("provider", 5060, "uri"),
    "alias in the request URI": ("phone-lan", 5060, "alias"),
}


@pytest.mark.parametrize("method", ["BYE", "INVITE", "INFO"])
@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_to_tag_opens_no_way(office: Stage, stranger: Stranger, forged: str, method: str) -> None:
    host, port, by = FORGED[forged]
    there = office.net.host(host).ipv4()
    own = f"Route: <sip:{EDGE_PUBLIC}:5060;lr>"
    match by:
        case "route":
            uri, route = f"sip:100@{BRANCH}", f"{own}, <sip:{there}:{port};lr>"
        case "uri":
            uri, route = f"sip:100@{there}:{port}", own
        case _:
            uri, route = f"sip:100@192.168.1.30:5060;alias={there}~{port}~1", own
    with closing(office.net.socket(host)) as victim:
        victim.bind((there, port))
        before = refused(office, "next-hop-is-no-pbx")
        answers = ask(stranger, stranger.request(method, uri, route, in_dialog=True))
        assert received(victim, first_s=0.2) == []
    if by == "alias":
        # Only requests of a PBX are led by an alias; this one goes to the PBX in its URI, which knows no such dialog.
        assert answers[-1].startswith("SIP/2.0 481")
    else:
        assert answers == ["SIP/2.0 403 Forbidden"]
        assert refused(office, "next-hop-is-no-pbx") == before + 1


def test_a_forged_to_tag_without_route_is_no_dialog(stranger: Stranger) -> None:
    packet = stranger.request("BYE", "sip:100@192.168.1.20:5060", in_dialog=True)
    assert [line.split(" ")[1] for line in ask(stranger, packet)] == ["481"]


def test_a_forged_to_tag_to_a_real_pbx_is_the_pbxs_to_refuse(stranger: Stranger) -> None:
    route = f"Route: <sip:{EDGE_PUBLIC}:5060;lr>"
    packet = stranger.request("BYE", "sip:100@192.168.1.20:5060", route, in_dialog=True)
    assert [line.split(" ")[1] for line in ask(stranger, packet)] == ["481"]


def test_a_lan_host_that_is_no_pbx_may_not_send_outwards(office: Stage) -> None:
    with Stranger(office, next(_ports), "phone-lan") as lan, closing(office.net.socket("provider")) as victim:
        victim.bind((office.net.host("provider").ipv4(), 5060))
        packet = lan.request("INVITE", "sip:100@203.0.113.60:5060", f"Route: <sip:{EDGE_LAN};lr>")
        lan.send(packet, to=(EDGE_LAN, 5060))
        assert received(lan.socket, first_s=SILENCE_S) == []
        assert received(victim, first_s=0.2) == []
