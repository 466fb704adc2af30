"""HTTP to PBXs by host: what arrives, what is refused and how, and what the access log says of it."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import pytest

from lab.peers.websocket import Kind, frame, new_key, upgrade
from lab.topologies import EDGE_LAN, EDGE_PUBLIC_SIX
from tests.engine.office import MARKS
from tests.engine.web_office import ask, connect, head, read, web_config, web_office
from voxgate.wire.access_line import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.web_office import WebOffice

pytestmark = MARKS
HOME = "203.0.113.77"


@pytest.fixture(scope="module")
def place() -> Iterator[WebOffice]:
    made = web_config()
    made["pbxs"]["club"] = {
        "names": ["club.example.com"],
        "nodes": ["192.168.1.20"],
        "sip": {"udp": 5070},
        "http": {"plain": 80, "allow_urls": "@everything", "allow_from": ["203.0.113.76/30", "2001:db8:f::/48"]},
    }
    made["pbxs"]["closed"] = {
        "names": ["closed.example.com"],
        "nodes": ["192.168.1.20"],
        "sip": {"udp": 5071},
        "http": {"plain": 80, "allow_urls": "@everything", "allow_from": ["192.168.0.0/16", "2001:db8:1::/48"]},
    }
    made["pbxs"]["gone"] = {
        "names": ["gone.example.com", "bücher.example"],
        "nodes": ["192.168.1.20"],
        "sip": {"udp": 5072},
        "http": {"plain": 81, "allow_urls": "@everything", "names": ["gone.example.com", "bücher.example"]},
    }
    with web_office(made) as opened:
        yield opened


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
@pytest.mark.parametrize(
    "host",
    ["hq.example.com", "HQ.Example.COM", "hq.example.com.", "hq.example.com:443", "hq.example.com.:8443"],
)
def test_a_host_leads_to_its_pbx_however_it_is_written(place: WebOffice, host: str, tls: bool) -> None:
    answer = place.get(host, tls=tls)
    assert (answer.status, answer.said["pbx"]) == (200, "hq")


UNKNOWN = (
    *("nobody.example.com", "example.com", "edge.example.com", "203.0.113.45", "", "hq.example.com:80:80"),
    *("x@hq.example.com", "hq.example.com, branch.example.com", "hq.example.com/x", "hq", "[::1]"),
    *(".hq.example.com", "example.com/hq"),
)


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
@pytest.mark.parametrize("host", UNKNOWN)
def test_an_unknown_host_is_closed_without_a_word(place: WebOffice, host: str, tls: bool) -> None:
    assert place.get(host, tls=tls).status in {0, 400}
    assert not place.hq.seen or place.hq.seen[-1].all("host") != [host]


def test_hosts_that_are_given_twice_or_not_at_all_lead_nowhere(place: WebOffice) -> None:
    before = len(place.hq.seen)
    for more in ("Host: hq.example.com.", "Host: branch.example.com", "host: x"):
        assert ask(place.office, head("hq.example.com", "/PBX0/MY", more)).status == 400
    assert ask(place.office, b"GET /PBX0/MY HTTP/1.1\r\n\r\n").status == 0
    assert ask(place.office, b"GET /PBX0/MY HTTP/1.0\r\n\r\n").status == 0
    assert len(place.hq.seen) == before


def test_a_name_of_other_letters_is_known_by_its_ascii_form(place: WebOffice) -> None:
    assert place.get("xn--bcher-kva.example").status == 503
    place.logged(service="xn--bcher-kva.example", pbx="gone", reason="unreachable")


def test_the_pbx_hears_the_real_address_and_scheme_whatever_the_client_claims(place: WebOffice) -> None:
    claims = ("X-Forwarded-For: 198.51.100.66", "x-forwarded-proto: ftp", "X-Forwarded-Host: evil", "Forwarded: for=1")
    more = (*claims, "X-Real-IP: 198.51.100.66", "X-Edge-Client: [198.51.100.66]:1", "x-forwarded-for: 1.1.1.1")
    for tls, scheme in ((True, "https"), (False, "http")):
        answer = ask(place.office, head("hq.example.com", "/PBX0/MY", *more), tls=tls)
        heard = {name.lower(): value for name, value in answer.said["headers"]}
        assert heard == {"host": "hq.example.com", "x-forwarded-for": HOME, "x-forwarded-proto": scheme}
    six = ask(place.office, head("hq.example.com", "/PBX0/MY"), source="phone-six", address=EDGE_PUBLIC_SIX)
    assert dict(six.said["headers"])["x-forwarded-for"].startswith("2001:db8:")


def test_one_connection_may_ask_several_pbxs_and_each_gets_its_own(place: WebOffice) -> None:
    with connect(place.office) as sock:
        for host, pbx in (("hq.example.com", "hq"), ("branch.example.com", "branch"), ("hq.example.com", "hq")):
            sock.sendall(head(host, "/PBX0/MY"))
            assert read(sock).said["pbx"] == pbx


@pytest.mark.parametrize(
    ("source", "address", "host", "status"),
    [
        ("phone-home", "", "club.example.com", 200),
        ("phone-hotel", "", "club.example.com", 0),
        ("phone-lan", EDGE_LAN, "club.example.com", 0),
        ("phone-lan", EDGE_LAN, "closed.example.com", 200),
        ("phone-home", "", "closed.example.com", 0),
        ("phone-six", EDGE_PUBLIC_SIX, "closed.example.com", 0),
        ("phone-lan", EDGE_LAN, "hq.example.com", 200),
    ],
)
def test_only_allowed_networks_reach_a_pbx(place: WebOffice, source: str, address: str, host: str, status: int) -> None:
    how = {"address": address} if address else {}
    assert place.get(host, source=source, **how).status == status
    if status == 0:
        place.logged(service=host, reason="network", result="rejected")


def test_a_websocket_to_a_pbx_works_beside_pages(place: WebOffice) -> None:
    with connect(place.office) as sock:
        sock.sendall(upgrade("hq.example.com", new_key(), path="/PBX0/WEBSOCKET/x", protocol=""))
        assert sock.recv(4096).startswith(b"HTTP/1.1 101")
        sock.sendall(frame(Kind.TEXT, b"hello"))
        assert sock.recv(4096)[2:] == b"hello"
        assert place.get("hq.example.com").status == 200
        sock.sendall(frame(Kind.TEXT, b"again"))
        assert sock.recv(4096)[2:] == b"again"


def test_a_websocket_where_no_url_allows_it_is_refused(place: WebOffice) -> None:
    assert ask(place.office, upgrade("hq.example.com", new_key(), path="/ws", protocol="")).status == 403


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: hq.example.com\r\n\r\n"
POST = b"POST /PBX0/MY HTTP/1.1\r\nHost: hq.example.com\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + SMUGGLED, id="two lengths"),
        pytest.param(POST + b"Content-Length: 5, 6\r\n\r\nhello" + SMUGGLED, id="a list of lengths"),
        pytest.param(POST + b"Content-Length: +5\r\n\r\nhello" + SMUGGLED, id="a length with a sign"),
        pytest.param(POST + b"Content-Length: -5\r\n\r\n" + SMUGGLED, id="a negative length"),
        pytest.param(POST + b"Content-Length: 0x5\r\n\r\nhello" + SMUGGLED, id="a hexadecimal length"),
        pytest.param(POST + b"Content-Length : 5\r\n\r\nhello" + SMUGGLED, id="a blank before the colon"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, id="an unknown encoding"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + SMUGGLED, id="a chunk without size"),
        pytest.param(
            POST
            + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"%x\r\n" % len(SMUGGLED)
            + SMUGGLED
            + b"\r\n0\r\n\r\n",
            id="length and chunks",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
            id="chunks and identity",
        ),
        pytest.param(b"GET /PBX0/MY HTTP/1.1\r\nHost: hq.example.com\r\nA: b\0c\r\n\r\n" + SMUGGLED, id="a NUL"),
        pytest.param(b"GET /PBX0/MY HTTP/1.1\nHost: hq.example.com\nX: y\rz\n\n" + SMUGGLED, id="a bare CR"),
        pytest.param(b"GET /PBX0/MY\r\n\r\n" + SMUGGLED, id="no version"),
        pytest.param(b"GET  /PBX0/MY HTTP/1.1\r\nHost: hq.example.com\r\n\r\n", id="two blanks"),
        pytest.param(b"GET /PBX0/MY HTTP/2.0\r\nHost: hq.example.com\r\n\r\n", id="another version"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 100, id="half of HTTP/2"),
        pytest.param(b"CONNECT hq.example.com:80 HTTP/1.1\r\nHost: hq.example.com:80\r\n\r\n", id="CONNECT"),
        pytest.param(b"TRACE /PBX0/MY HTTP/1.1\r\nHost: hq.example.com\r\n\r\n", id="TRACE"),
        pytest.param(b"GET /PBX0/MY HTTP/1.1\r\nHost: hq.example.com\r\nA: " + b"b" * 20_000 + b"\r\n\r\n", id="huge"),
        pytest.param(
            b"GET /PBX0/MY HTTP/1.1\r\nHost: hq.example.com\r\n" + b"A: b\r\n" * 2000 + b"\r\n", id="2,000 headers"
        ),
        pytest.param(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: hq.example.com\r\n\r\n", id="a huge path"),
    ],
)
@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_no_request_hides_in_another_and_nothing_huge_gets_through(
    place: WebOffice, request_: bytes, tls: bool
) -> None:
    assert ask(place.office, request_, tls=tls).status in {0, 200, 400, 403, 405, 501, 505}
    # The next request of somebody else gets its own answer, and the hidden one was never a request.
    assert place.get("hq.example.com", "/PBX0/MY/own").said["target"] == "/PBX0/MY/own"
    assert not [seen for seen in place.hq.seen if "smuggled" in seen.target or seen.method in {"CONNECT", "TRACE"}]
    assert all(len(str(seen.headers)) < 16_000 for seen in place.hq.seen)


def test_whoever_sends_a_request_too_slowly_is_cut_off_and_hinders_nobody(place: WebOffice) -> None:
    slow = [connect(place.office, tls=tls) for tls in (True, False) for _ in range(20)]
    for sock in slow:
        sock.sendall(b"GET /PBX0/MY HTTP/1.1\r\nHost: hq.example.com\r\nX-A: ")
    assert place.get("hq.example.com").status == 200
    for sock in slow:
        with sock:
            assert read(sock).status == 408
    place.logged(40, reason="malformed", request="")


def test_a_pbx_that_is_not_there_is_told_apart_from_one_that_refuses(place: WebOffice) -> None:
    assert place.get("gone.example.com").status == 503
    (line,) = place.logged(service="gone.example.com", reason="unreachable")
    assert (line["result"], line["pbx"], line["node"]) == ("rejected", "gone", "192.168.1.20")
    for path, more, reason in (
        ("/status/401", (), ""),
        ("/status/401", ("Authorization: Basic eDp5",), "pbx"),
        ("/status/403", (), "pbx"),
        ("/status/503", (), ""),
    ):
        count = len(place.logged(0, request=f"GET {path}", reason=reason))
        assert ask(place.office, head("hq.example.com", path, *more)).status == int(path[-3:])
        place.logged(count + 1, request=f"GET {path}", reason=reason, result="forwarded")


def test_every_line_of_the_access_log_has_all_fields_and_is_one_line(place: WebOffice) -> None:
    place.get("hq.example.com", '/PBX0/MY"}\\u0000{')
    place.get('x"} {"time', "/x")
    (line,) = place.logged(request="GET /PBX0/MY", protocol="https", service="hq.example.com", requester=HOME)[:1]
    assert (line["pbx"], line["node"], line["result"], line["status"]) == ("hq", "192.168.1.20", "forwarded", 200)
    assert line["bytes_in"] > 50
    assert line["bytes_out"] > 100
    for text in (place.office.folder / "state" / "access.log").read_text().splitlines():
        assert tuple(json.loads(text)) == FIELDS, text


def test_old_tls_and_weak_ciphers_are_refused(place: WebOffice) -> None:
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connect(place.office, version=version)
    place.logged(2, reason="handshake", protocol="https", requester=HOME)
    for good in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with connect(place.office, version=good) as sock:
            assert isinstance(sock, ssl.SSLSocket)
            assert "GCM" in str(sock.cipher()) or "CHACHA20" in str(sock.cipher())


def test_the_path_of_acme_is_nobody_elses(place: WebOffice) -> None:
    before = len(place.branch.seen)
    answer = place.get("branch.example.com", "/.well-known/acme-challenge/token", tls=False)
    assert answer.status in {404, 503}
    assert len(place.branch.seen) == before
