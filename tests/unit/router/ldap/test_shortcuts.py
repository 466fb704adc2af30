"""Messages that are told at a glance are told as those that are read properly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.router.ldap.messages import BOUND, bind, message, result, sasl_bind, search, tlv
from tests.unit.router.ldap.talk import AT_HQ, AT_TWO, CKL, Talk
from voxgate.errors import PeerError
from voxgate.router.commands import Close, Refuse, SendToClient, SendToServer
from voxgate.router.events import Connected, ServerEnded
from voxgate.router.ldap.framing import Framer, Message
from voxgate.router.ldap.messages import read_bind, read_result
from voxgate.router.ldap.shortcuts import binds_again, is_good, wording
from voxgate.router.rules import Rules

NAMES = ("cn=guest,dc=example,dc=com", "example.com\\ckl", "ckl@example.com", "jürgen@example.com", "")
BINDS = [
    *(
        bind(name, word, identity)
        for name in NAMES
        for word in ("", "pw", "x" * 90)
        for identity in (0, 1, 300, 2**31 - 1)
    ),
    *(bind(name, long=True) for name in NAMES),
    bind(NAMES[0]) + b"\x30",
    bind(NAMES[0])[:-1],
    sasl_bind("GSSAPI"),
    search(NAMES[0]),
    message(1, tlv(0x60, tlv(0x02, b"\x02"), tlv(0x04, NAMES[0].encode()), tlv(0x80, b"pw"))),
    message(1, tlv(0x60, tlv(0x02, b"\x03"), tlv(0x04, NAMES[0].encode()), tlv(0x80, b"pw"), tlv(0x04, b"more"))),
]


def read(data: bytes) -> Message | None:
    """The one message in `data`; None where it is not exactly one."""
    framer = Framer(1 << 16, 1 << 16)
    framer.receive(data)
    try:
        found = framer.next(frozenset(range(256)))
    except PeerError:
        return None
    return found if isinstance(found, Message) and framer.between_messages else None


def read_name(data: bytes) -> str | None:
    found = read(data)
    if found is None or found.operation != 0x60:
        return None
    try:
        known = read_bind(found)
    except PeerError:
        return None
    return None if known.mechanism else known.name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", BINDS)
def test_only_a_simple_bind_under_that_name_binds_again(name: str, data: bytes) -> None:
    assert not binds_again(data, wording(name)) or read_name(data) == name


@pytest.mark.parametrize("name", NAMES[:4])
@pytest.mark.parametrize("identity", [0, 1, 127, 128, 2**31 - 1])
def test_a_usual_bind_under_that_name_does(name: str, identity: int) -> None:
    assert binds_again(bind(name, "pw", identity), wording(name))


@given(st.sampled_from(BINDS), st.integers(0, 200), st.integers(0, 255), st.sampled_from(NAMES))
def test_a_changed_byte_deceives_nobody(data: bytes, place: int, value: int, name: str) -> None:
    changed = bytearray(data)
    changed[place % len(changed)] = value
    if binds_again(bytes(changed), wording(name)):
        assert read_name(bytes(changed)) == name
    if is_good(bytes(changed)):
        raise AssertionError(changed)


@given(st.integers(0, 20), st.integers(0, 255))
def test_a_changed_result_is_not_good_unless_it_is(place: int, value: int) -> None:
    changed = bytearray(BOUND)
    changed[place % len(changed)] = value
    if is_good(bytes(changed)):
        found = read(bytes(changed))
        assert found is not None
        assert found.operation == 0x61
        assert read_result(found) == 0


def test_results_are_good_or_not() -> None:
    assert is_good(result(0x61, 0, 1))
    assert is_good(result(0x61, 0, 2**31 - 1))
    for other in (result(0x61, 49, 1), result(0x61, 14, 1), result(0x65, 0, 1), BOUND + b"\x30", BOUND[:-1], b""):
        assert not is_good(other)


def test_what_passes_at_a_glance_is_told_like_what_was_read() -> None:
    talk = Talk().bound()
    other = bind("example.com\\mallory", "pw", 3)
    assert talk.connection.passes_to_server(CKL, talk.rules)
    assert not talk.connection.passes_to_server(other, talk.rules)
    assert talk.says(other) == [SendToServer(other)]
    assert talk.connection.passes_to_client(BOUND)
    refused = result(0x61, 49, 3)
    assert not talk.connection.passes_to_client(refused)
    told, sent = talk.hears(refused)
    assert isinstance(told, Refuse)
    assert told.user == "mallory"  # the good result was the first user's
    assert sent == SendToClient(refused)


def test_other_rules_other_messages_and_a_beginning_are_read_properly() -> None:
    talk = Talk().bound()
    assert not talk.connection.passes_to_server(CKL, Rules())
    assert not talk.connection.passes_to_server(CKL[:-1], talk.rules)
    assert talk.says(CKL[:3]) == []
    assert not talk.connection.passes_to_server(CKL, talk.rules)


def test_before_the_pbx_has_answered_nothing_passes_at_a_glance() -> None:
    talk = Talk()
    talk.says(CKL)
    talk.on(Connected(AT_HQ, (AT_TWO,)))
    assert not talk.connection.passes_to_server(search(), talk.rules)
    assert talk.says(search()) == [SendToServer(search())]
    # What has passed cannot be said again to another node.
    assert talk.on(ServerEnded()) == [Close()]


def test_nothing_passes_before_a_bind_and_nothing_endlessly_without_a_result() -> None:
    assert not Talk().connection.passes_to_server(CKL, Talk().rules)
    talk = Talk().bound()
    passed = 0
    while talk.connection.passes_to_server(CKL, talk.rules):
        passed += 1
    assert passed == 8
