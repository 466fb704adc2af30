"""What a PBX and a provider see of a trunk's calls, packet by packet; and that nobody else reaches a trunk."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from lab.demo.stage import BRANCH, Stage, stage
from lab.demo.stranger import Stranger, first_lines, received
from lab.topologies import BEHIND_NAT, DMZ, EDGE_INSIDE, EDGE_LAN, EDGE_PUBLIC
from tests.scenarios.trunk_office import CARRIER, CARRIER_PORT, PORTS, RAW, RAW_PORT, REFUSES_PORT, setting

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Stage]:
    with stage(setting(request.param), folders()) as made:
        yield made


# -- what a PBX and a provider see, packet by packet ----------------------------------------------------


def sdp(address: str) -> str:
    return f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"


def invite(stranger: Stranger, uri: str, *headers: str) -> bytes:
    """An INVITE with an offer."""
    head, _, _ = stranger.request("INVITE", uri, *headers).decode().partition("Content-Length")
    body = sdp("203.0.113.60")
    return f"{head}Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def codes(messages: list[str]) -> list[str]:
    return [line.split(" ")[1] for line in first_lines(messages)]


@pytest.fixture
def provider(office: Stage) -> Iterator[Stranger]:
    """The provider's host, from a port of its own."""
    with Stranger(office, next(PORTS), CARRIER) as made:
        yield made


@pytest.fixture
def raw(office: Stage) -> Iterator[socket.socket]:
    """The PBX that is a socket."""
    with closing(office.net.socket("pbx-hq-b")) as sock:
        sock.bind((office.net.host("pbx-hq-b").ipv4(), RAW_PORT))
        yield sock


@pytest.mark.parametrize(
    "user", ["100", "600", "0555999", "05551594", "055515941", "055515941200", "alice", "raw", "0555209%40x", ""]
)
@pytest.mark.parametrize("host", [EDGE_PUBLIC, BRANCH, "203.0.113.99"])
def test_a_number_that_is_not_the_trunks_is_answered_with_404(provider: Stranger, user: str, host: str) -> None:
    provider.send(provider.request("INVITE", f"sip:{user}@{host}" if user else f"sip:{host}"))
    assert codes(received(provider.socket, quiet_s=0.1)) == ["404"]


def test_the_provider_is_told_that_the_edge_lives(provider: Stranger) -> None:
    provider.send(provider.request("OPTIONS", f"sip:{EDGE_PUBLIC}"))
    assert codes(received(provider.socket, quiet_s=0.1)) == ["200"]


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE", "REFER", "NOTIFY"])
def test_the_provider_may_call_and_nothing_else(provider: Stranger, method: str) -> None:
    provider.send(provider.request(method, f"sip:0555159412@{EDGE_PUBLIC}"))
    assert codes(received(provider.socket, quiet_s=0.1)) == ["405"]


def test_the_pbx_is_told_number_domain_and_trunk(provider: Stranger, raw: socket.socket) -> None:
    forged = ("X-Voxgate-Trunk: other", "Route: <sip:203.0.113.99;lr>")
    provider.send(invite(provider, f"sip:+49555209@{EDGE_PUBLIC}", *forged))
    (came, *_) = received(raw, quiet_s=0.1)
    assert came.startswith(f"INVITE sip:0555209@{RAW} SIP/2.0\r\n")
    assert re.findall(r"(?m)^X-Voxgate-Trunk: (\S+)", came) == ["carrier"]
    assert "\r\nRoute:" not in came
    assert came.count("Record-Route:") == 1


def test_a_phone_cannot_pass_for_a_trunk_by_its_header(office: Stage, raw: socket.socket) -> None:
    with Stranger(office, next(PORTS)) as stranger:
        stranger.send(invite(stranger, f"sip:0555209@{RAW}", "X-Voxgate-Trunk: carrier"))
        (came, *_) = received(raw, quiet_s=0.1)
    assert "X-Voxgate-Trunk" not in came


def reply(request: str, code: int) -> bytes:
    kept = [line for line in request.split("\r\n") if line.split(":")[0] in {"Via", "From", "Call-ID", "CSeq", "To"}]
    lines = [f"{line};tag=x" if line.startswith("To:") else line for line in kept]
    return "\r\n".join([f"SIP/2.0 {code} Answer", *lines, "Content-Length: 0", "", ""]).encode()


def answer(sock: socket.socket, code: int) -> str:
    """Answer the next INVITE; it."""
    sock.settimeout(5)
    while True:
        data, source = sock.recvfrom(65_536)
        if data.startswith(b"INVITE"):
            sock.sendto(reply(data.decode(), code), source)
            return data.decode()


@pytest.mark.parametrize(("code", "goes_on"), [(503, True), (486, False), (404, False)])
def test_a_pbx_that_cannot_take_the_call_is_followed_by_the_next(
    office: Stage, provider: Stranger, raw: socket.socket, code: int, *, goes_on: bool
) -> None:
    branch = office.pbxs["pbx-branch"]
    before = len(branch.events("invite", to="0555217"))
    provider.send(invite(provider, f"sip:0555217@{EDGE_PUBLIC}"))
    answer(raw, code)
    got = codes(received(provider.socket, quiet_s=0.7))
    if goes_on:
        branch.wait("invite", after=before, to="0555217")
        assert str(code) not in got
        assert "200" in got
    else:
        assert got[-1] == str(code)
        assert len(branch.events("invite", to="0555217")) == before


