"""What the media relay is told about requests and replies with and without SDP, and when a call counts as answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.ksr.fake import FakeKsr
from tests.unit.voxgate_sip.offices import PHONE, policy
from tests.unit.voxgate_sip.test_trunk_calls import CARRIER
from voxgate_sip import record
from voxgate_sip.events import Refusals
from voxgate_sip.legs import Leg
from voxgate_sip.media import MOST_PLAIN, NOTE, RECORD_LIFETIME_S, Media
from voxgate_sip.nomedia import NoRelayError
from voxgate_sip.notes import SEPARATOR
from voxgate_sip.route import Router

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.reporting import CallReports

PBX = "10.0.0.1"
LEG = Leg("i4", "udp", "10.0.0.5:5060;transport=udp", "", "", "off")
ANSWERED = "rtpengine.rtpengine_answer"


class Told:
    """What becomes of calls."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def progressed(self) -> None:
        self.words.append("progressed")

    def answered(self, *, has_sdp: bool) -> None:
        self.words.append(f"answered {has_sdp}")


class Relay:
    """Media of a worker, whose current message is as a test says."""

    def __init__(self, **changes: Any) -> None:
        self.fake, self.told = FakeKsr({"$si": PHONE, "$rs": 200, "$pr": "udp"}), Told()
        self.fake.answers["htable.sht_get"] = None
        refusals = Refusals(self.fake.ksr, lambda: 0.0)
        reports = cast("CallReports", self.told)
        self.media = Media(self.fake.ksr, Router(policy(**changes)), refusals, reports=reports)

    def holds(self, *, sdp: bool, status: int = 200, source: str = PHONE) -> Relay:
        self.fake.calls.clear()
        self.told.words.clear()
        self.fake.answers["textops.has_body_type"] = 1 if sdp else -1
        self.fake.variables |= {"$rs": status, "$si": source}
        return self

    def answers(self) -> list[str]:
        return [str(flags) for (flags,) in self.fake.args_of(ANSWERED)]


def test_an_ack_brings_an_answer_or_nothing() -> None:
    relay = Relay()
    for _ in range(2):
        assert relay.holds(sdp=True).media.request("ACK", PHONE, "udp", LEG) == ""
        assert relay.answers() == [
            "replace-origin replace-session-connection rtcp-mux-demux SDES-pad SIP-source-address"
        ]
    assert relay.holds(sdp=True).media.request("ACK", PBX, "udp", LEG) == ""
    assert relay.answers() == ["replace-origin replace-session-connection rtcp-mux-demux SDES-pad"]
    assert relay.holds(sdp=False).media.request("ACK", PHONE, "udp", LEG) == ""
    assert not relay.answers()
    assert not relay.fake.args_of("rtpengine.rtpengine_offer")


def test_only_an_invite_without_an_offer_gets_one_later() -> None:
    relay = Relay()
    for method, ending in (("INVITE", "_late_offer"), ("UPDATE", ""), ("PRACK", "")):
        assert relay.holds(sdp=False).media.request(method, PHONE, "udp", LEG) == ending
        assert bool(relay.fake.args_of("pv.sets")) is (method == "INVITE")


def test_without_a_relay_there_is_no_call() -> None:
    relay = Relay().holds(sdp=True)
    for given, good in ((-1, False), (1, True)):
        relay.fake.answers["rtpengine.rtpengine_offer"] = given
        if good:
            assert relay.media.request("INVITE", PHONE, "udp", LEG) == "_answer"
        else:
            with pytest.raises(NoRelayError):
                relay.media.request("INVITE", PHONE, "udp", LEG)


REPLIES: list[tuple[str, Callable[[Media], None], str]] = [
    ("phone", Media.answer, " SIP-source-address"),
    ("pbx", Media.pbx_answer, ""),
]


@pytest.mark.parametrize(("_", "answer", "trust"), REPLIES, ids=[row[0] for row in REPLIES])
def test_a_reply_is_an_answer_from_101_to_299_where_it_has_sdp(
    _: str, answer: Callable[[Media], None], trust: str
) -> None:
    relay = Relay()
    for status, is_answer in ((100, False), (101, True), (183, True), (200, True), (299, True), (300, False)):
        answer(relay.holds(sdp=True, status=status).media)
        assert (status, bool(relay.answers())) == (status, is_answer)
        assert all(flags.endswith(f"SDES-pad{trust}") for flags in relay.answers())
        assert relay.told.words == (["progressed"] if is_answer and status < 200 else [])
    answer(relay.holds(sdp=False, status=180).media)
    assert (relay.answers(), relay.told.words) == ([], ["progressed"])


def test_an_offer_in_a_reply_is_one_from_101_to_299() -> None:
    relay = Relay()
    relay.fake.variables[NOTE] = f"{PBX} udp off off 1"
    for status, is_offer in ((100, False), (101, True), (200, True), (299, True), (300, False)):
        relay.holds(sdp=True, status=status).media.late_offer()
        assert (status, len(relay.fake.args_of("rtpengine.rtpengine_offer"))) == (status, int(is_offer))
        assert relay.told.words == (["progressed"] if status == 101 else [])
    relay.holds(sdp=False, status=180).media.late_offer()
    assert not relay.fake.args_of("rtpengine.rtpengine_offer")
    assert relay.told.words == ["progressed"]


def test_a_providers_audio_may_come_from_elsewhere_and_a_phones_may_not() -> None:
    relay = Relay(trunks={"carrier": CARRIER})
    for source, held in ((PHONE, True), ("192.0.2.9", False), (PBX, False)):
        relay.holds(sdp=True).media.request("ACK", source, "udp", LEG)
        assert relay.answers()[0].endswith(" SIP-source-address") is held


def test_what_is_remembered_of_sources_is_bounded() -> None:
    relay = Relay().holds(sdp=True)
    for number in range(MOST_PLAIN + 10):
        source = f"198.51.{number >> 8}.{number & 255}"
        for method in ("INVITE", "ACK"):
            relay.media.request(method, source, "udp", LEG)
    assert len(relay.media._answers) <= MOST_PLAIN
    assert len(relay.media._plain) <= MOST_PLAIN


@pytest.mark.parametrize("reply", [Media.answer, Media.pbx_answer, Media.late_offer])
def test_a_call_is_kept_when_it_is_answered_by_whomever_and_not_before(reply: Callable[[Media], None]) -> None:
    relay = Relay()
    relay.fake.variables[NOTE] = f"{PBX} udp off off 1"
    relay.fake.answers["pv.get", record._TEMPLATE] = SEPARATOR.join(("c1\ncaller", "", "callee"))
    for status, sdp in ((183, True), (200, True), (200, False), (299, True)):
        reply(relay.holds(sdp=sdp, status=status).media)
        answered = status >= 200
        assert relay.told.words == [f"answered {sdp}" if answered else "progressed"]
        kept = [("calls", "c1", "callercallee", RECORD_LIFETIME_S)] if answered else []
        assert relay.fake.args_of("htable.sht_setxs") == kept
