"""Dialogues with one H.323 client: where it is led, what passes, and how it ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.peers.h323 import message as lab
from tests.unit.router.h323.talk import (
    AT_BRANCH,
    AT_BRANCH_2,
    AT_HQ,
    EMPTY_FACILITY,
    ESCAPE,
    HQ,
    KEEPALIVE,
    RCF,
    URQ,
    Talk,
    closes,
    connects,
    forwards,
    grq,
    refusals,
    rrq,
    setup,
    to_server,
    told,
)
from voxgate.guard.observation import Kind
from voxgate.router.commands import Command, Connect, Wake
from voxgate.router.events import ClientEnded, Connected, ConnectFailed, ServerEnded, TimedOut
from voxgate.router.h323.connection import FIRST_ANSWER_S, REST_OF_MESSAGE_S
from voxgate.router.h323.tpkt import LONGEST
from voxgate.router.rules import Rules


@pytest.mark.parametrize("ask", [grq, rrq])
@pytest.mark.parametrize(
    ("gatekeeper_id", "target"),
    [
        ("example.com", AT_HQ),
        ("berlin@example.com/hq", AT_HQ),
        ("hq@EXAMPLE.com/Branch", AT_BRANCH),
        ("example.com/branch:example", AT_BRANCH),
    ],
)
def test_a_gatekeeper_id_leads_to_its_pbx(ask: object, gatekeeper_id: str, target: object) -> None:
    request = ask(gatekeeper_id, "alice")  # type: ignore[operator]
    talk = Talk()
    assert [targets[0] for targets in connects(talk.says(request))] == [target]
    assert to_server(talk.on(Connected(target))) == request  # type: ignore[arg-type]


def test_a_registration_its_keepalives_and_its_calls_pass_as_they_came() -> None:
    talk = Talk()
    request = rrq("example.com", "alice")
    assert talk.says(request) == [Wake(None), Connect((AT_HQ,))]
    commands = talk.on(Connected(AT_HQ))
    assert commands[0] == Wake(FIRST_ANSWER_S)
    assert forwards(commands) == [("example.com", "alice", "RRQ")]
    assert to_server(commands) == request
    assert talk.hears(RCF)[0] == Wake(None)
    for said in (
        KEEPALIVE,
        ESCAPE,
        EMPTY_FACILITY,
        rrq(None, keep_alive=True),
        setup("4711"),
        setup("x@other.example"),
        URQ,
    ):
        commands = talk.says(said)
        assert (to_server(commands), forwards(commands), refusals(commands)) == (said, [], [])
    assert closes(talk.on(ServerEnded()))


def test_keepalives_before_the_first_request_are_waited_through_and_passed_on() -> None:
    talk = Talk()
    before = KEEPALIVE + ESCAPE + EMPTY_FACILITY
    assert talk.says(before) == []
    request = rrq("example.com", "alice")
    assert connects(talk.says(request)) == [(AT_HQ,)]
    assert to_server(talk.on(Connected(AT_HQ))) == before + request


def test_what_comes_in_the_same_breath_follows_the_request() -> None:
    talk = Talk()
    both = grq("example.com", "alice") + rrq("example.com", "alice")
    assert connects(talk.says(both)) == [(AT_HQ,)]
    assert to_server(talk.on(Connected(AT_HQ))) == both


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_however_the_stream_is_cut_the_pbx_gets_the_same_octets(data: st.DataObject) -> None:
    stream = KEEPALIVE + grq("example.com") + rrq("example.com", "alice") + setup("4711") + URQ + KEEPALIVE
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    talk, got = Talk(), b""
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        commands = talk.says(stream[begin:end])
        while connects(commands):
            commands = [*commands[:-1], *talk.on(Connected(AT_HQ))]
        got += to_server(commands)
    assert got == stream


@pytest.mark.parametrize(
    ("request_", "answer", "reason"),
    [
        (grq("other.example"), ("gatekeeperReject", "terminalExcluded"), "name"),
        (rrq("other.example", "alice"), ("registrationReject", "undefinedReason"), "name"),
        (rrq("example.com/nowhere", "alice"), ("registrationReject", "undefinedReason"), "name"),
        (rrq("example.com\r\nevil", "alice"), ("registrationReject", "undefinedReason"), "name"),
        (grq(None), ("gatekeeperReject", "terminalExcluded"), "name"),
        (rrq(None, "alice"), ("registrationReject", "undefinedReason"), "name"),
        (rrq(None, keep_alive=True), ("registrationReject", "undefinedReason"), "name"),
        (setup("bob@other.example"), ("releaseComplete", "unreachableDestination"), "name"),
        (setup("4711"), ("releaseComplete", "badFormatAddress"), "name"),
        (grq("closed.example"), ("gatekeeperReject", "securityDenial"), "network"),
        (rrq("closed.example", "alice"), ("registrationReject", "securityDenial"), "network"),
        (setup("bob@closed.example"), ("releaseComplete", "noPermission"), "network"),
    ],
)
def test_what_leads_nowhere_is_refused_in_the_protocol_and_closed(
    request_: bytes, answer: tuple[str, str], reason: str
) -> None:
    commands = Talk().says(request_)
    assert told(commands) == [answer]
    assert [word for _, word in refusals(commands)] == [reason]
    assert closes(commands)


@pytest.mark.parametrize("request_", [grq(None), rrq(None, "alice"), setup("4711"), setup("bob")])
def test_without_a_name_the_only_pbx_is_meant(request_: bytes) -> None:
    talk = Talk(rules=Rules({"h323": {"example.com": HQ, "example.com/hq": HQ}}))
    assert connects(talk.says(request_)) == [(AT_HQ,)]


def test_with_one_pbx_a_wrong_name_is_still_refused() -> None:
    commands = Talk(rules=Rules({"h323": {"example.com": HQ}})).says(rrq("other.example", "alice"))
    assert told(commands) == [("registrationReject", "undefinedReason")]


def test_a_call_without_registration_goes_to_the_domain_of_the_called_party() -> None:
    talk = Talk()
    request = setup("h323:bob@example.com")
    assert connects(talk.says(request)) == [(AT_HQ,)]
    commands = talk.on(Connected(AT_HQ))
    assert forwards(commands) == [("example.com", "", "Setup")]
    talk.hears(RCF)
    again = talk.says(setup("h323:bob@checked.example", 6))
    assert told(again) == [("releaseComplete", "noPermission")]
    assert closes(again)


@pytest.mark.parametrize(
    ("later", "answer"),
    [
        (rrq("example.com/branch", "alice"), ("registrationReject", "discoveryRequired")),
        (grq("example.com/branch"), ("gatekeeperReject", "terminalExcluded")),
        (rrq("other.example", "alice"), ("registrationReject", "undefinedReason")),
    ],
)
def test_requests_on_one_connection_stay_with_one_pbx(later: bytes, answer: tuple[str, str]) -> None:
    talk = Talk().served(rrq("example.com", "alice"))
    commands = talk.says(later)
    assert to_server(commands) == b""
    assert told(commands) == [answer]
    assert closes(commands)


def test_a_request_that_hides_in_a_call_is_seen() -> None:
    talk = Talk().served(rrq("example.com", "alice"))
    hidden = lab.Message(
        lab.SETUP, 5, body=lab.setup("4711", "alice"), ras=(lab.registration(9, "example.com/branch", ("alice",)),)
    )
    commands = talk.says(lab.write(hidden))
    assert (to_server(commands), closes(commands)) == (b"", True)


def test_another_name_of_the_same_pbx_stays_with_it() -> None:
    talk = Talk().served(grq("example.com"))
    request = rrq("example.com/hq", "alice")
    assert to_server(talk.says(request)) == request


def test_several_requests_in_one_facility_must_be_for_one_pbx() -> None:
    both = lab.discovery(1, "example.com"), lab.registration(2, "example.com/branch", ("alice",))
    commands = Talk().says(lab.write(lab.tunnel(*both)))
    assert connects(commands) == []
    assert told(commands) == [("gatekeeperReject", "terminalExcluded"), ("registrationReject", "discoveryRequired")]
    assert closes(commands)


def test_a_pbx_that_cannot_be_reached_is_said_to_be_so() -> None:
    talk = Talk()
    talk.says(rrq("example.com", "alice"))
    commands = talk.on(ConnectFailed("refused"))
    assert told(commands) == [("registrationReject", "resourceUnavailable")]
    assert refusals(commands) == [(Kind.CONNECT_FAILED, "connect_failed")]
    assert closes(commands)


@pytest.mark.parametrize("end", [ServerEnded(), TimedOut()])
def test_a_node_that_never_answers_is_left_for_the_next(end: object) -> None:
    talk = Talk()
    request = KEEPALIVE + rrq("example.com/branch", "alice")
    talk.says(request)
    talk.on(Connected(AT_BRANCH, (AT_BRANCH_2,)))
    assert connects(talk.on(end)) == [(AT_BRANCH_2,)]  # type: ignore[arg-type]
    assert to_server(talk.on(Connected(AT_BRANCH_2))) == request
    commands = talk.on(end)  # type: ignore[arg-type]
    assert told(commands) == [("registrationReject", "resourceUnavailable")]
    assert closes(commands)


def closed_with(commands: list[Command], reason: str) -> bool:
    return [word for _, word in refusals(commands)] == [reason] and closes(commands)


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\n\r\n", b"\x03\x00\x00\x06\xff\xff", b"\x16\x03\x01\x02\x00"])
def test_what_is_no_h323_is_closed_in_every_state(octets: bytes, served: bool) -> None:
    talk = Talk().served(rrq("example.com", "alice")) if served else Talk()
    commands = talk.says(octets)
    assert [kind for kind, _ in refusals(commands)] == [Kind.MALFORMED]
    assert closes(commands)


def test_a_client_that_only_keeps_alive_is_given_up() -> None:
    talk = Talk()
    commands: list[Command] = []
    for _ in range(LONGEST // len(KEEPALIVE) + 1):
        commands = talk.says(KEEPALIVE)
    assert closed_with(commands, "too_much_before_an_answer")


def test_a_client_that_says_nothing_is_given_up_and_nothing_else() -> None:
    commands = Talk().on(TimedOut())
    assert (refusals(commands), closes(commands)) == ([], True)


def test_half_a_message_is_given_up() -> None:
    talk = Talk()
    talk.says(rrq("example.com", "alice")[:50])
    assert closed_with(talk.on(TimedOut()), "timeout")


def test_half_a_message_of_a_registered_phone_has_its_time() -> None:
    talk = Talk().served(rrq("example.com", "alice"))
    half, rest = setup("4711")[:40], setup("4711")[40:]
    assert talk.says(half) == [Wake(REST_OF_MESSAGE_S)]
    assert talk.says(rest[:5]) == []
    assert talk.says(rest[5:])[-1] == Wake(None)
    talk.says(half)
    assert talk.says(rest + half)[-1] == Wake(REST_OF_MESSAGE_S)
    assert closed_with(talk.on(TimedOut()), "timeout")


def test_a_client_that_ends_is_let_go() -> None:
    assert closes(Talk().served(rrq("example.com", "alice")).on(ClientEnded()))
    assert closes(Talk().on(ClientEnded()))


@given(st.lists(st.binary(max_size=80), max_size=8))
@settings(max_examples=200, deadline=None)
def test_whatever_a_stranger_sends_nothing_reaches_a_pbx(said: list[bytes]) -> None:
    talk = Talk()
    for octets in said:
        commands = talk.says(octets)
        assert (to_server(commands), connects(commands)) == (b"", [])
        if closes(commands):
            return
