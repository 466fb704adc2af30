"""Captured messages: bounded, readable, and without anybody's secrets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.calls.trace.ladder import ladder
from voxgate.calls.trace.masks import masked
from voxgate.calls.trace.message import Message, call_id_of, read
from voxgate.calls.trace.ring import MOST_OF_ONE, Ring
from voxgate.calls.trace.tracer import Tracer
from voxgate.config.trace import Trace
from voxgate.engines.siptrace import SOURCE
from voxgate.errors import PeerError
from voxgate.wire import hep

INVITE = (
    b"INVITE sip:600@example.com SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.50;branch=z9\r\ni: call-1\r\nCSeq: 2 INVITE\r\n"
    b'Authorization: Digest username="alice", nonce="n", response="0123456789abcdef", cnonce="c0ffee"\r\n'
    b"Subject: folded\r\n here\r\nContent-Type: application/sdp\r\n\r\n"
    b"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRETKEYSECRETKEY|2^20\r\na=ice-pwd:hushhush\r\nk=clear:abc\r\n"
)


HOME, EDGE = "203.0.113.77:5060", "192.168.1.10:5060"


def message(raw: bytes = INVITE, at: float = 0.0, source: str = HOME, target: str = EDGE) -> Message:
    return Message(1_780_000_000 + at, source, target, "udp", raw)


@pytest.mark.parametrize("secret", [b"0123456789abcdef", b"c0ffee", b"SECRETKEY", b"hushhush", b"clear:abc"])
def test_no_secret_is_shown(secret: bytes) -> None:
    assert secret in INVITE
    assert secret not in masked(INVITE)
    assert secret.decode() not in message().text


@pytest.mark.parametrize(
    ("raw", "hidden"),
    [
        (b"REGISTER sip:x SIP/2.0\r\nAuthorization: Basic YWxpY2U6cHc=\r\n\r\n", b"YWxpY2U6cHc="),
        (b"REGISTER sip:x SIP/2.0\r\nAuthorization: Bearer eyJ0.abc\r\n\r\n", b"eyJ0"),
        (b"REGISTER sip:x SIP/2.0\r\nProxy-Authorization: Digest response=abc123\r\n\r\n", b"abc123"),
        (b"INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=7\r\nDuration=160\r\n", b"=7"),
        (b"INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf\r\n\r\n4711", b"4711"),
        (b"MESSAGE sip:x SIP/2.0\r\nContent-Type: text/plain\r\n\r\nthe code is 4711", b"4711"),
        (b"INVITE sip:x;password=geheim@y SIP/2.0\r\n\r\n", b"geheim"),
    ],
)
def test_other_secrets_are_masked_as_well(raw: bytes, hidden: bytes) -> None:
    assert hidden not in masked(raw)


def test_a_message_is_read_with_short_names_and_folded_lines() -> None:
    one = read(message())
    assert one is not None
    assert (one.method, one.cseq, one.title, one.header("call-id")) == ("INVITE", 2, "INVITE (SDP)", "call-1")
    assert one.header("subject") == "folded here"
    assert call_id_of(INVITE) == "call-1"


@given(st.binary(max_size=2000))
def test_whatever_was_captured_is_printable(raw: bytes) -> None:
    text = message(raw).text
    assert all(char.isprintable() or char == "\n" for char in text)
    read(message(raw))
    read(message(b"INVITE sip:x SIP/2.0\r\n" + raw))


def test_the_ring_is_bounded_in_bytes_and_time_and_for_one_call() -> None:
    ring = Ring(bytes_most=20_000, age_s=60)
    for number in range(100):
        ring.add(f"call-{number}", message(at=number))
    assert ring.size <= 20_000
    assert ring.of("call-0") == ()
    assert ring.of("call-99")
    ring.expire(1_780_000_000 + 99 + 61)
    assert (ring.size, ring.of("call-99")) == (0, ())
    for number in range(MOST_OF_ONE + 50):
        ring.add("loop", message(b"x", at=number))
    assert len(ring.of("loop")) <= MOST_OF_ONE


def test_a_call_that_goes_on_is_kept_whole() -> None:
    ring = Ring(bytes_most=10_000_000, age_s=60)
    ring.add("long", message(at=0))
    ring.add("short", message(at=1))
    ring.add("long", message(at=50))
    ring.expire(1_780_000_000 + 70)
    assert [call_id for call_id, _ in ring.calls()] == ["long"]


def test_the_ladder_has_the_edge_in_the_middle_and_an_arrow_for_each_message() -> None:
    sent = message(at=0.25, source="192.168.1.10:5060", target="192.168.1.20:5060")
    ringing = message(b"SIP/2.0 180 Ringing\r\nCSeq: 2 INVITE\r\n\r\n", at=1, source=sent.target, target=sent.source)
    read_ones = [one for one in map(read, (message(), sent, ringing)) if one]
    lines = ladder(read_ones, {"192.168.1.10": "edge", "192.168.1.20": "hq"})
    assert lines[1].split() == ["203.0.113.77:5060", "edge", "hq", "192.168.1.20:5060"]
    assert "INVITE (SDP)" in lines[2]
    assert lines[2].index(">") < lines[3].index(">")
    assert "<" in lines[4]
    assert lines[4].strip().startswith("1.000")
    assert ladder([], {}) == []


def test_hep_is_read_as_it_is_written() -> None:
    packet = hep.Packet("203.0.113.77", 5060, "192.168.1.10", 5061, hep.TCP, 1_780_000_000.25, INVITE, 7, b"call-1")
    assert hep.decode(hep.encode(packet)) == packet
    six = replace(packet, source="2001:db8::1", target="2001:db8::2")
    assert hep.decode(hep.encode(six)) == six


@given(st.binary(max_size=200), st.integers(0, 200))
def test_whatever_comes_is_read_or_refused(noise: bytes, cut: int) -> None:
    good = hep.encode(hep.Packet("203.0.113.77", 5060, "192.168.1.10", 5061, hep.UDP, 1.0, INVITE))
    for data in (noise, b"HEP3" + noise, good[:cut], good + noise[:1]):
        try:
            hep.decode(data)
        except PeerError:
            continue


def test_kamailios_own_packet_is_read() -> None:
    """From Kamailio 5.6.3's siptrace."""
    raw = bytes.fromhex(
        "48455033006a0000000100070200000002000711"
        "00000003000a7f00000900000004000a7f000009"
        "000000070008ada50000000800083ad4"
        "00000009000a6b01c59b0000000a000a0005b351"
        "0000000b0007010000000c000a00000001"
        "0000000f000a41424344"
    )
    packet = hep.decode(raw[:4] + len(raw).to_bytes(2, "big") + raw[6:])
    assert (packet.source, packet.source_port, packet.target_port) == ("127.0.0.9", 44453, 15060)
    assert packet.payload == b"ABCD"


