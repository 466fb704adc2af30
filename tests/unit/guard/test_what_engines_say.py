"""What engines' own logs say of failed handshakes and of what is no SIP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.guard.world import START
from voxgate.config.guard import Guard
from voxgate.guard.access import observation_of
from voxgate.guard.handshakes import fault
from voxgate.guard.observation import Kind, Observation, ServiceType
from voxgate.guard.rules import Rules, rules_of
from voxgate.guard.sip_lines import SipLines
from voxgate.wire.access_line import AccessLine

HTTP_REQUEST = "error:0A00009C:SSL routines::http request"
NO_CIPHER = "error:0A0000C1:SSL routines::no shared cipher"
OLD = "error:0A000102:SSL routines::unsupported protocol"
ENDED = "error:0A000126:SSL routines::unexpected eof while reading"
UNKNOWN_CA = "error:0A000418:SSL routines::tlsv1 alert unknown ca"
EXPIRED = "error:0A000415:SSL routines::sslv3 alert certificate expired"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (HTTP_REQUEST, (Kind.BAD_TLS, "http-request")),
        (NO_CIPHER, (Kind.OLD_TLS, "no-shared-cipher")),
        (f"{NO_CIPHER} (sni: unknown)", (Kind.OLD_TLS, "no-shared-cipher")),
        (OLD, (Kind.OLD_TLS, "unsupported-protocol")),
        # The same number in another library's list of reasons.
        ("error:04000102:digital envelope routines::whatever", (Kind.BAD_TLS, "whatever")),
        (UNKNOWN_CA, None),
        (EXPIRED, None),
        (ENDED, None),
        ("", None),
        ("error:0A00009C:SSL routines::", (Kind.BAD_TLS, "no-tls")),
    ],
)
def test_who_refuses_our_certificate_or_just_goes_has_done_nothing_wrong(
    words: str, said: tuple[Kind, str] | None
) -> None:
    assert fault(words) == said


@pytest.mark.parametrize(("protocol", "service"), [("https", "http"), ("ldaps", "ldap"), ("h323s", "h323")])
def test_a_failed_handshake_of_haproxy_is_suspicious(protocol: str, service: str) -> None:
    line = AccessLine("", protocol, "203.0.113.9", reason="handshake", request=HTTP_REQUEST)
    seen = observation_of(line, START)
    assert seen is not None
    assert (seen.protocol, seen.kind, seen.detail) == (service, Kind.BAD_TLS, "http-request")
    refused = AccessLine("", protocol, "203.0.113.9", reason="handshake", request=UNKNOWN_CA)
    assert observation_of(refused, START) is None
    old = observation_of(AccessLine("", protocol, "203.0.113.9", reason="handshake", request=OLD), START)
    assert old is not None
    assert (old.kind, Rules(weights=weights()).weight(old)) == (Kind.OLD_TLS, 0)


def weights() -> dict[Kind, int]:
    return dict(rules_of(Guard(), ()).weights)


def heard(*messages: str) -> list[Observation]:
    log = SipLines()
    return [seen for message in messages if (seen := log.feed(message.encode(), START)) is not None]


def error(process: int, said: str) -> str:
    return f"{process:2}({1000 + process}) ERROR: {said}"


def rest(process: int, said: str) -> str:
    """What may be the rest of the last message of a process, in parts of 128 bytes."""
    return f"(continued by {1000 + process}) {said}"


def accept(process: int, words: str, asked: str = "unknown") -> str:
    return error(process, f"tls [tls_util.h:50]: tls_err_ret(): TLS accept:{words} (sni: {asked})")


def source(process: int, address: str) -> str:
    return error(process, f"tls [tls_server.c:1334]: tls_h_read_f(): src addr: {address}:51022")


def no_sip(process: int, address: str, transport: int) -> str:
    said = f"core parsing of SIP message failed ({address}:5060/{transport})"
    return error(process, f"<core> [core/receive.c:376]: receive_msg(): {said}")


def test_a_failed_handshake_of_kamailio_is_told_in_two_messages_of_one_process() -> None:
    seen = heard(
        *(accept(5, HTTP_REQUEST), accept(6, UNKNOWN_CA), accept(7, OLD)),
        *(source(6, "198.51.100.7"), source(7, "[2001:db8::9]"), source(5, "203.0.113.9"), source(5, "203.0.113.9")),
    )
    assert [(str(one.requester), one.kind, one.protocol, one.detail, one.proven) for one in seen] == [
        ("2001:db8::9", Kind.OLD_TLS, ServiceType.SIP, "unsupported-protocol", True),
        ("203.0.113.9", Kind.BAD_TLS, ServiceType.SIP, "http-request", True),
    ]


def test_a_source_that_does_not_follow_its_reason_at_once_is_not_the_reasons() -> None:
    other = error(5, "<core> [core/tcp_read.c:1476]: tcp_read_req(): ERROR: tcp_read_req: error reading")
    assert heard(accept(5, HTTP_REQUEST), other, source(5, "203.0.113.9")) == []
    assert heard(source(5, "203.0.113.9")) == []


@pytest.mark.parametrize(("transport", "proven"), [(1, False), (2, True), (3, True)])
@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::9"])
def test_what_is_no_sip_is_proven_where_it_did_not_come_in_a_datagram(
    address: str, transport: int, proven: bool
) -> None:
    (seen,) = heard(no_sip(9, address, transport))
    assert (str(seen.requester), seen.kind, seen.proven) == (address, Kind.MALFORMED, proven)


VICTIM = "198.51.100.7"
_QUOTE = "<core> [core/parser/msg_parser.c:749]: parse_msg(): ERROR: parse_msg: message="


@pytest.mark.parametrize(
    "messages",
    [
        # Lines of a packet inside of what Kamailio says of it, or of a name that a TLS client asks for.
        [error(5, f"{_QUOTE}<x\n{no_sip(5, VICTIM, 2)}\n>")],
        [error(5, f"{_QUOTE}{no_sip(5, VICTIM, 2)}")],
        [error(5, f"{_QUOTE}<{accept(5, HTTP_REQUEST)}\n{source(5, VICTIM)}\n>")],
        [accept(5, UNKNOWN_CA, f"x\n{no_sip(5, VICTIM, 2)}")],
        [accept(5, UNKNOWN_CA, f"TLS accept:{HTTP_REQUEST}"), source(5, VICTIM)],
        # Something stands before or after what Kamailio writes.
        [rest(5, no_sip(5, VICTIM, 2))],
        [error(5, "something else"), rest(5, no_sip(5, VICTIM, 2))],
        [f"{no_sip(5, VICTIM, 2)}\n"],
        [f"x{no_sip(5, VICTIM, 2)}"],
        [no_sip(5, VICTIM, 2).replace("ERROR", "NOTICE")],
        [accept(5, HTTP_REQUEST), f"{source(5, VICTIM)} x"],
        # The rest of one process' message, in the name of another one.
        [accept(5, HTTP_REQUEST), rest(4, source(5, VICTIM))],
        [error(5, f"{_QUOTE}<x"), rest(4, no_sip(5, VICTIM, 2))],
        # A rest that can follow what is quoted: with the end of the quotation, or as a whole part.
        [accept(5, HTTP_REQUEST, "x"), rest(5, f"{source(5, VICTIM)}\n)")],
        [accept(5, HTTP_REQUEST, "x"), rest(5, f"{source(5, VICTIM)})")],
        [accept(5, HTTP_REQUEST, "x"), rest(5, f"{source(5, VICTIM)}".ljust(127) + "\n)")],
        [error(5, f"{_QUOTE}<x"), rest(5, f"{no_sip(5, VICTIM, 2)}>")],
        [error(5, f"{_QUOTE}<x"), rest(5, f"{no_sip(5, VICTIM, 2)}\n>")],
        [error(5, f"{_QUOTE}<x"), rest(5, source(5, VICTIM))],
        [accept(5, HTTP_REQUEST), rest(5, no_sip(5, VICTIM, 2))],
    ],
)
def test_nothing_that_is_quoted_accuses_anybody(messages: list[str]) -> None:
    assert heard(*messages) == []


def test_a_message_after_one_as_long_as_a_part_counts_where_it_cannot_be_its_rest() -> None:
    seen = heard(
        *(accept(5, HTTP_REQUEST), rest(5, source(5, VICTIM))),
        *(error(6, f"{_QUOTE}<x>"), rest(6, no_sip(6, VICTIM, 3))),
    )
    assert [(one.kind, one.proven) for one in seen] == [(Kind.BAD_TLS, True), (Kind.MALFORMED, True)]


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_no_message_does_harm(messages: list[bytes]) -> None:
    log = SipLines()
    for said in messages:
        log.feed(accept(1, "error:").encode() + said, START)
        log.feed(source(1, "").encode() + said, START)
    fault(b"".join(messages).decode("latin-1"))
