"""From outside nobody gets through the edge to an arbitrary address, or past a PBX to its users; a list of attempts."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

import pytest

from lab.demo.stage import BRANCH, EDGE_NAME, HQ, Setting, Stage, stage
from lab.demo.stranger import Stranger, first_lines, received
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

VICTIM: Final = BEHIND_NAT.host("provider").ipv4()
"""An arbitrary address of the internet."""
INSIDE: Final = BEHIND_NAT.host("phone-lan").ipv4()
"""A machine in the office that is no PBX."""
OTHER_PORT: Final = 7000
"""Where another service of a PBX's machine may listen."""
RAW: Final = "raw.example.com"
RAW_PORT: Final = 5080
METHODS: Final = ("INVITE", "MESSAGE", "SUBSCRIBE", "REFER", "OPTIONS")
_ports = count(5300)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that is to get where it may not: request URI, further headers, words replaced in it."""

    uri: str
    headers: tuple[str, ...] = ()
    in_dialog: bool = False
    replace: tuple[str, str] = ("", "")


OWN: Final = f"Route: <sip:{EDGE_PUBLIC}:5060;lr>"
ATTEMPTS: Mapping[str, Attempt] = {
    "request URI": Attempt(f"sip:x@{VICTIM}"),
    "request URI, machine in the office": Attempt(f"sip:x@{INSIDE}"),
    "request URI, another port of a PBX": Attempt(f"sip:x@192.168.1.20:{OTHER_PORT}"),
    "tel URI": Attempt("tel:+15551234"),
    "sips URI": Attempt(f"sips:x@{VICTIM}"),
    "maddr": Attempt(f"sip:x@{BRANCH};maddr={VICTIM}"),
    "maddr, own name": Attempt(f"sip:x@{EDGE_NAME};maddr={VICTIM}"),
    "received in the URI": Attempt(f"sip:x@{BRANCH};received=sip:{VICTIM}:5060"),
    "alias in the URI": Attempt(f"sip:x@{BRANCH};alias={VICTIM}~5060~1"),
    "port of the URI": Attempt(f"sip:x@{BRANCH}:{OTHER_PORT}"),
    "transport of the URI": Attempt(f"sip:x@{BRANCH};transport=tcp"),
    "Route": Attempt(f"sip:x@{BRANCH}", (f"Route: <sip:{VICTIM};lr>",)),
    "two Routes": Attempt(f"sip:x@{BRANCH}", (f"{OWN}, <sip:{VICTIM};lr>",)),
    "strict Route": Attempt(f"sip:{EDGE_PUBLIC}", (f"Route: <sip:x@{VICTIM}>",)),
    "Route to a phone's flow": Attempt(
        f"sip:x@{BRANCH}", (f"Route: <sip:{EDGE_LAN}:5060;transport=udp;lr;received=sip:{VICTIM}:5060>",)
    ),
    "two Routes, inside a dialog": Attempt(f"sip:x@{BRANCH}", (f"{OWN}, <sip:{VICTIM};lr>",), in_dialog=True),
    "URI, inside a dialog": Attempt(f"sip:x@{VICTIM}", (OWN,), in_dialog=True),
    "maddr, inside a dialog": Attempt(f"sip:x@192.168.1.30:5060;maddr={VICTIM}", (OWN,), in_dialog=True),
    "strict Route, inside a dialog": Attempt(f"sip:{EDGE_PUBLIC};lr", (f"Route: <sip:x@{VICTIM}>",), in_dialog=True),
    "a phone's flow, inside a dialog": Attempt(
        f"sip:x@{BRANCH}",
        (f"Route: <sip:{EDGE_LAN}:5060;transport=udp;lr;received=sip:{VICTIM}:5060>",),
        in_dialog=True,
    ),
    "alias, inside a dialog": Attempt(f"sip:x@{BRANCH};alias={VICTIM}~5060~1", (OWN,), in_dialog=True),
    "Via of another": Attempt(
        f"sip:x@{BRANCH}", replace=("Via: SIP/2.0/UDP 203.0.113.99", f"Via: SIP/2.0/UDP {VICTIM}")
    ),
    "received in Via": Attempt(f"sip:x@{BRANCH}", replace=(";rport", f";received={VICTIM};rport=5060")),
    "maddr in Via": Attempt(f"sip:x@{BRANCH}", replace=(";rport", f";maddr={VICTIM}")),
    "a second Via": Attempt(f"sip:x@{BRANCH}", (f"Via: SIP/2.0/UDP {VICTIM};branch=z9hG4bKsecond",)),
    "Refer-To": Attempt(f"sip:x@{BRANCH}", (f"Refer-To: <sip:x@{VICTIM}>",)),
    "From of the edge itself": Attempt(
        f"sip:x@{VICTIM}", replace=("From: <sip:mallory@203.0.113.99", f"From: <sip:x@{EDGE_NAME}")
    ),
    "From of a PBX": Attempt(f"sip:x@{VICTIM}", replace=("From: <sip:mallory@203.0.113.99", f"From: <sip:x@{HQ}")),
    "identity of a PBX's user": Attempt(f"sip:x@{VICTIM}", (f"P-Asserted-Identity: <sip:600@{BRANCH}>",)),
}


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    host = BEHIND_NAT.host
    pbxs = {
        "hq": {"names": [HQ], "nodes": [host("pbx-hq-a").ipv4()]},
        "raw": {"names": [RAW], "nodes": [host("pbx-hq-b").ipv4()], "sip": {"udp": RAW_PORT}},
    }
    options = {"pbx-branch": ("--reinvite-after", "0.3")}
    more = {"health": {"interval_seconds": 600}}
    with stage(Setting(BEHIND_NAT, pbxs=pbxs, more=more, options=options), folders()) as made:
        yield made


@pytest.fixture
def stranger(office: Stage) -> Iterator[Stranger]:
    with Stranger(office, next(_ports)) as made:
        yield made


@pytest.fixture
def victims(office: Stage) -> Iterator[list[socket.socket]]:
    """Whoever must get nothing: UDP and TCP on the internet and in the office."""
    with ExitStack() as stack:
        made = []
        places = (("provider", VICTIM, 5060), ("phone-lan", INSIDE, 5060), ("pbx-hq-a", "192.168.1.20", OTHER_PORT))
        for host, address, port in places:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                sock = stack.enter_context(closing(office.net.socket(host, kind=kind)))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((address, port))
                if kind is socket.SOCK_STREAM:
                    sock.listen()
                sock.setblocking(False)
                made.append(sock)
        yield made


def reached(victims: list[socket.socket]) -> list[str]:
    """What came to any of them."""
    found = []
    for sock in victims:
        try:
            found.append(str(sock.accept()[1]) if sock.type == socket.SOCK_STREAM else sock.recv(65_536).decode())
        except BlockingIOError:
            continue
    return found


@pytest.mark.parametrize("way", ["UDP", "TCP"])
@pytest.mark.parametrize("name", ATTEMPTS)
def test_no_request_reaches_an_arbitrary_address(
    office: Stage, stranger: Stranger, victims: list[socket.socket], name: str, way: str
) -> None:
    attempt = ATTEMPTS[name]
    packets = []
    for method in METHODS:
        packet = stranger.request(method, attempt.uri, *attempt.headers, in_dialog=attempt.in_dialog, way=way).decode()
        assert attempt.replace[0] in packet or way == "TCP"
        packets.append(packet.replace(*attempt.replace).encode() if attempt.replace[0] else packet.encode())
    if way == "UDP":
        stranger.send(*packets)
        received(stranger.socket, first_s=0.5)
    else:
        with closing(office.net.socket("stranger", kind=socket.SOCK_STREAM)) as sock:
            sock.settimeout(5)
            sock.connect((EDGE_PUBLIC, 5060))
            sock.sendall(b"".join(packets))
            received(sock, first_s=0.5)
    assert reached(victims) == []


#: What a registration or an INVITE may carry to lead a PBX's own requests elsewhere.
LURES: Final = {
    "Contact": ("Contact: <sip:mallory@203.0.113.99:", f"Contact: <sip:mallory@{VICTIM}:5060;x="),
    "Contact with alias": (">\r\nContent-Length", f";alias={VICTIM}~5060~1>\r\nContent-Length"),
    "Contact with received": (">\r\nContent-Length", f";received=sip:{VICTIM}:5060>\r\nContent-Length"),
    "Contact with maddr": (">\r\nContent-Length", f";maddr={VICTIM}>\r\nContent-Length"),
    "Path": ("Max-Forwards", f"Path: <sip:{VICTIM}:5060;lr>\r\nMax-Forwards"),
    "Path of the edge": (
        "Max-Forwards",
        f"Path: <sip:{EDGE_LAN}:5060;transport=udp;lr;received=sip:{VICTIM}:5060>\r\nMax-Forwards",
    ),
    "Record-Route": ("Max-Forwards", f"Record-Route: <sip:{VICTIM}:5060;lr>\r\nMax-Forwards"),
    "Service-Route": ("Max-Forwards", f"Service-Route: <sip:{VICTIM}:5060;lr>\r\nMax-Forwards"),
}


@pytest.mark.parametrize("name", LURES)
def test_a_registration_leads_a_pbx_to_its_sender_alone(
    office: Stage, stranger: Stranger, victims: list[socket.socket], name: str
) -> None:
    user = f"lure{next(_ports)}"
    packet = (
        stranger.request("REGISTER", f"sip:{BRANCH}")
        .decode()
        .replace(f"To: <sip:{BRANCH}", f"To: <sip:{user}@{BRANCH}")
    )
    stranger.send(packet.replace(*LURES[name]).encode())
    # The edge's own keepalives come, too, once the registration is known.
    assert "SIP/2.0 200 " in [line[:12] for line in first_lines(received(stranger.socket))]
    office.pbxs["pbx-branch"].command(call=user)
    came = first_lines(received(stranger.socket))
    assert reached(victims) == []
    assert any(line.startswith("INVITE ") for line in came)


#: What makes a PBX believe that it is spoken to by somebody else, and by which header.
FORGED: Final = {
    "Route": f"Route: <sip:{EDGE_PUBLIC};lr>, <sip:{VICTIM};lr>",
    "X-Forwarded-For": "X-Forwarded-For: 192.168.1.50",
    "P-Asserted-Identity": "P-Asserted-Identity: <sip:director@branch.example.com>",
    "Remote-Party-ID": "Remote-Party-ID: <sip:treasurer@branch.example.com>;party=calling",
}


def test_from_names_a_pbx_and_no_other_pbx_gets_the_request(office: Stage, stranger: Stranger) -> None:
    with closing(office.net.socket("pbx-hq-b")) as raw:
        raw.bind((BEHIND_NAT.host("pbx-hq-b").ipv4(), RAW_PORT))
        for uri, sender in ((f"sip:600@{BRANCH}", f"boss@{RAW}"), (f"sip:600@{EDGE_NAME}", f"boss@{BRANCH}")):
            packet = stranger.request("INVITE", uri).decode()
            stranger.send(packet.replace("From: <sip:mallory@203.0.113.99", f"From: <sip:{sender}").encode())
        assert received(raw, first_s=0.5) == []
    assert {line["from"] for line in office.pbxs["pbx-branch"].events("invite")} >= {"boss"}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_header_does_not_reach_the_pbx(office: Stage, stranger: Stranger, name: str) -> None:
    with closing(office.net.socket("pbx-hq-b")) as raw:
        raw.bind((BEHIND_NAT.host("pbx-hq-b").ipv4(), RAW_PORT))
        stranger.send(stranger.request("INVITE", f"sip:600@{RAW}", FORGED[name]))
        (came, *_) = received(raw, quiet_s=0.1)
    assert FORGED[name].partition(": ")[2] not in came


OFFER: Final = (
    "v=0\r\no=- 1 1 IN IP4 203.0.113.99\r\ns=-\r\nc=IN IP4 203.0.113.99\r\nt=0 0\r\nm=audio 7078 RTP/AVP 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
)


@pytest.mark.parametrize("name", [name for name in LURES if "Path" not in name])
def test_an_invite_leads_a_pbxs_later_requests_to_its_sender_alone(
    stranger: Stranger, victims: list[socket.socket], name: str
) -> None:
    packet = stranger.request("INVITE", f"sip:602@{BRANCH}").decode().replace(*LURES[name])
    packet = packet.replace(
        "Content-Length: 0\r\n\r\n", f"Content-Type: application/sdp\r\nContent-Length: {len(OFFER)}\r\n\r\n"
    )
    stranger.send((packet + OFFER).encode())
    came = first_lines(received(stranger.socket, quiet_s=1.5))
    assert reached(victims) == []
    assert any(line.startswith("INVITE ") for line in came), "the PBX's re-INVITE"


def test_a_contact_beyond_all_measure_comes_back_as_an_error_and_nothing_dies(
    office: Stage, stranger: Stranger, victims: list[socket.socket]
) -> None:
    # An engine of that age copies such a URI beyond its buffer, when the PBX's own request brings it back.
    for size in (900, 1_100, 4_000):
        packet = stranger.request("INVITE", f"sip:602@{BRANCH}").decode()
        packet = packet.replace("Contact: <sip:mallory@", f"Contact: <sip:{'m' * size}@")
        packet = packet.replace(
            "Content-Length: 0\r\n\r\n", f"Content-Type: application/sdp\r\nContent-Length: {len(OFFER)}\r\n\r\n"
        )
        stranger.send((packet + OFFER).encode())
        came = first_lines(received(stranger.socket, quiet_s=1.5))
        assert any(line.startswith("INVITE ") for line in came) == (size == 900)
    assert reached(victims) == []
    assert [engine["restarts"] for engine in office.edge.status()["engines"]] == [0, 0]