class Switch:
    """Kamailio's RPC: what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def call(self, method: str, *params: str | int) -> object:
        assert method == "siptrace.status"
        self.told.append(str(params[0]))
        return "ok"


class Clock:
    """Time that a test moves."""

    now_s = 1000.0

    def wall(self) -> datetime:
        return datetime.fromtimestamp(1_780_000_000 + self.now_s, UTC)

    def monotonic(self) -> float:
        return self.now_s


def test_capturing_pauses_under_load_longer_each_time_and_comes_back() -> None:
    async def scene() -> None:
        switch, clock = Switch(), Clock()
        tracer = Tracer(switch, clock)
        tracer.follow(Trace(messages_per_second=10))
        data = hep.encode(hep.Packet("203.0.113.77", 5060, "192.168.1.10", 5060, hep.UDP, 1_780_001_000.0, INVITE))
        await tracer.tick()
        for pause_s in (10, 20, 40):
            for _ in range(50):
                tracer.datagram_received(data, SOURCE)
            await tracer.tick()
            clock.now_s += pause_s - 1
            await tracer.tick()
            assert switch.told[-1] == "off"
            clock.now_s += 1
            await tracer.tick()
            assert switch.told[-1] == "on"
        assert len(tracer.ring.of("call-1")) == 30
        tracer.datagram_received(data, ("127.0.0.1", 9))
        assert len(tracer.ring.of("call-1")) == 30, "only Kamailio is believed"
        tracer.restarted()
        await tracer.tick()
        assert switch.told[-2:] == ["on", "on"], "a new Kamailio is told as well"
        tracer.follow(Trace(enabled=False))
        await tracer.tick()
        assert switch.told[-1] == "off"
        assert tracer.ring.of("call-1") == ()

    asyncio.run(scene())
