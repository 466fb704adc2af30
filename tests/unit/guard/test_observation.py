"""An observation's line can be read by programs, whatever an attacker writes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.guard.observation import Kind, Observation, ServiceType, line_of, requester_of

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
#: As a filter of fail2ban has it.
FAILREGEX = re.compile(r"event=auth_failure src_ip=(?P<host>\S+) ")


def of(source: str = "203.0.113.9", *, name: str = "", user: str = "", detail: str = "") -> Observation:
    return Observation(AT, ip_address(source), ServiceType.SIP, Kind.AUTH_FAILURE, name, user, detail)


def test_the_line_is_the_documented_one() -> None:
    assert line_of(of(name="example.com", user="100", detail="403")) == (
        "event=auth_failure src_ip=203.0.113.9 protocol=sip name=example.com user=100 proven=yes detail=403"
    )


def test_nothing_stands_as_a_hyphen() -> None:
    assert line_of(of("2001:db8::9")) == (
        "event=auth_failure src_ip=2001:db8::9 protocol=sip name=- user=- proven=yes detail=-"
    )


@given(text=st.text(max_size=200))
def test_no_text_of_a_packet_can_add_a_field_or_a_line(text: str) -> None:
    line = line_of(of(name=text, user=text, detail=text))
    assert re.fullmatch(r"[a-z_]+=\S+( [a-z_]+=\S+)*", line)
    assert len(line) < 400
    found = FAILREGEX.findall(line)
    assert found == ["203.0.113.9"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("fe80::1%eth0", "fe80::1"),
        ("example.com", None),
        ("", None),
        ("203.0.113.900", None),
    ],
)
def test_a_requester_is_an_address_in_its_plain_form(text: str, address: str | None) -> None:
    assert requester_of(text) == (ip_address(address) if address else None)
