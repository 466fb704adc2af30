from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.router.ldap.messages import (
    ABANDON,
    BOUND,
    SEARCH_DONE,
    STARTTLS,
    UNBIND,
    bind,
    entry,
    extended,
    message,
    sasl_bind,
    search,
    tlv,
)
from voxgate.errors import PeerError
from voxgate.router.ldap.framing import Framer, Message

LONGEST = 4096
ALL = frozenset(range(256))
BINDS = frozenset((0x60,))
NOTHING: frozenset[int] = frozenset()

CORPUS = [
    bind("example.com\\ckl"),
    bind("cn=ckl,dc=example,dc=com", "", 0x7FFFFFFF),
    bind("ckl@example.com", long=True),
    sasl_bind("GSSAPI", b"\x60\x82" * 100),
    search("dc=example,dc=com"),
    extended(STARTTLS),
    entry(300),
    SEARCH_DONE,
    BOUND,
    ABANDON,
    UNBIND,
]


def drained(framer: Framer, wanted: frozenset[int] = ALL) -> list[bytes]:
    pieces = []
    while (piece := framer.next(wanted)) is not None:
        pieces.append(piece.data if isinstance(piece, Message) else piece)
    return pieces


def fed(framer: Framer, chunks: list[bytes], wanted: frozenset[int]) -> list[bytes]:
    pieces = []
    for chunk in chunks:
        framer.receive(chunk)
        pieces += drained(framer, wanted)
    return pieces


def split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
def test_wanted_messages_come_out_whole_however_they_arrive(size: int) -> None:
    assert fed(Framer(LONGEST, LONGEST), split(b"".join(CORPUS), size), ALL) == CORPUS


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
@pytest.mark.parametrize("wanted", [NOTHING, BINDS])
def test_what_passes_passes_unchanged_and_at_once(size: int, wanted: frozenset[int]) -> None:
    framer = Framer(LONGEST, LONGEST)
    data = b"".join(CORPUS)
    assert b"".join(fed(framer, split(data, size), wanted)) == data
    assert framer.between_messages


def test_a_message_that_passes_is_not_waited_for() -> None:
    framer = Framer(LONGEST, 1 << 30)
    long = entry(1 << 20)
    framer.receive(long[:100])
    assert framer.next(BINDS) == long[:100]
    assert not framer.between_messages
    assert b"".join(fed(framer, split(long[100:], 65536), BINDS)) == long[100:]
    assert framer.between_messages


def test_a_message_knows_its_number_and_where_its_operation_begins() -> None:
    framer = Framer(LONGEST, LONGEST)
    framer.receive(bind("a", "b", 300))
    piece = framer.next(ALL)
    assert isinstance(piece, Message)
    assert piece.identity == b"\x02\x02\x01\x2c"
    assert piece.operation == 0x60
    assert piece.data[piece.at] == 0x60


def test_what_is_wanted_may_change_between_two_messages() -> None:
    framer = Framer(LONGEST, LONGEST)
    framer.receive(bind("a") + search())
    assert isinstance(framer.next(ALL), Message)
    assert framer.next(BINDS) == search()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n", id="HTTP"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", id="TLS on the plain port"),
        pytest.param(b"\x30\x80\x02\x01\x01\x60\x00\x00\x00", id="indefinite length"),
        pytest.param(b"\x30\x85\x00\x00\x00\x00\x0c\x02\x01\x01\x60", id="length of five octets"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff\x02\x01\x01\x60", id="4 GiB"),
        pytest.param(b"\x30\x05\x04\x01\x01\x42\x00", id="text for a messageID"),
        pytest.param(b"\x30\x0c\x02\x08\1\1\1\1\1\1\1\1\x42\x00", id="messageID of eight octets"),
        pytest.param(b"\x30\x04\x02\x00\x42\x00", id="messageID of nothing"),
        pytest.param(b"\x30\x03\x02\x01\x01", id="no operation"),
        pytest.param(b"\x30\x00\x02\x01\x01\x42\x00", id="nothing"),
        pytest.param(message(1, tlv(0x60, b"x" * LONGEST)), id="oversized"),
        pytest.param(message(1, tlv(0x60, b"x" * LONGEST))[:20], id="oversized, refused before it is there"),
    ],
)
def test_what_is_no_ldap_is_refused(data: bytes) -> None:
    framer = Framer(LONGEST, LONGEST)
    framer.receive(data)
    with pytest.raises(PeerError):
        drained(framer)


