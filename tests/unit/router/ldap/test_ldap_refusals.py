"""Dialogues with one LDAP client: what is refused, by us and by the PBX."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.router.ldap.messages import (
    ABANDON,
    STARTTLS,
    UNBIND,
    WHOAMI,
    bind,
    extended,
    message,
    result,
    sasl_bind,
    search,
    tlv,
)
from tests.unit.router.ldap.talk import AT_HQ, CKL, CLIENT, UNAVAILABLE, Talk, answers, code, refusals
from voxgate.guard.observation import Kind
from voxgate.router.commands import (
    Close,
    Connect,
    Leave,
    Refuse,
    SendToClient,
    StartTls,
)
from voxgate.router.events import (
    Connected,
    ConnectFailed,
)
from voxgate.router.ldap.limits import LONGEST_BIND, PATIENCE


@pytest.mark.parametrize(
    ("data", "answer", "refusal"),
    [
        (bind("elsewhere.example\\x"), 49, (Kind.UNKNOWN_NAME, "name")),
        (bind("ldap-guest"), 49, (Kind.UNKNOWN_NAME, "name")),
        (bind("closed.example\\x"), 49, (Kind.NETWORK_NOT_ALLOWED, "network")),
        (bind("", ""), 48, (Kind.NOT_ALLOWED, "anonymous")),
        (sasl_bind("GSSAPI", b"x" * 20_000), 7, (Kind.NOT_ALLOWED, "sasl_GSSAPI")),
        (sasl_bind("EXTERNAL"), 7, (Kind.NOT_ALLOWED, "sasl_EXTERNAL")),
        (sasl_bind("PLAIN", b"\0ckl@example.com\0x"), 7, (Kind.NOT_ALLOWED, "sasl_PLAIN")),
        (message(1, tlv(0x60, b"\x02\x01\x03", tlv(4, b"x"), b"\x81\x01a")), 7, (Kind.NOT_ALLOWED, "sasl_other")),
    ],
)
def test_a_bind_that_leads_nowhere_is_refused_with_its_result_and_another_may_follow(
    data: bytes, answer: int, refusal: tuple[Kind, str]
) -> None:
    talk = Talk()
    got = talk.says(data)
    assert answers(got) == [(0x61, answer)]
    assert refusals(got) == [refusal]
    assert talk.says(CKL) == [Connect((AT_HQ,))]


def test_unknown_and_forbidden_look_the_same_to_the_client() -> None:
    unknown, forbidden = Talk().says(bind("elsewhere.exam\\x")), Talk().says(bind("closed.example\\x"))
    assert [c for c in unknown if isinstance(c, SendToClient)] == [c for c in forbidden if isinstance(c, SendToClient)]


def test_who_is_refused_again_and_again_is_disconnected() -> None:
    talk = Talk()
    for _ in range(PATIENCE - 1):
        assert Close() not in talk.says(bind("elsewhere.example\\x"))
    assert talk.says(bind("elsewhere.example\\x"))[-1] == Close()
    assert talk.says(CKL) == []


@pytest.mark.parametrize(
    ("request_tag", "answer_tag"),
    [(0x63, 0x65), (0x66, 0x67), (0x68, 0x69), (0x4A, 0x6B), (0x6C, 0x6D), (0x6E, 0x6F)],
)
def test_what_comes_before_a_bind_is_answered_in_its_own_kind(request_tag: int, answer_tag: int) -> None:
    got = Talk().says(message(1, tlv(request_tag, tlv(4, b"x"))))
    assert answers(got) == [(answer_tag, 8)]
    assert refusals(got) == [(None, "not_bound")]


def test_whoami_before_a_bind_is_answered_abandon_is_not_and_unbind_ends() -> None:
    assert answers(Talk().says(extended(WHOAMI))) == [(0x78, 8)]
    assert Talk().says(ABANDON) == []
    assert Talk().says(UNBIND) == [Close()]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n", id="HTTP"),
        pytest.param(message(1, tlv(0x61, b"\x0a\x01\x00")), id="an answer"),
        pytest.param(message(1, tlv(0x60)), id="a bind of nothing"),
        pytest.param(message(1, tlv(0x60, b"\x02\x01\x03\x04\x7fx")), id="a name that is cut short"),
        pytest.param(message(1, tlv(0x60, tlv(4, b"x") * 3)), id="a bind without version"),
        pytest.param(message(1, tlv(0x60, b"\x02\x01\x03", tlv(4), tlv(0xA3))), id="SASL without mechanism"),
        pytest.param(message(1, tlv(0x77, tlv(4, b"x"))), id="an extended request without name"),
        pytest.param(bind("x", "y" * LONGEST_BIND), id="oversized"),
    ],
)
def test_what_is_no_ldap_is_told_so_and_closed(data: bytes) -> None:
    got = Talk().says(data)
    assert answers(got) == [(0x78, 2)]
    assert [kind for kind, _ in refusals(got)] == [Kind.MALFORMED]
    assert got[-1] == Close()


def test_starttls_hands_the_connection_over() -> None:
    got = Talk().says(extended(STARTTLS))
    assert len(got) == 1
    assert isinstance(got[0], StartTls)
    assert code(got[0].answer) == (0x78, 0)
    assert STARTTLS.encode() in got[0].answer


def test_starttls_that_cannot_be_served_is_answered_and_a_bind_may_follow() -> None:
    talk = Talk()
    talk.says(extended(STARTTLS))
    assert answers(talk.on(ConnectFailed("x"))) == [(0x78, UNAVAILABLE)]
    assert talk.says(CKL) == [Connect((AT_HQ,))]


def test_starttls_over_tls_or_after_a_bind_is_out_of_order() -> None:
    assert answers(Talk(replace(CLIENT, tls=True)).says(extended(STARTTLS))) == [(0x78, 1)]
    assert answers(Talk().bound().says(extended(STARTTLS))) == [(0x78, 1)]


def test_bytes_behind_starttls_are_not_taken_into_the_encrypted_connection() -> None:
    got = Talk().says(extended(STARTTLS) + CKL)
    assert not [command for command in got if isinstance(command, StartTls)]
    assert got[-1] == Close()


@pytest.mark.parametrize(
    ("number", "kind", "reason"),
    [
        (49, Kind.AUTH_FAILURE, "invalid_credentials:49"),
        (34, Kind.AUTH_FAILURE, "invalid_dn:34"),
        (32, Kind.AUTH_FAILURE, "no_such_object:32"),
        (77, Kind.AUTH_FAILURE, "77"),
        (51, None, "busy:51"),
        (52, None, "unavailable:52"),
        (13, None, "confidentiality_required:13"),
    ],
)
def test_a_bind_that_the_pbx_refuses_is_told(number: int, kind: Kind | None, reason: str) -> None:
    talk = Talk()
    talk.says(CKL)
    talk.on(Connected(AT_HQ))
    answer = result(0x61, number, 1)
    refusal = Refuse(kind, reason, number, "example.com", "ckl", "hq", "172.16.0.90:389", "bind")
    assert talk.hears(answer) == [refusal, SendToClient(answer)]


def test_results_belong_to_the_binds_in_their_order() -> None:
    talk = Talk().bound()
    talk.says(bind("example.com\\one", identity=2) + bind("hq.example.com\\two", identity=3))
    got = talk.hears(result(0x61, 0, 2) + result(0x61, 49, 3))
    assert [(c.name, c.user) for c in got if isinstance(c, Refuse)] == [("hq.example.com", "two")]


def test_binds_that_do_not_wait_for_results_are_bounded() -> None:
    assert Talk().bound().says(CKL * 20)[-1] == Close()


def test_a_refused_bind_leaves_the_pbx_so_that_nobody_is_bound() -> None:
    talk = Talk().bound()
    got = talk.says(bind("elsewhere.example\\x", identity=5))
    assert Leave() in got
    assert answers(got) == [(0x61, 49)]
    assert answers(talk.says(search())) == [(0x65, 8)]


def test_a_pbx_that_sends_no_ldap_is_left_and_the_client_is_not_to_blame() -> None:
    got = Talk().bound().hears(b"HTTP/1.1 400")
    assert [kind for kind, _ in refusals(got)] == [None]
    assert got[-1] == Close()
