"""The STUN codec against the vectors of RFC 5769, and against whatever else may come."""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.wire.stun import (
    COOKIE,
    HEADER,
    Attribute,
    Class,
    Endpoint,
    MalformedError,
    Message,
    Method,
    address,
    change_request,
    decode,
    encode,
)

# RFC 5769, 2.2 and 2.3
IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9fa"
    "a5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"


@pytest.mark.parametrize(
    ("packet", "mapped"),
    [(IPV4, "192.0.2.1:32853"), (IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")],
    ids=["IPv4", "IPv6"],
)
def test_the_responses_of_rfc_5769_are_read(packet: bytes, mapped: str) -> None:
    message = decode(packet)
    assert (message.method, message.kind) == (Method.BINDING, Class.SUCCESS)
    assert str(message.address(Attribute.XOR_MAPPED_ADDRESS)) == mapped
    assert message.get(Attribute.SOFTWARE) == b"test vector"


def test_integrity_is_that_of_rfc_5769() -> None:
    # Its response pads with a space, so the integrity of ours is compared with one made by hand, not with its own.
    request = Message(Method.ALLOCATE, Class.REQUEST, bytes(12), ((Attribute.USERNAME, b"office"),))
    packet = encode(request, PASSWORD)
    covered = packet[:-24]
    assert packet[-20:] == hmac.new(PASSWORD, covered, hashlib.sha1).digest()
    assert packet[:4] == b"\x00\x03\x00\x24"
    assert decode(packet).get(Attribute.USERNAME) == b"office"
    # And the vector's own, with its own padding.
    head = IPV4[:2] + (len(IPV4) - 20 - 8).to_bytes(2, "big") + IPV4[4:-32]
    assert hmac.new(PASSWORD, head, hashlib.sha1).digest() == IPV4[-28:-8]


def test_a_change_request_asks_for_address_and_port() -> None:
    assert change_request(ip=True, port=False) == (3, b"\0\0\0\x04")
    assert change_request(ip=True, port=True) == (3, b"\0\0\0\x06")


ENDPOINTS = st.builds(Endpoint, st.ip_addresses(), st.integers(0, 65535))


@given(ENDPOINTS, st.binary(min_size=12, max_size=12), st.sampled_from(Method), st.sampled_from(Class))
def test_what_is_written_is_read(endpoint: Endpoint, transaction: bytes, method: Method, kind: Class) -> None:
    numbers = (Attribute.XOR_PEER_ADDRESS, Attribute.OTHER_ADDRESS)
    message = Message(method, kind, transaction, tuple(address(number, endpoint, transaction) for number in numbers))
    read = decode(encode(message))
    assert read == message
    assert [read.address(number) for number in numbers] == [endpoint, endpoint]


@given(st.binary(max_size=200) | st.builds(lambda tail: IPV4[: len(IPV4) - len(tail)] + tail, st.binary(max_size=80)))
def test_no_packet_does_more_than_being_refused(packet: bytes) -> None:
    try:
        message = decode(packet)
        for number in Attribute:
            message.address(number)
        _ = message.error
    except MalformedError:
        return
    assert len(packet) >= HEADER.size


@pytest.mark.parametrize("packet", [IPV4, IPV6], ids=["IPv4", "IPv6"])
def test_every_cut_and_every_addition_is_refused(packet: bytes) -> None:
    for length in range(len(packet)):
        with pytest.raises(MalformedError):
            decode(packet[:length])
    with pytest.raises(MalformedError):
        decode(packet + b"\0\0\0\0")


def test_a_flipped_bit_spoils_the_fingerprint() -> None:
    spoilt = bytearray(IPV4)
    spoilt[30] ^= 1
    with pytest.raises(MalformedError, match="fingerprint"):
        decode(bytes(spoilt))


def test_errors_and_wrong_addresses() -> None:
    assert Message(3, Class.ERROR, bytes(12), ((Attribute.ERROR_CODE, b"\0\0\x04\x26stale"),)).error == 438
    for value in (b"", b"\0\1\0\0", b"\0\3\0\0\1\2\3\4", b"\0\2\0\0\1\2\3\4"):
        with pytest.raises(MalformedError):
            Message(1, Class.SUCCESS, bytes(12), ((Attribute.MAPPED_ADDRESS, value),)).address(Attribute.MAPPED_ADDRESS)
    many = b"".join(b"\x80\x22\0\0" for _ in range(40))
    with pytest.raises(MalformedError, match="attributes"):
        decode(HEADER.pack(1, len(many), COOKIE, bytes(12)) + many)
    assert Endpoint(ip_address("192.0.2.1"), 5).port == 5
