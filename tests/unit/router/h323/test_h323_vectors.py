"""Messages of real H.323 programs and constructed ones are read as they were meant; garbled ones end in one error."""

from __future__ import annotations

import pytest

from tests.unit.router.h323.vectors import BY_NAME, GARBLED, VALID, Vector, frames, rows
from voxgate.router.h323 import q931
from voxgate.router.h323.messages import Message, read
from voxgate.router.h323.reader import MalformedError
from voxgate.router.h323.tpkt import HEADER, LONGEST, Splitter, framed


def messages(octets: bytes) -> list[Message]:
    return [read(frame[HEADER:]) for frame in frames(octets)]


def requests(octets: bytes) -> list[tuple[str, str | None]]:
    return [(ras.kind, ras.gatekeeper_id) for message in messages(octets) for ras in message.ras]


@pytest.mark.parametrize(**rows(VALID))
def test_each_message_is_read_as_it_was_meant(vector: Vector) -> None:
    found = messages(vector.octets)
    ras = [one for message in found for one in message.ras]
    if vector.kind in {"GRQ", "RRQ", "GRJ", "RRJ"}:
        assert (ras[0].kind, ras[0].gatekeeper_id, ras[0].reason) == (
            vector.kind,
            vector.gatekeeper_id,
            vector.reason or "",
        )
    elif vector.kind == "Setup":
        calls = [message.call for message in found if message.call]
        assert [f"{alias.kind}:{alias.text}" for alias in calls[0].called] == list(vector.called)
    elif vector.kind == "ReleaseComplete":
        assert [message.body for message in found] == ["releaseComplete"]
    elif vector.kind in {"Facility", "keepalive"}:
        assert not ras
    else:
        assert [one.kind for one in ras] == [vector.kind]


@pytest.mark.parametrize(**rows(GARBLED))
def test_a_garbled_message_asks_for_nothing(vector: Vector) -> None:
    try:
        found = requests(vector.octets)
    except MalformedError:
        return
    assert not any(name for _, name in found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("c_grq_rrq_bundled", ["GRQ", "RRQ"]),
        ("c_rrq_two_tpkts", ["GRQ", "RRQ"]),
        ("c_grq_second_generic", ["GRQ"]),
        ("c_rrq_facility_body", ["RRQ"]),
        ("c_nonstandard_generic_only", []),
    ],
)
def test_the_tunnel_is_found_in_all_its_shapes(name: str, expected: list[str]) -> None:
    assert [kind for kind, _ in requests(BY_NAME[name].octets)] == expected


@pytest.mark.parametrize(
    ("name", "keep_alive"),
    [("c_rrq_lightweight_id", True), ("c_rrq_lightweight_noid", True), ("c_rrq_hq_branch", False)],
)
def test_a_keepalive_registration_is_told_from_a_full_one(name: str, keep_alive: bool) -> None:
    assert messages(BY_NAME[name].octets)[0].ras[0].keep_alive is keep_alive


@pytest.mark.parametrize(**rows(VALID))
def test_a_stream_is_cut_alike_in_one_piece_and_byte_by_byte(vector: Vector) -> None:
    splitter = Splitter()
    bitwise = [frame for octet in vector.octets for frame in frames(bytes((octet,)), splitter)]
    assert bitwise == list(frames(vector.octets))
    assert b"".join(bitwise) == vector.octets
    assert splitter.waiting == 0


@pytest.mark.parametrize(**rows(VALID))
def test_a_message_that_is_cut_short_is_an_error_or_says_less(vector: Vector) -> None:
    whole = requests(vector.octets)
    for frame in frames(vector.octets):
        for end in range(HEADER, len(frame)):
            try:
                found = requests(framed(frame[HEADER:end]))
            except MalformedError:
                continue
            assert all(one in whole for one in found)


def test_octets_after_the_message_proper_change_nothing() -> None:
    octets = BY_NAME["c_rrq_hq_branch"].octets
    outer = q931.parse(octets[HEADER:])
    assert outer.user_user is not None
    longer = q931.build(outer.kind, outer.call_reference, outer.user_user + bytes(40))
    assert requests(framed(longer)) == requests(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x03\x00\x00\x03",
        b"\x03\x00" + (LONGEST + 1).to_bytes(2, "big"),
        b"\x03\x00\x00\x04\x02",
        framed(b"\x08\x03\x00\x00\x00\x62"),
        framed(b"\x08\x02\x00\x00"),
        framed(b"\x09\x02\x00\x00\x62"),
        framed(b"\x08\x02\x00\x00\xe2"),
        framed(b"\x08\x02\x00\x00\x62\x7e\x00\x00"),
        framed(b"\x08\x02\x00\x00\x62\x7e\x00\x02\x04\x00"),
        framed(q931.build(q931.FACILITY, b"\0\0", b"") + b"\x7e\x00\x01\x05"),
    ],
    ids=[
        *("no TPKT", "shorter than its header", "too long", "no TPKT after a good one", "call reference of 3"),
        *("no type", "other protocol", "type with bit 8", "no discriminator", "not ASN.1", "two user-user elements"),
    ],
)
def test_what_no_endpoint_sends_is_an_error(octets: bytes) -> None:
    with pytest.raises(MalformedError):
        messages(octets)
