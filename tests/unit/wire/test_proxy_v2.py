from __future__ import annotations

import time
import tracemalloc
from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.errors import PeerError
from voxgate.wire.proxy_v2 import LONGEST, SIGNATURE, End, Header, Tls, build, parse

# In HAProxy's form, for `proxy-v2-options ssl,cert-cn,authority` and a client with a trusted certificate.
CERTIFIED = (
    SIGNATURE
    + bytes.fromhex("2111 0049 c6336407 cb00712d c350 027c".replace(" ", ""))
    + b"\x02\x00\x11hq.office.example"
    + b"\x20\x00\x26\x03\x00\x00\x00\x00\x21\x00\x07TLSv1.3\x22\x00\x146c7a90300102.example"
)
SOURCE = End(ip_address("198.51.100.7"), 50000)
EDGE = End(ip_address("203.0.113.45"), 636)


def header_of(family: int, body: bytes, *, version: int = 0x21) -> bytes:
    return SIGNATURE + bytes((version, family)) + len(body).to_bytes(2, "big") + body


V4 = bytes.fromhex("c6336407cb00712dc350027c")
V6 = ip_address("2001:db8::7").packed + ip_address("2001:db8:1::45").packed + bytes.fromhex("c350027c")
MAPPED = ip_address("::ffff:198.51.100.7").packed + ip_address("::ffff:203.0.113.45").packed + V4[8:]


@pytest.mark.parametrize(
    ("data", "header"),
    [
        pytest.param(header_of(0x11, V4), Header(SOURCE, EDGE), id="IPv4"),
        pytest.param(
            header_of(0x21, V6),
            Header(End(ip_address("2001:db8::7"), 50000), End(ip_address("2001:db8:1::45"), 636)),
            id="IPv6",
        ),
        pytest.param(header_of(0x21, MAPPED), Header(SOURCE, EDGE), id="IPv4 in IPv6 form is IPv4"),
        pytest.param(
            CERTIFIED,
            Header(
                SOURCE,
                EDGE,
                Tls("TLSv1.3", certificate=True, verify=0, common_name="6c7a90300102.example"),
                authority="hq.office.example",
            ),
            id="TLS facts",
        ),
        pytest.param(header_of(0x11, V4 + b"\x20\x00\x05\x00\x00\x00\x00\x00"), Header(SOURCE, EDGE), id="no TLS"),
        pytest.param(header_of(0x11, V4 + b"\xe0\x00\x02ab"), Header(SOURCE, EDGE), id="a field nobody knows"),
        pytest.param(header_of(0x11, V4 + b"\x02\x00\x01\xff"), Header(SOURCE, EDGE, authority="�"), id="no UTF-8"),
        pytest.param(header_of(0, b"", version=0x20), Header(), id="a health check"),
        pytest.param(header_of(0x11, V4, version=0x20), Header(), id="a health check that names addresses"),
        pytest.param(header_of(0x31, bytes(216)), Header(), id="unix"),
    ],
)
def test_a_header_is_read_whole_and_byte_by_byte_whatever_follows(data: bytes, header: Header) -> None:
    assert parse(data) == (header, len(data))
    assert parse(data + b"\x30\x0c\x02") == (header, len(data))
    for length in range(len(data)):
        assert parse(data[:length]) is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x30\x0c\x02\x01\x01\x60", id="LDAP without a header"),
        pytest.param(b"PROXY TCP4 198.51.100.7 203.0.113.45 50000 636\r\n", id="version 1"),
        pytest.param(header_of(0x11, V4, version=0x31), id="version 3"),
        pytest.param(header_of(0x11, V4, version=0x22), id="a command nobody knows"),
        pytest.param(header_of(0x41, V4), id="a family nobody knows"),
        pytest.param(header_of(0x11, V4[:-1]), id="half an address"),
        pytest.param(header_of(0x21, V4), id="IPv6 with IPv4 addresses"),
        pytest.param(header_of(0x31, bytes(215)), id="half a path"),
        pytest.param(header_of(0x11, V4 + b"\x02\x00"), id="half a field"),
        pytest.param(header_of(0x11, V4 + b"\x02\x00\x09short"), id="a field that is cut short"),
        pytest.param(header_of(0x11, V4 + b"\x20\x00\x04\x01\x00\x00\x00"), id="half of TLS"),
        pytest.param(header_of(0x11, V4 + b"\x20\x00\x07\x01\x00\x00\x00\x00\x22\x00"), id="half a name"),
        pytest.param(SIGNATURE + b"\x21\x11\xff\xff", id="oversized, refused before it is there"),
    ],
)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(PeerError):
        parse(data)


