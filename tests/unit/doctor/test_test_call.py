"""The doctor's test call and relay: messages, sound, and what is made of it; reports as they are kept."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import g711, tones
from lab.g711 import Law
from voxgate.doctor import audio
from voxgate.doctor.audio_rules import audio_findings
from voxgate.doctor.facts import Edge, Facts, Port, TestCall
from voxgate.doctor.finding import Finding, Grade
from voxgate.doctor.report import Report, report_of
from voxgate.doctor.sip_call import Dialog, reply_of

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
GOOD = TestCall("*43@example.com", 200, packets=148, echoes=True)
HEALTHY = Facts(Edge("example.com", NOW), call=GOOD, relays=(Port("udp", "192.0.2.1", "audio through the relay"),))


def voice(hz: int) -> list[bytes]:
    octets = g711.encode(Law.PCMA, tones.tone(hz, 1.0))
    return [octets[at : at + 160] for at in range(0, len(octets), 160)]


def test_our_own_tone_is_known_again_and_no_other_sound_is_taken_for_it() -> None:
    ours = [audio.packet(number, 1)[12:] for number in range(100)]
    assert audio.has_tone(ours)
    assert audio.has_tone([frame if number % 3 else b"\xd5" * 160 for number, frame in enumerate(ours)])
    assert not audio.has_tone([])
    assert not audio.has_tone([b"\xd5" * 160] * 100)
    for hz in (350, 425, 440, 620, 890, 1400, 2100):
        assert not audio.has_tone(voice(hz)), hz


def test_a_law_is_the_labs() -> None:
    assert audio.has_tone(voice(audio.TONE_HZ))


@pytest.mark.parametrize(
    ("numbers", "share"),
    [([], 0.0), ([7], 0.0), ([1, 2, 3, 4], 0.0), ([1, 2, 4], 0.25), ([65534, 65535, 1, 2], 0.2), ([2, 1, 3, 3], 0.0)],
)
def test_what_is_missing_is_counted_by_numbers_that_wrap_round(numbers: list[int], share: float) -> None:
    assert audio.lost(numbers) == pytest.approx(share)


def test_rtcp_and_strangers_are_no_audio() -> None:
    assert audio.sequence_of(audio.packet(70_000, 1)) == 70_000 - 65_536
    assert audio.sequence_of(b"\x80\xc9" + bytes(40)) is None
    assert audio.sequence_of(struct.pack("!BBHII", 0x80, 8, 1, 2, 3)) is None


def dialog() -> Dialog:
    return Dialog("*43@example.com", "doctor", ("192.0.2.1", 6001), 6002, "0123456789abcdef")


def reply(code: int, *more: str, method: str = "INVITE", body: str = "") -> bytes:
    lines = (
        f"SIP/2.0 {code} Somehow",
        "Via: SIP/2.0/UDP 192.0.2.1:6001",
        "Call-ID: 0123456789abcdef@192.0.2.1",
        f"CSeq: 1 {method}",
        "To: <sip:*43@example.com>;tag=x",
    )
    return ("\r\n".join((*lines, *more)) + "\r\n\r\n" + body).encode()


def test_an_answer_gives_target_routes_and_where_the_audio_goes() -> None:
    sdp = "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 10004 RTP/AVP 8\r\n"
    routes = ("Record-Route: <sip:a;lr>, <sip:b;lr>", "Record-Route: <sip:c;lr>")
    found = reply_of(reply(200, "m: <sip:43@192.0.2.9>", *routes, body=sdp), "0123456789abcdef")
    assert found is not None
    assert (found.code, found.contact, found.media) == (200, "sip:43@192.0.2.9", ("192.0.2.9", 10004))
    assert found.routes == ("<sip:c;lr>", "<sip:b;lr>", "<sip:a;lr>")
    made = dialog()
    made.target, made.to, made.routes = found.contact, found.to, found.routes
    ack = made.request("ACK").decode()
    assert ack.startswith("ACK sip:43@192.0.2.9 SIP/2.0\r\n")
    assert "Route: <sip:c;lr>\r\nRoute: <sip:b;lr>\r\nRoute: <sip:a;lr>\r\n" in ack


def test_credentials_go_with_the_call_alone() -> None:
    made = dialog()
    found = reply_of(reply(407, 'Proxy-Authenticate: Digest realm="x", nonce="y"'), made.token)
    assert found is not None
    assert found.challenge == ("Proxy-Authorization", 'Digest realm="x", nonce="y"')
    made.credentials = ("Proxy-Authorization", "Digest secret")
    assert b"Proxy-Authorization: Digest secret" in made.request("INVITE")
    assert b"secret" not in made.request("BYE")


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_reply_or_is_not(data: bytes) -> None:
    reply_of(data, "0123456789abcdef")
    reply_of(reply(200, body="") + data, "0123456789abcdef")
    audio.sequence_of(data)
    report_of(data)


def test_a_call_that_is_heard_both_ways_is_no_finding() -> None:
    assert list(audio_findings(HEALTHY)) == []


@pytest.mark.parametrize(
    ("call", "code", "cure"),
    [
        (TestCall("x@y", 404, "Not Found"), "call-failed", "doctor.call.to"),
        (TestCall("x@y", 401), "call-failed", "doctor.call.password"),
        (TestCall("x@y", error="nobody answers"), "call-failed", "status"),
        (replace(GOOD, packets=0, echoes=False), "call-silent", "10000-20000"),
        (replace(GOOD, echoes=False), "call-one-way", "echo: false"),
        (replace(GOOD, lost=0.1), "call-loss", "dscp"),
    ],
)
def test_a_call_that_fails_is_told_with_its_cure(call: TestCall, code: str, cure: str) -> None:
    (found,) = audio_findings(replace(HEALTHY, call=call))
    assert (found.code, cure in found.cure) == (code, True)


def test_an_announcement_is_enough_where_nobody_echoes() -> None:
    assert list(audio_findings(replace(HEALTHY, call=replace(GOOD, echoes=False, wants_echo=False)))) == []


def test_a_report_comes_back_as_it_was_kept() -> None:
    kept = Report(NOW, (Finding("clock", Grade.WARNING, "a", "b", "c"), Finding("hairpin", Grade.NOTE, "d", "e", "f")))
    text = str(kept.to_json()).replace("'", '"').replace("False", "false")
    assert report_of(text.encode()) == kept
    assert not kept.good
    assert Report(NOW, kept.findings[1:]).good
    for broken in (b"", b"[]", b"{}", b'{"at": "x", "findings": []}', text.replace("note", "nice").encode()):
        assert report_of(broken) is None
