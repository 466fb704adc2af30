"""What goes to a responder and back, hostile lines, and what is read from SIP and /proc."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.doctor import options, sockets
from voxgate.doctor.outside import Answer, Question, Wanted, answer_of, encode, question_of
from voxgate.errors import PeerError

QUESTION = Question("edge.example.com", (Wanted("tcp", 5061), Wanted("sip", 5060)), 12000, "abc")
ANSWER = Answer("203.0.113.45", ("", "refused"), 5060, 1.5)


def test_a_question_and_an_answer_come_back_as_they_were() -> None:
    assert question_of(encode(QUESTION)) == QUESTION
    assert answer_of(encode(ANSWER)) == ANSWER


@pytest.mark.parametrize(
    "changed",
    [{"ports": [{"kind": "tcp", "port": 1}] * 65}, {"ports": [{"kind": "icmp", "port": 1}]}, {"media_port": 70000},
     {"ports": [{"kind": "tcp", "port": 0}]}, {"domain": "x\r\ny"}, {"domain": "x" * 300}, {"more": 1},
     {"ports": [{"kind": "tcp", "port": 1, "address": "192.0.2.1"}, 3]}, {"token": "ä"}],
)  # fmt: skip
def test_nothing_else_is_a_question(changed: dict[str, object]) -> None:
    fields = json.loads(encode(QUESTION)) | changed
    with pytest.raises(PeerError):
        question_of(json.dumps(fields).encode())


@given(st.binary(max_size=300))
def test_garbage_is_refused_in_order(data: bytes) -> None:
    for read in (question_of, answer_of):
        with pytest.raises(PeerError):
            read(data)


def test_what_a_responder_says_is_fit_to_be_shown() -> None:
    line = json.dumps({"seen": "203.0.113.45", "errors": ["\x1b[31mred\n"], "sip_port": 5060, "now_s": 1}).encode()
    assert answer_of(line).errors == ("?[31mred?",)


def test_only_a_final_answer_to_the_own_question_counts() -> None:
    asked = options.request("example.com", "192.0.2.1", 5060, "0123456789abcdef").decode()
    reply = asked.replace("OPTIONS sip:example.com SIP/2.0", "SIP/2.0 200 OK").replace(
        "User-Agent: voxgate doctor", "k: path, Timer\r\nSupported: outbound"
    )
    found = options.reply_of(reply.encode(), "0123456789abcdef")
    assert found == options.Reply(200, frozenset({"path", "timer", "outbound"}))
    assert options.reply_of(reply.encode(), "another") is None
    assert options.reply_of(reply.replace("200 OK", "100 Trying").encode(), "0123456789abcdef") is None
    assert "[2001:db8::1]:5060" in options.request("example.com", "2001:db8::1", 5060, "t").decode()


PROC = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 0A01A8C0:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 17
  101: 0A01A8C0:2710 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 0
  torn line
"""


def test_lost_datagrams_are_counted_by_port() -> None:
    read = sockets.parsed(PROC)
    assert [(one.port, one.inode) for one in read] == [(5060, 4711), (10000, 4712)]
    assert sockets.drops((*read, *read), (5060, 10000)) == {5060: 34}
    assert sockets.drops(read, (10000,)) == {}