def test_only_a_certificate_that_was_shown_and_verified_is_trusted() -> None:
    assert Tls(certificate=True, verify=0).trusted
    assert not Tls(certificate=False, verify=0, common_name="somebody").trusted
    assert not Tls(certificate=True, verify=18, common_name="somebody").trusted


@pytest.mark.parametrize(
    ("flags", "verify", "facts"),
    [
        (0x00, 0, None),
        (0x02, 0, None),
        (0x01, 0, Tls()),
        (0x03, 0, Tls(certificate=True)),
        (0x05, 0, Tls(certificate=True)),
        (0x03, 0x0100, Tls(certificate=True, verify=256)),
        (0x07, 18, Tls(certificate=True, verify=18)),
    ],
)
def test_a_certificate_was_shown_only_where_haproxy_says_so(flags: int, verify: int, facts: Tls | None) -> None:
    field = b"\x20\x00\x05" + bytes((flags,)) + verify.to_bytes(4, "big")
    found = parse(header_of(0x11, V4 + field))
    assert found
    assert found[0].tls == facts


def test_a_field_may_be_longer_than_a_byte_can_say() -> None:
    field = b"\x02\x01\x2c" + b"x" * 300
    assert parse(header_of(0x11, V4 + field)) == (Header(SOURCE, EDGE, authority="x" * 300), 16 + 12 + 303)


def test_a_header_may_be_as_long_as_the_longest() -> None:
    longest = "x" * (LONGEST - 16 - 12 - 3)
    header = Header(SOURCE, EDGE, authority=longest)
    assert parse(build(header)) == (header, LONGEST)
    with pytest.raises(ValueError, match="too long"):
        build(Header(SOURCE, EDGE, authority=longest + "x"))


ADDRESSES = st.ip_addresses(v=4) | st.integers(1 << 64, (1 << 128) - 1).map(IPv6Address)
ENDS = st.builds(End, ADDRESSES, st.integers(0, 65535))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(source=ENDS, destination=ENDS, authority=NAMES, alpn=NAMES)
def test_what_is_built_is_read_again(source: End, destination: End, authority: str, alpn: str) -> None:
    header = Header(source, destination, authority=authority, alpn=alpn)
    data = build(header)
    assert parse(data) == (header, len(data))


def test_a_connection_of_our_own_has_no_ends() -> None:
    assert build(Header()) == header_of(0, b"", version=0x20)
    assert parse(build(Header())) == (Header(), 16)


def test_what_is_built_is_in_the_form_that_haproxy_sends() -> None:
    assert build(Header(SOURCE, EDGE)) == header_of(0x11, V4)
    mixed = Header(SOURCE, End(ip_address("2001:db8::45"), 636))
    assert build(mixed)[13] == 0x21
    assert parse(build(mixed)) == (mixed, 52)


def test_names_that_do_not_fit_are_not_sent() -> None:
    with pytest.raises(ValueError, match="too long"):
        build(Header(SOURCE, EDGE, authority="x" * LONGEST))


@given(st.binary(max_size=600) | st.binary(max_size=600).map(lambda tail: header_of(0x21, V6 + tail)))
def test_any_bytes_give_a_header_or_are_refused(data: bytes) -> None:
    try:
        found = parse(data)
    except PeerError:
        return
    assert found is None or found[1] <= len(data)


@given(st.integers(0, len(CERTIFIED) - 1), st.integers(0, 255))
def test_a_changed_byte_does_no_harm(place: int, value: int) -> None:
    data = bytearray(CERTIFIED)
    data[place] = value
    try:
        parse(bytes(data))
    except PeerError:
        return


def test_a_header_of_many_empty_fields_costs_little_memory() -> None:
    data = header_of(0x11, V4 + b"\xe0\x00\x00" * ((LONGEST - 28) // 3))
    tracemalloc.start()
    parse(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024


def test_the_longest_header_byte_by_byte_costs_little_time() -> None:
    data = header_of(0x11, V4 + b"\xe0\x00\x00" * ((LONGEST - 28) // 3))
    begin = time.process_time()
    for length in range(len(data)):
        assert parse(data[:length]) is None
    parse(data)
    assert time.process_time() - begin < 0.5  # some 5 ms; reading it anew for every byte would take two seconds