def test_numbers_are_rewritten_on_the_way_out(office: Stage, raw: socket.socket) -> None:
    edge = EDGE_INSIDE if office.net.topology is DMZ else EDGE_LAN
    here = office.net.host("pbx-hq-b").ipv4()
    with closing(office.net.socket(CARRIER)) as there:
        there.bind((office.net.host(CARRIER).ipv4(), CARRIER_PORT))
        for number, dialled in (("0301234", "+49301234"), ("0044301234", "+44301234"), ("110", "110")):
            packet = Packet(here, RAW_PORT).invite(f"sip:{number}@{edge}")
            raw.sendto(packet, (edge, 5060))
            came = answer(there, 486)
            assert came.startswith(f"INVITE sip:{dialled}@{office.net.host(CARRIER).ipv4()} SIP/2.0\r\n")
            head, _, body = came.partition("\r\n\r\n")
            shown = [line for line in head.split("\r\n") if line.split(":")[0] not in {"From", "To"}]
            assert not re.search(r"\b(192\.168|172\.16)\.", "\n".join([*shown, body])), came
            # Whoever listens here next shall not take it for something new.
            assert [line for line in first_lines(received(there, first_s=5)) if line.startswith("ACK ")]


class Packet(Stranger):
    """Writes as somebody else without a socket."""

    def __init__(self, here: str, port: int) -> None:
        self._here, self._port = here, port

    def invite(self, uri: str) -> bytes:
        return invite(self, uri)


# -- nobody else reaches a trunk ------------------------------------------------------------------------

TRIES = {
    "the edge's address": ("INVITE", f"sip:0301234@{EDGE_PUBLIC}", (), False),
    "the trunk's address": ("INVITE", "sip:0301234@203.0.113.60", (), False),
    "a Route to the trunk": ("INVITE", f"sip:0301234@{EDGE_PUBLIC}", ("Route: <sip:203.0.113.60;lr>",), False),
    "the edge's Route first": (
        "INVITE",
        "sip:0301234@203.0.113.60",
        (f"Route: <sip:{EDGE_PUBLIC};lr>", "Route: <sip:203.0.113.60;lr>"),
        False,
    ),
    "a forged To tag": ("INVITE", "sip:0301234@203.0.113.60", (f"Route: <sip:{EDGE_PUBLIC};lr>",), True),
    "a forged BYE": ("BYE", "sip:0301234@203.0.113.60", (f"Route: <sip:{EDGE_PUBLIC};lr>",), True),
    "an alias": (
        "INVITE",
        "sip:0301234@192.168.1.30:5060;alias=203.0.113.60~5060~1",
        (f"Route: <sip:{EDGE_PUBLIC};lr>",),
        True,
    ),
    "the PBX's name in From": ("INVITE", f"sip:0301234@{EDGE_PUBLIC}", ("P-Asserted-Identity: <sip:1@raw>",), False),
    "a forged trunk header": ("INVITE", f"sip:0301234@{EDGE_PUBLIC}", ("X-Voxgate-Trunk: carrier",), False),
    "a forged X-Forwarded-For": ("INVITE", f"sip:0301234@{EDGE_PUBLIC}", ("X-Forwarded-For: 192.168.1.30",), False),
    "the edge's own registration": ("REGISTER", "sip:carrier@trunk.invalid", (), False),
    "a MESSAGE": ("MESSAGE", "sip:0301234@203.0.113.60", (), False),
    "a REFER": ("REFER", f"sip:0301234@{EDGE_PUBLIC}", ("Refer-To: <sip:0301234@203.0.113.60>",), False),
}


@pytest.mark.parametrize("who", ["stranger", CARRIER, "phone-lan"])
@pytest.mark.parametrize("how", TRIES)
def test_from_outside_nobody_reaches_a_trunk(office: Stage, how: str, who: str) -> None:
    method, uri, headers, in_dialog = TRIES[how]
    edge = (EDGE_INSIDE if office.net.topology is DMZ else EDGE_LAN) if who == "phone-lan" else EDGE_PUBLIC
    uri, *headers_ = (text.replace(EDGE_PUBLIC, edge) for text in (uri, *headers))
    with Stranger(office, next(PORTS), who) as caller, closing(office.net.socket(CARRIER)) as there:
        there.bind((office.net.host(CARRIER).ipv4(), CARRIER_PORT))
        caller.send(caller.request(method, uri, *headers_, in_dialog=in_dialog), to=(edge, 5060))
        arrived = [line for line in first_lines(received(there, first_s=0.4)) if not line.startswith("OPTIONS")]
        assert arrived == []
        answers = codes(received(caller.socket, first_s=0.3, quiet_s=0.1))
    assert not [code for code in answers if code < "300" and code != "100"]


def test_a_provider_reaches_no_other_provider(office: Stage, provider: Stranger) -> None:
    with closing(office.net.socket(CARRIER)) as other:
        other.bind((office.net.host(CARRIER).ipv4(), REFUSES_PORT))
        provider.send(provider.request("INVITE", f"sip:07001234@{EDGE_PUBLIC}"))
        assert codes(received(provider.socket, quiet_s=0.1)) == ["404"]
        assert received(other, first_s=0.3) == []