def test_truncated_messages_wait_and_harm_nobody() -> None:
    for one in CORPUS:
        for length in range(len(one)):
            framer = Framer(LONGEST, LONGEST)
            framer.receive(one[:length])
            assert drained(framer) == []


@given(st.lists(st.sampled_from(CORPUS), max_size=6), st.lists(st.integers(1, 60), min_size=1, max_size=40))
def test_any_cut_of_any_messages_gives_the_same(messages: list[bytes], sizes: list[int]) -> None:
    data = b"".join(messages)
    chunks = []
    for size in sizes * (len(data) // len(sizes) + 1):
        chunks.append(data[:size])
        data = data[size:]
    assert fed(Framer(LONGEST, LONGEST), [chunk for chunk in chunks if chunk] + [data], ALL) == messages


@given(st.lists(st.binary(max_size=80), max_size=8), st.sampled_from([ALL, BINDS]))
def test_any_bytes_pass_or_are_refused_and_none_is_lost(chunks: list[bytes], wanted: frozenset[int]) -> None:
    framer = Framer(LONGEST, LONGEST)
    try:
        pieces = fed(framer, chunks, wanted)
    except PeerError:
        return
    assert b"".join(chunks).startswith(b"".join(pieces))


@given(st.sampled_from(CORPUS), st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_passes(one: bytes, place: int, value: int) -> None:
    data = bytearray(one)
    data[place % len(data)] = value
    framer = Framer(LONGEST, LONGEST)
    framer.receive(bytes(data))
    try:
        pieces = drained(framer)
    except PeerError:
        return
    assert bytes(data).startswith(b"".join(pieces))


def spent(chunks: list[bytes], wanted: frozenset[int], longest: int = 1 << 16) -> tuple[float, int]:
    """CPU seconds and bytes at the peak."""
    framer = Framer(longest, 1 << 31)
    tracemalloc.start()
    fed(framer, chunks, wanted)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    framer = Framer(longest, 1 << 31)
    begin = time.process_time()
    fed(framer, chunks, wanted)
    return time.process_time() - begin, peak


def test_the_longest_bind_byte_by_byte_costs_time_in_proportion_and_memory_once() -> None:
    data = bind("x", "y" * 65000)
    seconds, peak = spent(split(data, 1), ALL)
    assert seconds < 1.0  # some 0.05 s; copying what is held for every byte would take 2 GB of copies
    assert peak < 12 * len(data)  # the chunks' own list is most of it


def test_a_gigabyte_that_passes_is_one_number() -> None:
    chunk = b"z" * 65536
    head = b"\x30\x84\x40\x00\x00\x00\x02\x01\x02\x64"
    seconds, peak = spent([head, *[chunk] * 2000], BINDS)
    assert seconds < 0.5
    assert peak < 400_000


def test_a_chunk_of_the_shortest_messages_costs_time_in_proportion() -> None:
    seconds, _ = spent([ABANDON * (262_144 // len(ABANDON))], BINDS)
    assert seconds < 2.0


@given(
    st.lists(st.sampled_from(CORPUS), max_size=8),
    st.lists(st.integers(1, 400), min_size=1, max_size=40),
    st.sampled_from([ALL, BINDS, NOTHING]),
)
def test_what_passes_at_a_glance_is_what_would_have_passed(
    messages: list[bytes], sizes: list[int], wanted: frozenset[int]
) -> None:
    data = b"".join(messages)
    quick, slow = Framer(LONGEST, LONGEST), Framer(LONGEST, LONGEST)
    at = 0
    for size in sizes * (len(data) // len(sizes) + 1):
        chunk = data[at : at + size]
        at += size
        slow.receive(chunk)
        proper = b"".join(drained(slow, wanted))
        if quick.passes(chunk, wanted):
            assert proper == chunk
        else:
            quick.receive(chunk)
            assert b"".join(drained(quick, wanted)) == proper
        assert quick.between_messages == slow.between_messages


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_no_bytes_break_what_is_told_at_a_glance(chunks: list[bytes]) -> None:
    framer = Framer(LONGEST, LONGEST)
    for chunk in chunks:
        if not framer.passes(chunk, BINDS):
            return  # it never raises
