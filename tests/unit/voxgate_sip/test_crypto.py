"""Encryption of media: what an offer asks for, who gets what, who is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate_sip.crypto import OFF, OPTIONAL, REQUIRED, TO_WEB, Flags, Offer, Party, Refused, judge, kind_of, must_look

HEAD = "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0\r\n"
KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
PRINT = "a=fingerprint:sha-256 00:11\r\n"
PLAIN = "m=audio 4000 RTP/AVP 0\r\n"
FAX = "m=image 4002 udptl t38\r\n"
OFFERS = {
    "plain": (PLAIN, Offer.PLAIN),
    "plain-with-feedback": ("m=audio 4000 RTP/AVPF 0\r\n", Offer.PLAIN),
    "plain-with-a-key": (PLAIN + KEY, Offer.EITHER),
    "plain-with-a-fingerprint": (PLAIN + PRINT, Offer.EITHER),
    "plain-with-a-fingerprint-for-all": (PRINT + PLAIN, Offer.EITHER),
    "sdes": ("m=audio 4000 RTP/SAVP 0\r\n" + KEY, Offer.SDES),
    "sdes-with-feedback": ("m=audio 4000 RTP/SAVPF 0\r\n" + KEY, Offer.SDES),
    "dtls": ("m=audio 4000 UDP/TLS/RTP/SAVP 0\r\n" + PRINT, Offer.DTLS),
    "browser": ("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" + PRINT, Offer.DTLS),
    "plain-video-beside-encrypted-audio": (
        "m=audio 4000 RTP/SAVP 0\r\n" + KEY + "m=video 4002 RTP/AVP 96\r\n",
        Offer.PLAIN,
    ),
    "refused-video-beside-encrypted-audio": (
        "m=audio 4000 RTP/SAVP 0\r\n" + KEY + "m=video 0 RTP/AVP 96\r\n",
        Offer.SDES,
    ),
    "a-cipher-that-encrypts-nothing": (
        "m=audio 4000 RTP/SAVP 0\r\na=crypto:1 NULL_HMAC_SHA1_80 inline:x\r\n" + KEY,
        Offer.PLAIN,
    ),
    "a-key-that-is-not-used": (
        "m=audio 4000 RTP/SAVP 0\r\n" + KEY.replace("\r\n", " UNENCRYPTED_SRTP\r\n"),
        Offer.PLAIN,
    ),
    "a-cipher-that-encrypts-nothing-as-the-last-choice": (
        "m=audio 4000 RTP/SAVP 0\r\n" + KEY + "a=crypto:2 NULL_HMAC_SHA1_80 inline:x\r\n",
        Offer.SDES,
    ),
    "fax": (FAX, Offer.EITHER),
    "fax-beside-refused-audio": ("m=audio 0 RTP/AVP 0\r\n" + FAX + KEY, Offer.EITHER),
    "chat-beside-encrypted-audio": (
        "m=audio 4000 RTP/SAVP 0\r\n" + KEY + "m=message 4002 TCP/MSRP *\r\n",
        Offer.SDES,
    ),
    "a-broken-line": ("m=\r\na=crypto:1\r\nRTP/", Offer.EITHER),
}


@pytest.mark.parametrize(("streams", "kind"), OFFERS.values(), ids=OFFERS)
def test_an_offer_is_told_by_its_weakest_stream(streams: str, kind: Offer) -> None:
    assert kind_of(HEAD + streams) is kind
    assert kind_of((HEAD + streams).replace("\r\n", "\n")) is kind


@given(st.lists(st.sampled_from(["m=", "audio", " ", "0", "4000", "RTP/AVP", "RTP/SAVP", "a=crypto:", "\r\n", "x"])))
def test_whatever_comes_is_some_kind_of_offer(words: list[str]) -> None:
    assert kind_of("".join(words)) in Offer


def towards(answerer: Party, offer: Offer, *, first: bool = True, by: str = OPTIONAL) -> str:
    judgement = judge(Party(by, "udp"), answerer, offer, first=first)
    assert isinstance(judgement, Flags)
    return judgement.offer


GETS = {
    "off-gets-plain": (Party(OFF, "tls"), Offer.SDES, "RTP/AVP", "OSRTP"),
    "off-gets-plain-of-a-browsers-offer": (Party(OFF, "udp"), Offer.DTLS, "RTP/AVP", "SAVP"),
    "required-gets-encryption-for-plain": (Party(REQUIRED, "udp"), Offer.PLAIN, "RTP/SAVP", "OSRTP"),
    "optional-gets-encryption-for-encryption": (Party(OPTIONAL, "udp"), Offer.SDES, "RTP/SAVP", "OSRTP"),
    "optional-may-choose-on-tls": (Party(OPTIONAL, "tls"), Offer.PLAIN, "OSRTP-offer", "SAVP"),
    "optional-gets-as-offered-on-udp": (Party(OPTIONAL, "udp"), Offer.PLAIN, "ICE=remove", "RTP/"),
    "optional-gets-no-keys-on-udp": (Party(OPTIONAL, "udp"), Offer.EITHER, "RTP/AVP", "OSRTP"),
    "insisting-on-sdes": (Party(OPTIONAL, "tls", Offer.SDES), Offer.PLAIN, "RTP/SAVP", "OSRTP"),
    "insisting-on-dtls": (Party(OPTIONAL, "tls", Offer.DTLS), Offer.PLAIN, "UDP/TLS/RTP/SAVP", "OSRTP"),
    "required-insisting-on-dtls": (Party(REQUIRED, "udp", Offer.DTLS), Offer.PLAIN, "UDP/TLS/RTP/SAVP", "OSRTP"),
    "browser": (Party(OPTIONAL, "wss"), Offer.PLAIN, TO_WEB, "ICE=remove"),
    "browser-whatever-the-policy": (Party(OFF, "ws"), Offer.PLAIN, TO_WEB, "RTP/AVP"),
}


@pytest.mark.parametrize(("answerer", "offer", "has", "lacks"), GETS.values(), ids=GETS)
def test_a_party_gets_what_its_policy_and_its_way_allow(answerer: Party, offer: Offer, has: str, lacks: str) -> None:
    flags = towards(answerer, offer)
    assert has in flags
    assert lacks not in flags


@pytest.mark.parametrize("offer", Offer)
@pytest.mark.parametrize("srtp", [OPTIONAL, REQUIRED])
@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_a_cipher_that_encrypts_nothing_is_never_offered(srtp: str, transport: str, offer: Offer) -> None:
    for first in (True, False):
        flags = towards(Party(srtp, transport), offer, first=first)
        assert "SDES-no-NULL_HMAC_SHA1_80" in flags or "SAVP" not in flags.replace("UDP/TLS/RTP/SAVP", "")
        assert "OSRTP" not in flags or "SDES-no-NULL_HMAC_SHA1_32" in flags


def test_inside_a_dialog_a_party_with_a_choice_goes_on_as_it_is() -> None:
    for offer in Offer:
        flags = towards(Party(OPTIONAL, "tls", Offer.SDES), offer, first=False)
        assert "RTP/" not in flags
        assert "OSRTP" not in flags


def test_inside_a_dialog_required_stays_required_and_off_stays_off() -> None:
    assert "RTP/SAVP" in towards(Party(REQUIRED, "tls"), Offer.PLAIN, first=False)
    assert "RTP/AVP" in towards(Party(OFF, "tls"), Offer.SDES, first=False)


REFUSALS = {
    "required-refuses-plain": (Party(REQUIRED, "udp"), Offer.PLAIN, "srtp-required"),
    "required-takes-a-choice": (Party(REQUIRED, "udp"), Offer.EITHER, None),
    "required-takes-sdes": (Party(REQUIRED, "udp"), Offer.SDES, None),
    "required-refuses-plain-of-a-browser": (Party(REQUIRED, "wss"), Offer.PLAIN, "srtp-required"),
    "off-refuses-sdes": (Party(OFF, "tls"), Offer.SDES, "srtp-off"),
    "off-refuses-dtls": (Party(OFF, "tls"), Offer.DTLS, "srtp-off"),
    "off-takes-dtls-of-a-browser": (Party(OFF, "wss"), Offer.DTLS, None),
    "off-takes-plain": (Party(OFF, "udp"), Offer.PLAIN, None),
    "optional-takes-anything": (Party(OPTIONAL, "udp"), Offer.SDES, None),
}


@pytest.mark.parametrize(("offerer", "offer", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_an_offer_against_its_senders_policy_is_refused(offerer: Party, offer: Offer, reason: str | None) -> None:
    judgement = judge(offerer, Party(OFF, "udp"), offer, first=True)
    assert (judgement.reason if isinstance(judgement, Refused) else None) == reason


def test_keys_beside_plain_rtp_are_stripped_where_encryption_is_off() -> None:
    for srtp, strips in ((OFF, True), (OPTIONAL, False), (REQUIRED, False)):
        judgement = judge(Party(srtp, "tls"), Party(OFF, "udp"), Offer.EITHER, first=True)
        assert isinstance(judgement, Flags)
        assert judgement.strips is strips


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("answerer", [OFF, OPTIONAL, REQUIRED])
@pytest.mark.parametrize("offerer", [OFF, OPTIONAL, REQUIRED])
def test_where_nobody_looks_the_offer_makes_no_difference(offerer: str, answerer: str, first: bool) -> None:
    parties = Party(offerer, "udp"), Party(answerer, "udp")
    if not must_look(*parties):
        assert len({judge(*parties, offer, first=first) for offer in Offer}) == 1
