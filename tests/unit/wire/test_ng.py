from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.errors import EngineError, PeerError
from voxgate.wire.ng import DEEPEST, Message, NgClient, Value, decode, encode, outcome, parse

# Replies of rtpengine 10.5.3 to: ping, an unknown command, list without calls, query without call-id, rubbish.
REAL = [
    pytest.param(b"abc d6:result4:ponge", {"result": "pong"}, id="ping"),
    pytest.param(
        b"abc d6:result5:error12:error-reason20:Unrecognized commande",
        {"result": "error", "error-reason": "Unrecognized command"},
        id="unknown command",
    ),
    pytest.param(b"abc d5:callsle6:result2:oke", {"calls": [], "result": "ok"}, id="list"),
    pytest.param(b"abc d3:sdp3:\xff\n\xfee", {"sdp": "\udcff\n\udcfe"}, id="bytes that are no text"),
    pytest.param(b"abc d1:ni-42ee", {"n": -42}, id="a negative number"),
]


@pytest.mark.parametrize(("datagram", "body"), REAL)
def test_a_reply_is_read(datagram: bytes, body: dict[str, Value]) -> None:
    assert parse(datagram) == Message("abc", body)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"i12", id="number cut short"),
        pytest.param(b"ie", id="no digits"),
        pytest.param(b"i-e", id="only a sign"),
        pytest.param(b"i+1e", id="plus"),
        pytest.param(b"i1_0e", id="underscore, which int() would take"),
        pytest.param(b"i 1e", id="space, which int() would take"),
        pytest.param(b"i\xd9\xa1e", id="a digit of another script"),
        pytest.param(b"i" + b"9" * 5000 + b"e", id="a number that takes minutes to convert"),
        pytest.param(b"5:abc", id="string cut short"),
        pytest.param(b"99999999999999999999:a", id="string longer than memory"),
        pytest.param(b"-1:a", id="negative length"),
        pytest.param(b"-0:", id="negative nothing"),
        pytest.param(b"l", id="list without end"),
        pytest.param(b"d1:a", id="key without value"),
        pytest.param(b"di1ei2ee", id="a key that is no string"),
        pytest.param(b"i1ei2e", id="something follows"),
        pytest.param(b"l" * 60000, id="60,000 lists"),
        pytest.param(b"d1:a" * 15000, id="15,000 dictionaries"),
        pytest.param(b"x", id="no type"),
    ],
)
def test_hostile_bencode_is_refused(data: bytes) -> None:
    with pytest.raises(PeerError):
        decode(data)


@pytest.mark.parametrize("datagram", [b"", b"abc", b" d1:ai1ee", b"abc le", b"\xff d1:ai1ee", b"abc "])
def test_a_datagram_that_is_no_message_is_refused(datagram: bytes) -> None:
    with pytest.raises(PeerError):
        parse(datagram)


TEXTS = st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.integers(-(2**63), 2**64 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_was_encoded_is_decoded_to_the_same(value: Value) -> None:
    assert decode(encode(value)) == value


@given(VALUES, st.data())
def test_no_part_of_a_value_and_no_surplus_is_taken_for_it(value: Value, data: st.DataObject) -> None:
    whole = encode(value)
    with pytest.raises(PeerError):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(PeerError):
        decode(whole + b"e")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_peer_error(data: bytes) -> None:
    try:
        value = decode(data)
    except PeerError:
        return
    assert decode(encode(value)) == value


def test_depth_is_allowed_up_to_the_limit() -> None:
    inner = b"l" * (DEEPEST - 1) + b"e" * (DEEPEST - 1)
    assert isinstance(decode(inner), list)
    with pytest.raises(PeerError, match="deeper"):
        decode(b"ll" + inner + b"ee")


def test_a_truth_value_is_not_silently_a_number() -> None:
    with pytest.raises(TypeError):
        encode({"flag": True})


def test_a_refusal_carries_rtpengines_reason() -> None:
    with pytest.raises(EngineError, match="rtpengine: refused query: Unknown call-id"):
        outcome("query", {"result": "error", "error-reason": "Unknown call-id"})


def test_a_request_larger_than_a_datagram_is_refused_before_it_is_sent() -> None:
    with pytest.raises(PeerError, match="does not fit"):
        Message("c", {"sdp": "x" * 70000}).to_bytes()


class Rtpengine(asyncio.DatagramProtocol):
    """Answers like rtpengine, after it has lost the first `deaf` datagrams, `copies` times, after rubbish."""

    def __init__(self, deaf: int = 0, copies: int = 1) -> None:
        self.deaf = deaf
        self.copies = copies
        self.heard: list[Message] = []
        self.port = 0
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: object) -> None:
        message = parse(data)
        self.heard.append(message)
        if len(self.heard) <= self.deaf:
            return
        answer = {"result": "pong"} if message.body["command"] == "ping" else {"echo": message.body["n"]}
        for raw in (b"rubbish", b"other d6:result4:ponge"):
            self.transport.sendto(raw, addr)  # type: ignore[arg-type]
        for _ in range(self.copies):
            self.transport.sendto(Message(message.cookie, dict(answer)).to_bytes(), addr)  # type: ignore[arg-type]


async def listening(engine: Rtpengine) -> Rtpengine:
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: engine, local_addr=("127.0.0.1", 0))
    return engine


def test_a_lost_request_is_repeated_with_the_same_cookie() -> None:
    async def scene() -> Rtpengine:
        engine = await listening(Rtpengine(deaf=2))
        async with NgClient("127.0.0.1", engine.port, timeout_s=0.05) as client:
            await client.ping()
        return engine

    engine = asyncio.run(scene())
    assert len(engine.heard) == 3
    assert len({message.cookie for message in engine.heard}) == 1


def test_answers_find_their_own_requests_and_second_answers_nobody() -> None:
    bugs: list[object] = []

    async def scene() -> list[dict[str, Value]]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: bugs.append(context))
        engine = await listening(Rtpengine(copies=2))
        async with NgClient("127.0.0.1", engine.port) as client:
            return list(await asyncio.gather(*(client.request("echo", {"n": n}) for n in range(50))))

    assert asyncio.run(scene()) == [{"echo": n} for n in range(50)]
    assert bugs == []


@pytest.mark.parametrize("deaf", [pytest.param(99, id="silent"), pytest.param(None, id="port closed")])
def test_no_answer_is_a_peer_error_in_bounded_time(deaf: int | None) -> None:
    async def scene() -> None:
        engine = await listening(Rtpengine(deaf=deaf or 0))
        if deaf is None:
            engine.transport.close()
            await asyncio.sleep(0.01)
        async with NgClient("127.0.0.1", engine.port, timeout_s=0.02) as client:
            await client.ping()

    with pytest.raises(PeerError, match=r"did not answer ping within 0\.06 s"):
        asyncio.run(scene())
