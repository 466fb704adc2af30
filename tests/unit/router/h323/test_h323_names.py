"""Which service a gatekeeper ID or a called party asks for; odd ones ask for none."""

from __future__ import annotations

import pytest

from tests.unit.router.h323.vectors import VALID, Vector, frames, rows
from voxgate.router.h323.messages import Alias, read
from voxgate.router.h323.names import called_domain, service_name
from voxgate.router.h323.tpkt import HEADER

LABEL = "a" * 63


@pytest.mark.parametrize(
    ("gatekeeper_id", "expected"),
    [
        ("example.com", "example.com"),
        ("hq@example.com", "example.com"),
        ("hq@example.com/branch", "example.com/branch"),
        ("example.com/hq:hq-standby", "example.com/hq"),
        ("berlin@example.com/hq:hq-standby", "example.com/hq"),
        ("example.com/hq-standby", "example.com/hq-standby"),
        ("EXAMPLE.com/Branch", "example.com/branch"),
        ("example.com.", "example.com"),
        ("bücher.example/b_1.2", "xn--bcher-kva.example/b_1.2"),
        ("x", "x"),
        ("@example.com", "example.com"),
        ("a@b@example.com", "example.com"),
        ("example.com/", "example.com"),
        ("example.com/:standby", "example.com"),
        ("example.com/hq:", "example.com/hq"),
        (f"{LABEL}.example", f"{LABEL}.example"),
    ],
)
def test_a_gatekeeper_id_names_a_service(gatekeeper_id: str, expected: str) -> None:
    assert service_name(gatekeeper_id) == expected


@pytest.mark.parametrize(
    "gatekeeper_id",
    [
        *("", "@", "/", ":", "hq@/branch", "example.com:standby", "example.com/a:b:c"),
        *("example.com/a/b", "example.com/a@b", "a/b@example.com", "example.com/-a", "example.com/.."),
        *("example.com/köln", "example.com/a b", " example.com", "example.com ", "exa mple.com", "-a.example"),
        *("example..com", "example.com\0evil", "a\r\nX: y", "example.com/\ud800", "\ud800.example", "ex%61mple.com"),
        *(f"{LABEL}a.example", "*.example.com", "[2001:db8::1]", "example.com\n"),
    ],
)
def test_what_is_no_gatekeeper_id_names_none(gatekeeper_id: str) -> None:
    assert service_name(gatekeeper_id) == ""


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        ([("url-ID", "h323:bob@example.com")], "example.com"),
        ([("url-ID", "H323:bob@Example.COM:1720;x=y")], "example.com"),
        ([("url-ID", "sip:bob@example.com?subject=a@b.example")], "example.com"),
        ([("url-ID", "bob@example.com")], "example.com"),
        ([("email-ID", "bob@example.com")], "example.com"),
        ([("h323-ID", "bob@example.com")], "example.com"),
        ([("dialledDigits", "4711"), ("url-ID", "bob@example.com")], "example.com"),
        ([("h323-ID", "bob"), ("email-ID", "bob@example.com")], "example.com"),
        ([("url-ID", "bob@example.com"), ("email-ID", "bob@other.example")], "example.com"),
        ([("h323-ID", "bob@")], ""),
        ([("h323-ID", "bob")], ""),
        ([("url-ID", "h323:bob@[2001:db8::1]:1720")], ""),
        ([("url-ID", "h323:bob@exa\nmple.com")], ""),
        ([("dialledDigits", "4711")], ""),
        ([("partyNumber", "")], ""),
        ([], ""),
    ],
)
def test_a_call_without_registration_goes_to_the_domain_of_the_called_party(
    called: list[tuple[str, str]], expected: str
) -> None:
    assert called_domain(Alias(kind, text) for kind, text in called) == expected


#: Rows whose ID needs a decision: it stands in the table above.
DECIDED = {
    *("c_rrq_upper", "c_grq_twoslash", "c_rrq_twoslash", "c_rrq_nodomain", "c_rrq_nul", "c_grq_space", "c_grq_crlf"),
    *("c_grq_umlaut", "c_rrq_umlaut", "c_grq_long128", "c_rrq_long128"),
}


@pytest.mark.parametrize(**rows(tuple(one for one in VALID if one.name not in DECIDED)))
def test_the_vectors_go_where_they_were_meant_to(vector: Vector) -> None:
    for frame in frames(vector.octets):
        message = read(frame[HEADER:])
        asked = [ras.gatekeeper_id for ras in message.ras if ras.kind in {"GRQ", "RRQ"}]
        if asked:
            assert service_name(asked[0] or "") == (vector.route or "")
        elif message.call:
            assert called_domain(message.call.called) == (vector.route or "")
