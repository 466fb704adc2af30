"""What engines' own logs say of failed handshakes and of what is no SIP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.guard.world import START
from voxgate.guard.access import observation_of
from voxgate.guard.handshakes import fault
from voxgate.guard.observation import Kind, Observation, ServiceType
from voxgate.guard.sip_lines import SipLines
from voxgate.wire.access_line import AccessLine

HTTP_REQUEST = "error:0A00009C:SSL routines::http request"
NO_CIPHER = "error:0A0000C1:SSL routines::no shared cipher"
UNKNOWN_CA = "error:0A000418:SSL routines::tlsv1 alert unknown ca"
EXPIRED = "error:0A000415:SSL routines::sslv3 alert certificate expired"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (HTTP_REQUEST, "http-request"),
        (NO_CIPHER, "no-shared-cipher"),
        (f"{NO_CIPHER} (sni: unknown)", "no-shared-cipher"),
        (UNKNOWN_CA, None),
        (EXPIRED, None),
        ("", None),
        ("error:0A0000C1:SSL routines::", "no-tls"),
    ],
)
def test_who_refuses_our_certificate_or_just_goes_has_done_nothing_wrong(words: str, said: str | None) -> None:
    assert fault(words) == said


@pytest.mark.parametrize(("protocol", "service"), [("https", "http"), ("ldaps", "ldap"), ("h323s", "h323")])
def test_a_failed_handshake_of_haproxy_is_suspicious(protocol: str, service: str) -> None:
    line = AccessLine("", protocol, "203.0.113.9", reason="handshake", request=HTTP_REQUEST)
    seen = observation_of(line, START)
    assert seen is not None
    assert (seen.protocol, seen.kind, seen.detail) == (service, Kind.BAD_TLS, "http-request")
    refused = AccessLine("", protocol, "203.0.113.9", reason="handshake", request=UNKNOWN_CA)
    assert observation_of(refused, START) is None


def heard(*lines: str) -> list[Observation]:
    log = SipLines()
    return [seen for line in lines if (seen := log.feed(line.encode(), START)) is not None]


def accept(process: int, words: str) -> str:
    return f"{process}({1000 + process}) ERROR: tls [tls_util.h:50]: tls_err_ret(): TLS accept:{words} (sni: unknown)"


def source(process: int, address: str) -> str:
    return f"{process}({1000 + process}) ERROR: tls [tls_server.c:1334]: tls_h_read_f(): src addr: {address}:51022"


def test_a_failed_handshake_of_kamailio_is_told_in_two_lines_of_one_process() -> None:
    seen = heard(
        *(accept(5, HTTP_REQUEST), accept(6, UNKNOWN_CA), accept(7, NO_CIPHER)),
        *(source(6, "198.51.100.7"), source(7, "2001:db8::9"), source(5, "203.0.113.9"), source(5, "203.0.113.9")),
    )
    assert [(str(one.requester), one.kind, one.protocol, one.detail, one.proven) for one in seen] == [
        ("2001:db8::9", Kind.BAD_TLS, ServiceType.SIP, "no-shared-cipher", False),
        ("203.0.113.9", Kind.BAD_TLS, ServiceType.SIP, "http-request", False),
    ]


@pytest.mark.parametrize("transport", [1, 2])
def test_what_is_no_sip_is_told_in_one_line_which_packets_can_bring_and_so_proves_nothing(transport: int) -> None:
    (seen,) = heard(f"9(1009) ERROR: <core>: core parsing of SIP message failed (203.0.113.9:5060/{transport})")
    assert (str(seen.requester), seen.kind, seen.proven) == ("203.0.113.9", Kind.MALFORMED, False)


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_no_line_does_harm(lines: list[bytes]) -> None:
    log = SipLines()
    for line in lines:
        log.feed(b"1(1) TLS accept:error:" + line, START)
        log.feed(b"1(1) src addr: " + line, START)
    assert fault(b"".join(lines).decode("latin-1")) != ""
