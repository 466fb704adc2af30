"""Encrypted media: two parties' policies and an offer -> flags for rtpengine, or a refusal. Pure.

Nothing is found out by trial. What an offer may be and what the other party gets is decided from policy, from the
offer, and from how the party is reached:

    policy      what it may offer                what it gets
    off         plain RTP                        plain RTP
    optional    anything                         encryption where the offer has it; over TLS plain RTP with keys
                                                 beside it (RFC 8643), of which it takes what it can; else plain RTP
    required    encryption (SDES or DTLS-SRTP)   encryption

Keys in SDP protect only what nobody else can read (RFC 4568 section 7), so that nothing is gained by offering
them over UDP or TCP. Browsers, over WebSocket, know nothing but DTLS-SRTP (RFC 8827), whatever the policy is.

What was agreed on is remembered by rtpengine, not here: later offers name no profile, and rtpengine goes on with
the party's own. So it outlives Kamailio and costs plain calls nothing.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

#: Policies; the default towards PBXs is the first, towards phones the second.
OFF, OPTIONAL, REQUIRED = "off", "optional", "required"
#: Transports whose parties are browsers.
WEB: Final = frozenset({"ws", "wss"})
#: One cipher of each strength; of the others that rtpengine would add, some encrypt nothing.
_SUITES: Final = "SDES-pad " + " ".join(
    f"SDES-no-{suite}"
    for suite in (
        "AEAD_AES_128_GCM",
        "AES_256_CM_HMAC_SHA1_32",
        "AES_192_CM_HMAC_SHA1_80",
        "AES_192_CM_HMAC_SHA1_32",
        "AES_CM_128_HMAC_SHA1_32",
        "F8_128_HMAC_SHA1_80",
        "F8_128_HMAC_SHA1_32",
        "NULL_HMAC_SHA1_80",
        "NULL_HMAC_SHA1_32",
    )
)
#: ICE, and RTP and RTCP on one port, are for browsers; a phone that offers them has them accepted by rtpengine.
TO_WEB: Final = "UDP/TLS/RTP/SAVPF ICE=force rtcp-mux-offer rtcp-mux-require generate-mid SDES-off"
_TO_OTHERS: Final = "ICE=remove rtcp-mux-demux"
_PLAIN: Final = f"{_TO_OTHERS} RTP/AVP"
_ENCRYPTED: Final = f"{_TO_OTHERS} RTP/SAVP {_SUITES}"
_DTLS: Final = f"{_TO_OTHERS} UDP/TLS/RTP/SAVP SDES-off"
_EITHER: Final = f"{_TO_OTHERS} RTP/AVP OSRTP-offer {_SUITES}"
_AS_BEFORE: Final = f"{_TO_OTHERS} {_SUITES}"
_STREAM: Final = re.compile(r"^m=", re.MULTILINE)
_KEYS: Final = ("a=crypto:", "a=fingerprint:")
#: The first key of a stream is the one that rtpengine takes (RFC 4568 sections 6.2 and 6.3).
_FIRST_KEY: Final = re.compile(r"^a=crypto:\d+ +(.*)$", re.MULTILINE)
_ENCRYPTS_NOTHING: Final = ("NULL_", "UNENCRYPTED_SRTP")


class Offer(IntEnum):
    """What an offer asks for; of several streams the weakest counts."""

    PLAIN = 0
    EITHER = 1
    SDES = 2
    DTLS = 3


#: What leaves no choice.
INSISTS: Final = frozenset({Offer.SDES, Offer.DTLS})


_TRIED: Final = {_EITHER: Offer.EITHER, _ENCRYPTED: Offer.SDES, _DTLS: Offer.DTLS}


class Party(NamedTuple):
    """One party as far as encryption is concerned: its policy, the transport of its signalling (udp, tcp, ...), and

    what it is known to insist on; `PLAIN` for nothing.
    """

    srtp: str
    transport: str
    insists_on: Offer = Offer.PLAIN


class Flags(NamedTuple):
    """What rtpengine is told about an offer.

    `strips`: the offerer's keys are not to be taken; `tried`: which kind of encryption the answerer is offered.
    """

    offer: str
    strips: bool
    tried: Offer


class Refused(NamedTuple):
    """The offer is not acceptable (488); `reason` is counted and logged."""

    reason: str


def must_look(offerer: Party, answerer: Party) -> bool:
    """Whether `judge` needs to know what the offer is; where it need not, any value does."""
    return offerer.srtp != OPTIONAL or answerer.srtp == OPTIONAL


def kind_of(sdp: str) -> Offer:
    """What the RTP streams in `sdp` ask for; where there are none (fax: T.38), every policy is content."""
    if "RTP/" not in sdp:
        return Offer.EITHER
    if not ("SAVP" in sdp or any(key in sdp for key in _KEYS)):
        return Offer.PLAIN
    session, *streams = _STREAM.split(sdp)
    everywhere = any(key in session for key in _KEYS)
    kinds = [_kind_of_stream(stream, everywhere) for stream in streams]
    return min((kind for kind in kinds if kind is not None), default=Offer.EITHER)


def _kind_of_stream(stream: str, keys_everywhere: bool) -> Offer | None:
    """None where it is no RTP or switched off. The line m= is media, port, profile, formats (RFC 8866 section 5.14)."""
    _, port, profile, *_ = [*stream.partition("\n")[0].split(" "), "", "", ""]
    if "RTP/" not in profile or port == "0":
        return None
    first = _FIRST_KEY.search(stream)
    if first and any(word in first[1] for word in _ENCRYPTS_NOTHING):
        return Offer.PLAIN
    if "SAVP" in profile:
        return Offer.DTLS if profile.startswith("UDP/TLS/") else Offer.SDES
    return Offer.EITHER if keys_everywhere or any(key in stream for key in _KEYS) else Offer.PLAIN


def judge(offerer: Party, answerer: Party, offer: Offer, *, first: bool) -> Flags | Refused:
    """What becomes of `offer`; `first`: outside of a dialog."""
    srtp = OPTIONAL if offerer.srtp == OFF and offerer.transport in WEB else offerer.srtp
    if srtp == REQUIRED and offer is Offer.PLAIN:
        return Refused("srtp-required")
    if srtp == OFF and offer in INSISTS:
        return Refused("srtp-off")
    flags = _towards(answerer, offer, first=first)
    return Flags(flags, strips=srtp == OFF and offer is Offer.EITHER, tried=_TRIED.get(flags, Offer.PLAIN))


def _towards(answerer: Party, offer: Offer, *, first: bool) -> str:
    if answerer.transport in WEB:
        return TO_WEB
    if answerer.srtp == OFF:
        return _PLAIN
    if answerer.srtp == REQUIRED or (first and answerer.insists_on in INSISTS):
        return _DTLS if answerer.insists_on is Offer.DTLS else _ENCRYPTED
    return _by_choice(answerer, offer) if first else _AS_BEFORE


def _by_choice(answerer: Party, offer: Offer) -> str:
    if offer in INSISTS:
        return _ENCRYPTED
    if answerer.transport == "tls":
        return _EITHER
    return _TO_OTHERS if offer is Offer.PLAIN else _PLAIN


Judgement: TypeAlias = Flags | Refused
