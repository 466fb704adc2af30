"""The peers' SIP: messages whole, byte by byte and truncated; dialogs, digest, witness, Path and registrations."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest

from lab.g711 import Law
from lab.peers import dialog as dialogs
from lab.peers import digest, sdp
from lab.peers.address import AddressError, Hop, parse_name_addr, parse_uri
from lab.peers.digest import Account
from lab.peers.message import (
    MessageError,
    Request,
    Response,
    StreamReader,
    encode,
    parse_datagram,
    split_list,
)
from lab.peers.registrar import Registrar
from lab.peers.witness import Witness

INVITE = (
    b"INVITE sip:600@example.com SIP/2.0\r\n"
    b"v: SIP/2.0/TLS 10.0.0.50:40000;branch=z9hG4bKa;rport, SIP/2.0/UDP 10.0.0.51;branch=z9hG4bKb\r\n"
    b'f: "a, \\"b\\"" <sip:alice@example.com>;tag=1\r\n'
    b"t: <sip:600@example.com>\r\n"
    b"i: abc\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Record-Route: <sip:a.example;lr>,\r\n  <sip:b.example;lr;x=1>\r\n"
    b"m: <sip:alice@10.0.0.50:40000;transport=tls>\r\n"
    b"l: 4\r\n\r\nv=0\n"
)
OK = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.50;branch=z9hG4bKc\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
    b"Call-ID: x\r\nCSeq: 1 INVITE\r\nRecord-Route: <sip:1;lr>, <sip:2;lr>\r\nContact: <sip:c@9.9.9.9>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def invite() -> Request:
    message = parse_datagram(INVITE)
    assert isinstance(message, Request)
    return message


def ok() -> Response:
    message = parse_datagram(OK)
    assert isinstance(message, Response)
    return message


def test_a_message_is_read_with_compact_forms_lists_and_folding() -> None:
    message = invite()
    assert message.all("Via")[1] == "SIP/2.0/UDP 10.0.0.51;branch=z9hG4bKb"
    assert message.all("Record-Route") == ("<sip:a.example;lr>", "<sip:b.example;lr;x=1>")
    assert (message.branch, message.cseq, message.cseq_method) == ("z9hG4bKa", 7, "INVITE")
    assert message.body == b"v=0\n"


def test_a_written_message_reads_back() -> None:
    assert parse_datagram(encode(invite())) == invite()
    assert parse_datagram(encode(ok())) == ok()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
def test_a_stream_gives_the_same_messages_however_it_is_cut(size: int) -> None:
    reader = StreamReader()
    data = INVITE + b"\r\n\r\n" + OK + b"\r\n" + INVITE
    out = [m for n in range(0, len(data), size) for m in reader.feed(data[n : n + size])]
    assert out == [invite(), ok(), invite()]
    assert reader.pings == 1
    assert reader.pending == 0


def test_a_truncated_stream_gives_nothing_and_waits() -> None:
    for end in range(len(INVITE)):
        assert StreamReader().feed(INVITE[:end]) == []


def test_a_truncated_datagram_is_an_error_or_a_keepalive() -> None:
    for end in range(1, len(INVITE)):
        with pytest.raises(MessageError):
            parse_datagram(INVITE[:end])
    assert parse_datagram(b"\r\n\r\n") is None
    assert parse_datagram(b"\0\0\0\0") is None


def test_octets_after_the_body_of_a_datagram_are_dropped() -> None:
    assert parse_datagram(INVITE + b"more") == invite()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nno colon\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nVia: \xff\xfe\r\n\r\n",
    ],
)
def test_what_is_no_sip_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse_datagram(data)


def test_a_stream_needs_content_length_and_an_end_of_headers() -> None:
    with pytest.raises(MessageError):
        StreamReader().feed(b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\n")
    with pytest.raises(MessageError):
        StreamReader().feed(b"x" * 70_000)


def test_lists_are_cut_at_their_own_commas_only() -> None:
    assert split_list('"a,b" <sip:c,d@e>;x=1, <sip:f>') == ['"a,b" <sip:c,d@e>;x=1', "<sip:f>"]


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("sip:example.com", Hop("udp", "example.com", 5060)),
        ("sip:a@1.2.3.4:5070;transport=TCP;lr", Hop("tcp", "1.2.3.4", 5070)),
        ("sip:[2001:db8::1];transport=tls", Hop("tls", "2001:db8::1", 5061)),
        ("sips:a@b", Hop("tls", "b", 5061)),
    ],
)
def test_a_uri_says_where_to_go(text: str, hop: Hop) -> None:
    assert parse_uri(text).hop() == hop
    assert str(parse_uri(text)) == text


@pytest.mark.parametrize("text", ["", "tel:123", "sip:", "sip:a@b c", "http://x"])
def test_other_uris_are_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_uri(text)


def test_without_brackets_parameters_belong_to_the_header() -> None:
    bare, inner = parse_name_addr("sip:a@b;tag=1"), parse_name_addr("<sip:a@b;tag=1>")
    assert (bare.param("tag"), inner.param("tag"), inner.uri.param("tag")) == ("1", None, "1")


def test_the_called_side_keeps_the_route_order_and_the_caller_reverses_it() -> None:
    called = dialogs.accepted(invite(), "t", 100)
    assert called.routes == ("<sip:a.example;lr>", "<sip:b.example;lr;x=1>")
    caller = dialogs.established(replace(invite(), headers=ok().headers), ok())
    assert caller.routes == ("<sip:2;lr>", "<sip:1;lr>")
    bye = dialogs.request(caller, "BYE", 2)
    assert (bye.uri, dialogs.next_hop(bye)) == ("sip:c@9.9.9.9", Hop("udp", "2", 5060))


def test_a_strict_router_takes_the_request_uri() -> None:
    caller = dialogs.established(replace(invite(), headers=ok().headers), ok())
    bye = dialogs.request(replace(caller, routes=("<sip:old.example>", "<sip:2;lr>")), "BYE", 2)
    assert bye.uri == "sip:old.example"
    assert bye.all("Route") == ("<sip:2;lr>", "<sip:c@9.9.9.9>")
    # A loose router follows, but the strict one has to get the message first.
    assert dialogs.next_hop(replace(bye, headers=())) == Hop("udp", "old.example", 5060)


def test_digest_gives_the_value_of_rfc_2617() -> None:
    account = Account("Mufasa", "Circle Of Life")
    middle = "00000001:0a4f113b:auth"
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    got = digest.response(account, "testrealm@host.com", nonce, ("GET", "/dir/index.html"), middle)
    assert got == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(("password", "method", "nonce", "right"), [
    ("secret", "REGISTER", "n", True),
    ("other", "REGISTER", "n", False),
    ("secret", "INVITE", "n", False),
    ("secret", "REGISTER", "old", False),
])  # fmt: skip
def test_digest_accepts_only_what_it_asked_for(password: str, method: str, nonce: str, right: bool) -> None:
    asked = digest.challenge("pbx", nonce)
    given = digest.answer(asked, Account("alice", password), "REGISTER", "sip:x", "c")
    assert digest.accepts(given, "secret", "pbx", "n", method) is right


def register(*headers: tuple[str, str]) -> Request:
    to = ("To", "<sip:alice@example.com>")
    return Request((to, ("Contact", "<sip:alice@10.0.0.50:5060>"), *headers), method="REGISTER", uri="sip:example.com")


def test_path_without_supported_is_refused() -> None:
    registrar = Registrar("pbx", "n")
    path = ("Path", "<sip:192.168.1.10;lr>")
    assert registrar.register(register(path), 0).code == 420
    answer = registrar.register(register(path, ("Supported", "path")), 0)
    assert (answer.code, answer.headers[-1]) == (200, path)
    binding = registrar.find("alice", 1)
    assert binding is not None
    assert binding.path == ("<sip:192.168.1.10;lr>",)


def test_a_registration_ends_with_its_time_or_at_zero() -> None:
    registrar = Registrar("pbx", "n")
    registrar.register(register(("Expires", "60")), 0)
    assert registrar.find("alice", 59) is not None
    assert registrar.find("alice", 61) is None
    registrar.register(register(("Expires", "60")), 100)
    registrar.register(register(("Expires", "0")), 101)
    assert registrar.find("alice", 102) is None


def test_a_user_with_a_password_is_challenged() -> None:
    registrar = Registrar("pbx", "n", {"alice": "secret", "bob": "word"})
    first = registrar.register(register(), 0)
    assert first.code == 401
    for account, code in (
        (Account("alice", "secret"), 200),
        (Account("alice", "x"), 401),
        (Account("bob", "word"), 403),
    ):
        value = digest.answer(first.headers[0][1], account, "REGISTER", "sip:example.com", "c")
        assert registrar.register(register(("Authorization", value)), 0).code == code


def test_the_witness_sees_forbidden_addresses_wherever_they_hide() -> None:
    witness = Witness((ip_network("192.168.1.0/24"), ip_network("2001:db8:1::/64")))
    body = sdp.write(sdp.Audio("192.168.1.10", 10000, Law.PCMU), 1, 1)
    headers = (
        ("Via", "SIP/2.0/UDP 203.0.113.45;branch=z9hG4bK1.2"),
        ("Record-Route", "<sip:[2001:db8:1::10];lr>"),
        ("Contact", "<sip:a@203.0.113.45;e=192.168.1.20~5060~1>"),
    )
    witness.look(Request(headers, body, method="INVITE", uri="sip:a"), "INVITE")
    assert witness.report() == {
        "Contact": ["192.168.1.20", "203.0.113.45"],
        "Record-Route": ["2001:db8:1::10"],
        "Via": ["203.0.113.45"],
        "c=": ["192.168.1.10"],
        "o=": ["192.168.1.10"],
    }
    assert len(witness.violations) == 4


def test_sdp_reads_back_and_srtp_shows() -> None:
    audio = sdp.Audio("2001:db8::1", 4000, Law.PCMA, sdp.Direction.SEND)
    assert sdp.read(sdp.write(audio, 1, 1)) == audio
    assert audio.direction.answered() is sdp.Direction.RECEIVE
    for body in (b"", b"v=0\r\nm=audio 1 RTP/AVP 96\r\n", b"c=IN IP4 1.2.3.4\r\nm=audio 1 RTP/AVP 9\r\n"):
        with pytest.raises(sdp.SdpError):
            sdp.read(body)
