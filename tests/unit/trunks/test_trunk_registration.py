"""The life of a registration, played with a clock of our own and replies as providers write them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voxgate.engines.trunk_accounts import TrunkAccount
from voxgate.trunks.messages import Reply, granted_s, register, reply_of
from voxgate.trunks.registration import ANSWER_S, LONGEST_PAUSE_S, Phase, Registration

ACCOUNT = TrunkAccount(
    "carrier", "sip:0555@carrier.example", "sip:carrier.example", "sip:0555@203.0.113.45:5060;transport=udp",
    "auth", "s3cret", "192.168.1.10", 5060, 600, 30,
)  # fmt: skip
CHALLENGE = ("www-authenticate", 'Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"')


def reply(state: Registration, code: int, *headers: tuple[str, str], phrase: str = "X") -> Reply:
    return Reply(code, phrase, state.cseq, headers)


def asked(now_s: float = 0.0, state: Registration | None = None) -> Registration:
    made, ask = (state or Registration(ACCOUNT)).due(now_s)
    assert ask is not None
    return made


def registered(now_s: float = 0.0, lasts_s: int = 600) -> Registration:
    state = asked(now_s)
    state, ask = state.answered(reply(state, 200, ("expires", str(lasts_s))), now_s, "c")
    assert ask is None
    return state


def test_a_challenge_is_answered_once_and_the_registration_stands() -> None:
    state = asked()
    state, ask = state.answered(reply(state, 401, CHALLENGE), 0.1, "cnonce")
    assert ask is not None
    assert ask.cseq == 2
    assert ask.authorization.startswith('Authorization: Digest username="auth", realm="carrier", nonce="n1"')
    assert "s3cret" not in ask.authorization + repr(state)
    state, ask = state.answered(reply(state, 200, ("expires", "300")), 0.2, "x")
    assert (state.phase, state.until_s, state.next_s, ask) == (Phase.REGISTERED, 300.2, 240.2, None)


def test_it_is_renewed_before_it_ends() -> None:
    state = registered(lasts_s=100)
    assert state.due(79.9)[1] is None
    assert state.due(80.0)[1] is not None


def test_a_second_challenge_is_a_wrong_password_unless_it_is_stale() -> None:
    first = asked()
    second, _ = first.answered(reply(first, 401, CHALLENGE), 0, "c")
    wrong, ask = second.answered(reply(second, 401, CHALLENGE), 0, "c")
    assert (wrong.phase, wrong.reason, ask) == (Phase.REFUSED, "401: wrong user or password", None)
    stale = (CHALLENGE[0], CHALLENGE[1].replace("n1", "n2") + ", stale=true")
    again, ask = second.answered(reply(second, 401, stale), 0, "c")
    assert again.phase is Phase.STARTING
    assert ask is not None
    assert 'nonce="n2"' in ask.authorization


@pytest.mark.parametrize(
    ("code", "phase", "reason"),
    [
        (403, Phase.REFUSED, "403 X"),
        (404, Phase.REFUSED, "404 X"),
        (302, Phase.REFUSED, "302 X"),
        (408, Phase.UNREACHABLE, "408 X"),
        (503, Phase.UNREACHABLE, "503 X"),
    ],
)
def test_a_refusal_is_told_and_tried_again_later(code: int, phase: Phase, reason: str) -> None:
    state = asked()
    state, ask = state.answered(reply(state, code), 5, "c")
    assert (state.phase, state.reason, state.next_s, ask) == (phase, reason, 35, None)


def test_pauses_double_up_to_half_an_hour() -> None:
    state, now_s, pauses = Registration(ACCOUNT), 0.0, []
    for _ in range(9):
        state = asked(now_s, state)
        state, _ = state.answered(reply(state, 403), now_s, "c")
        pauses.append(state.next_s - now_s)
        now_s = state.next_s
    assert pauses == [30, 60, 120, 240, 480, 960, *[LONGEST_PAUSE_S] * 3]


def test_retry_after_is_honoured() -> None:
    state = asked()
    state, _ = state.answered(reply(state, 503, ("retry-after", "300 (busy)")), 0, "c")
    assert state.next_s == 300


def test_silence_is_noticed() -> None:
    state = asked()
    assert state.due(ANSWER_S - 0.1)[1] is None
    state, ask = state.due(ANSWER_S)
    assert (state.phase, state.reason, ask) == (Phase.UNREACHABLE, "no answer", None)


def test_an_interval_that_is_too_brief_is_raised() -> None:
    state = asked()
    state, ask = state.answered(reply(state, 423, ("min-expires", "1800")), 0, "c")
    assert ask is not None
    assert ask.expires_s == 1800
    state, _ = state.answered(reply(state, 200), 0, "c")
    assert asked(state.next_s, state).wanted_s == 1800


def test_what_was_granted_holds_although_its_renewal_fails() -> None:
    state = registered(lasts_s=100)
    state = asked(80, state)
    state, _ = state.answered(reply(state, 503), 81, "c")
    assert (state.phase, state.until_s, state.reason, state.next_s) == (Phase.REGISTERED, 100, "503 X", 100)
    state = asked(100, state)
    state, _ = state.answered(reply(state, 503), 101, "c")
    assert (state.phase, state.until_s) == (Phase.UNREACHABLE, None)


def test_replies_to_earlier_requests_mean_nothing() -> None:
    state = asked()
    late = replace(reply(state, 200), cseq=state.cseq - 1)
    assert state.answered(late, 1, "c") == (state, None)


def test_leaving_answers_a_challenge_too() -> None:
    state, ask = registered().leaving()
    assert ask.expires_s == 0
    state, again = state.answered(reply(state, 401, CHALLENGE), 1, "c")
    assert again is not None
    assert (again.expires_s, bool(again.authorization)) == (0, True)


def test_the_request_says_who_where_and_how_long() -> None:
    _, ask = Registration(ACCOUNT).due(0)
    assert ask is not None
    text = register(ACCOUNT, ask, "0123456789abcdef", "b", "192.168.1.10:40000").decode()
    assert text.startswith("REGISTER sip:carrier@trunk.invalid SIP/2.0\r\n")
    for line in (
        "Via: SIP/2.0/UDP 192.168.1.10:40000;branch=z9hG4bKb;rport",
        "From: <sip:0555@carrier.example>;tag=01234567",
        "To: <sip:0555@carrier.example>",
        "Contact: <sip:0555@203.0.113.45:5060;transport=udp>;expires=600",
        "Expires: 600",
        "CSeq: 1 REGISTER",
    ):
        assert f"\r\n{line}\r\n" in text


TEXT = (
    b"SIP/2.0 200 OK\r\nCSeq: 7 REGISTER\r\nm: <sip:0555@203.0.113.45:5060;transport=udp>;q=1;\r\n expires=120\r\n"
    b"Contact: <sip:other@192.0.2.1>;expires=9\r\nExpires: 50\r\n\r\n"
)


def test_the_granted_time_is_that_of_our_contact() -> None:
    made = reply_of(TEXT)
    assert made is not None
    assert (made.code, made.cseq, granted_s(made, ACCOUNT.contact, 600)) == (200, 7, 120)
    assert granted_s(Reply(200, "OK", 1, (("expires", "50"),)), ACCOUNT.contact, 600) == 50
    assert granted_s(Reply(200, "OK", 1, ()), ACCOUNT.contact, 600) == 600


@pytest.mark.parametrize(
    "data", [TEXT[:cut] for cut in range(0, len(TEXT), 7)] + [b"\xff" * 40, b"SIP/2.0 100 T\r\n\r\n"]
)
def test_whatever_comes_is_a_reply_or_nothing(data: bytes) -> None:
    made = reply_of(data)
    assert made is None or made.code == 200
