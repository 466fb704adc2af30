"""Dialogues with one LDAP client: where it is led, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

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
    result,
    sasl_bind,
    search,
)
from tests.unit.router.ldap.talk import AT_HQ, AT_TWO, CKL, CLIENT, UNAVAILABLE, Talk, answers, refusals
from voxgate.guard.observation import Kind
from voxgate.router.commands import (
    Close,
    Command,
    Connect,
    EndServer,
    Forward,
    Leave,
    Refuse,
    SendToClient,
    SendToServer,
    StartTls,
    Wake,
)
from voxgate.router.events import (
    ClientEnded,
    Connected,
    ConnectFailed,
    ServerEnded,
    TimedOut,
)
from voxgate.router.ldap.limits import LAST_ANSWERS_S
from voxgate.wire.proxy_v2 import End


def test_a_bind_is_passed_on_to_the_pbx_of_its_domain() -> None:
    talk = Talk()
    assert talk.says(CKL) == [Connect((AT_HQ,))]
    assert talk.on(Connected(AT_HQ)) == [Wake(None), Forward("example.com", "ckl", "bind"), SendToServer(CKL)]
    assert talk.hears(BOUND) == [SendToClient(BOUND)]
    assert talk.says(search()) == [SendToServer(search())]
    assert talk.hears(entry(300) + SEARCH_DONE) == [SendToClient(entry(300) + SEARCH_DONE)]
    assert talk.says(UNBIND) == [SendToServer(UNBIND, last=True), Close()]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_bind_in_pieces_and_what_follows_it_are_passed_on(size: int) -> None:
    talk = Talk()
    data = CKL + search()
    sent: list[Command] = []
    for at in range(0, len(data), size):
        sent += talk.says(data[at : at + size])
        if sent == [Connect((AT_HQ,))]:
            sent = talk.on(Connected(AT_HQ))
    assert b"".join(command.data for command in sent if isinstance(command, SendToServer)) == data


def test_a_search_behind_the_bind_waits_for_the_pbx() -> None:
    talk = Talk()
    assert talk.says(CKL + search()) == [Connect((AT_HQ,))]
    assert talk.on(Connected(AT_HQ))[2:] == [SendToServer(CKL), SendToServer(search())]


def test_encryption_is_kept_and_the_allowed_networks_hold() -> None:
    talk = Talk(replace(CLIENT, tls=True))
    assert talk.says(CKL) == [Connect((replace(AT_HQ, port=636, tls=True),))]
    inside = replace(CLIENT, source=End(ip_address("192.0.2.9"), 1))
    assert Talk(inside).says(bind("closed.example\\x")) == [Connect((replace(AT_HQ, pbx="closed"),))]


def test_an_answer_of_a_gigabyte_passes_in_pieces_and_binds_are_still_seen_behind_it() -> None:
    talk = Talk().bound()
    talk.says(search())
    head = b"\x30\x84\x00\x10\x00\x07\x02\x01\x02\x64"
    assert talk.hears(head) == [SendToClient(head)]
    for _ in range(15):
        assert talk.hears(b"z" * 65536) == [SendToClient(b"z" * 65536)]
    last = b"z" * (0x100007 - 4 - 15 * 65536)
    got = talk.hears(last + result(0x61, 49, 7))
    assert got[0] == SendToClient(last)
    assert refusals(got) == [(Kind.AUTH_FAILURE, "invalid_credentials:49")]


def test_a_bind_for_another_pbx_moves_the_connection() -> None:
    talk = Talk().bound()
    other = bind("two.example\\x", identity=5)
    assert talk.says(other) == [Connect((AT_TWO, replace(AT_TWO, address=ip_address("172.16.1.91"))))]
    assert talk.on(Connected(AT_TWO)) == [Wake(None), Forward("two.example", "x", "bind"), SendToServer(other)]


def test_in_the_middle_of_an_answer_it_closes_instead() -> None:
    talk = Talk().bound()
    talk.hears(entry(3000)[:100])
    assert talk.says(bind("two.example\\x")) == [Close()]


def test_a_pbx_that_cannot_be_reached_is_unavailable_and_counts() -> None:
    talk = Talk()
    talk.says(CKL)
    got = talk.on(ConnectFailed("refused"))
    assert answers(got) == [(0x61, UNAVAILABLE)]
    assert [(c.kind, c.pbx, c.user) for c in got if isinstance(c, Refuse)] == [(Kind.CONNECT_FAILED, "hq", "ckl")]
    assert talk.says(CKL) == [Connect((AT_HQ,))]


def test_a_pbx_that_closes_without_a_word_is_passed_over_for_the_next() -> None:
    talk = Talk()
    second = replace(AT_TWO, address=ip_address("172.16.1.91"))
    data = bind("two.example\\x")
    talk.says(data)
    talk.on(Connected(AT_TWO, (second,)))
    assert talk.on(ServerEnded()) == [Connect((second,))]
    assert SendToServer(data) in talk.on(Connected(second))
    got = talk.on(ServerEnded())
    assert got[0] == Leave()
    assert answers(got) == [(0x61, UNAVAILABLE)]


def test_a_pbx_that_closes_later_closes_the_client() -> None:
    assert Talk().bound().on(ServerEnded()) == [Close()]


def test_a_client_that_ends_lets_the_pbx_finish_for_a_while() -> None:
    talk = Talk().bound()
    assert talk.on(ClientEnded()) == [EndServer(), Wake(LAST_ANSWERS_S)]
    assert talk.hears(SEARCH_DONE) == [SendToClient(SEARCH_DONE)]
    assert talk.on(TimedOut()) == [Close()]
    assert Talk().on(ClientEnded()) == [Close()]
    assert Talk().on(TimedOut()) == [Close()]


CHUNKS = st.lists(
    st.binary(max_size=60)
    | st.sampled_from(
        [CKL, search(), UNBIND, ABANDON, extended(STARTTLS), sasl_bind("GSSAPI"), bind("two.example\\x")]
    ),
    max_size=10,
)


@given(CHUNKS, st.lists(st.binary(max_size=60) | st.sampled_from([BOUND, entry(90), SEARCH_DONE]), max_size=10))
def test_whatever_both_sides_send_is_answered_by_commands(client: list[bytes], server: list[bytes]) -> None:
    talk = Talk()
    for said, heard in zip(client, [*server, *[b""] * len(client)], strict=False):
        for command in talk.says(said):
            if isinstance(command, Connect):
                talk.on(Connected(command.targets[0], command.targets[1:]))
            if isinstance(command, StartTls | Close):
                return
        if heard:
            talk.hears(heard)
