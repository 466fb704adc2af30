"""Each cause is told by its own words, and what is not there is not told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from voxgate.calls.autopsy.case import Banned, Case, Evidence
from voxgate.calls.autopsy.verdict import explain
from voxgate.calls.cdr.value import Attempt, Cdr, Direction, State, Stream
from voxgate.calls.trace.message import Message, Sip, read

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
EDGE, PHONE, PBX = "192.168.1.10", "203.0.113.77", "192.168.1.20"
OWN = frozenset({EDGE, "203.0.113.45"})
SDP = "v=0\r\nc=IN IP4 {0}\r\nm=audio {1} {2} 0\r\na={3}\r\n"


def sdp(address: str = "10.0.0.50", port: int = 4000, profile: str = "RTP/AVP", way: str = "sendrecv") -> str:
    return SDP.format(address, port, profile, way)


def sip(start: str, source: str, target: str, body: str = "", at: float = 0, **headers: Any) -> Sip:
    """A message; further headers by name, `_` for `-`."""
    given = {"via": "SIP/2.0/UDP 10.0.0.50:5060;branch=z9", "from": "<sip:alice@x>;tag=a", "to": "<sip:600@x>"}
    lines = (
        given
        | {"cseq": "1 INVITE", "call-id": "c1"}
        | {name.replace("_", "-"): value for name, value in headers.items()}
    )
    text = "\r\n".join([start, *(f"{name}: {value}" for name, value in lines.items())]) + f"\r\n\r\n{body}"
    made = read(Message(T0.timestamp() + at, f"{source}:5060", f"{target}:5060", "udp", text.encode()))
    assert made is not None
    return made


INVITE = sip("INVITE sip:600@x SIP/2.0", PHONE, EDGE, sdp(), contact="<sip:alice@10.0.0.50>")
SENT = sip("INVITE sip:600@x SIP/2.0", EDGE, PBX, sdp(EDGE))
OK = sip("SIP/2.0 200 OK", PBX, EDGE, sdp(PBX))


def cdr(**changes: Any) -> Cdr:
    made = Cdr("c1", "a", T0, pbx="hq", caller="alice", callee="600", source=PHONE, transport="udp", state=State.ENDED)
    return replace(made, end=T0 + timedelta(seconds=5), codecs_offered=("PCMU",), **changes)


def refused(code: int, **changes: Any) -> Cdr:
    return cdr(sip_code=code, sip_reason="No", hung_up="callee", **changes)


def talked(seconds: float = 60, packets: tuple[int, int] = (3000, 3000), **changes: Any) -> Cdr:
    streams = {"from_caller": Stream(packets[0]), "from_callee": Stream(packets[1])}
    given = {"sip_code": 200, "hung_up": "caller", "callee_address": PBX, **streams, **changes}
    return replace(cdr(**given), answer=T0 + timedelta(seconds=2), end=T0 + timedelta(seconds=2 + seconds))


def edge(reason: str, code: int = 503, **changes: Any) -> Cdr:
    return cdr(sip_code=code, hung_up="edge", reason=reason, **changes)


def evidence(kind: str, **changes: Any) -> Case:
    return Case(PHONE, evidence=(Evidence(T0, PHONE, "sip", kind, **changes),))


def registering(code: int, phrase: str, **headers: Any) -> Case:
    asked = sip("REGISTER sip:x SIP/2.0", PHONE, EDGE, cseq="1 REGISTER", **headers)
    told = sip(f"SIP/2.0 {code} {phrase}", EDGE, PHONE, cseq="1 REGISTER")
    return Case("carol", messages=(asked, told), registered=())


def reinvite(code: int, phrase: str) -> Case:
    inside: dict[str, Any] = {"to": "<sip:600@x>;tag=b", "cseq": "2 INVITE"}
    again = sip("INVITE sip:600@x SIP/2.0", PHONE, EDGE, sdp(), at=20, **inside)
    return Case(
        "c1", talked(), (INVITE, OK, again, sip(f"SIP/2.0 {code} {phrase}", PBX, EDGE, at=20.1, **inside)), own=OWN
    )


ACK_IN = sip("ACK sip:600@x SIP/2.0", PHONE, EDGE, cseq="1 ACK")
ACK_OUT = sip("ACK sip:600@x SIP/2.0", EDGE, PBX, cseq="1 ACK")
LATE = talked(32, hung_up="callee")
ALG = sip("INVITE sip:600@x SIP/2.0", PHONE, EDGE, sdp(PHONE), contact="<sip:alice@10.0.0.50:5060>")
SAVP = sip("SIP/2.0 200 OK", PBX, EDGE, sdp(PBX, profile="RTP/SAVP"))
HOLD = sip("INVITE sip:600@x SIP/2.0", PHONE, EDGE, sdp(way="inactive"))
NO_PORT = sip("SIP/2.0 200 OK", PBX, EDGE, sdp(PBX, port=0))

LOST_BEFORE = Stream(900, 10.0, 20.0, 3.3, lost_before_percent=9.0, measured="receiver")
LOST_BEHIND = Stream(900, 10.0, 20.0, 3.3, lost_before_percent=0.0, measured="receiver")
UNREPORTED = Stream(900, 9.0, None, 3.4, lost_before_percent=9.0, measured="edge")
LATE_ONLY = Stream(900, 0.0, 90.0, 3.9, lost_before_percent=0.0, measured="receiver")

CASES: list[tuple[Case, str, str]] = [
    (Case("1", edge("pbx-calls-limit:hq", 486)), "calls-limit", "`pbxs.hq.limits.calls`"),
    (Case("1", edge("pbx-rate-limit:hq")), "rate-limit", "within a second"),
    (Case("1", edge("trunk-calls-limit:carrier")), "trunk-limit", "trunk carrier"),
    (Case("1", edge("from-calls-limit", 486)), "requester-limit", "one NAT"),
    (Case("1", edge("fraud-denied:hq", 403)), "toll-fraud", "prefix that is denied"),
    (Case("1", edge("no-node-answers")), "pbx-down", "PBX hq"),
    (Case("1", edge("no-trunk-answers", trunk="carrier")), "trunk-down", "trunk carrier"),
    (Case("1", edge("no-media-relay")), "media-relay-down", "rtpengine"),
    (Case("1", edge("no-way-to-phone", 404)), "phone-unknown", "Path"),
    (Case("1", edge("not-sent", 430)), "phone-gone", "connection"),
    (Case("1", edge("srtp-required", 488)), "srtp-policy", "encrypted audio is required"),
    (Case("1", edge("transport-of-mars", 403, direction=Direction.REFUSED)), "refused", "transport-of-mars"),
    (Case("1", refused(404)), "unknown-number", "600"),
    (Case("1", refused(486)), "busy", "busy"),
    (Case("1", refused(603)), "declined", "declined"),
    (Case("1", refused(480)), "not-registered", "voxgate registrations"),
    (Case("1", refused(403)), "forbidden", "403"),
    (Case("1", refused(407)), "password-in-call", "without credentials"),
    (Case("1", refused(500, attempts=(Attempt("hq", "sip:a", "timeout"),))), "server-error", "sip:a: timeout"),
    (Case("1", refused(488)), "no-common-codec", "offered PCMU"),
    (Case("1", refused(488, encryption_caller="sdes")), "srtp-mismatch", "sdes"),
    (Case("1", replace(refused(408), end=T0 + timedelta(seconds=40))), "no-answer", "rang for 40 s"),
    (Case("1", cdr(sip_code=408, reason="no-reply")), "no-reply", "not even that it is trying"),
    (Case("1", cdr(sip_code=487, reason="cancelled")), "cancelled", "after 5 s"),
    (
        Case("1", refused(403, direction=Direction.TRUNK_OUT, trunk="carrier")),
        "trunk-refused",
        "the number shown is not yours",
    ),
    (Case("1", talked(packets=(3000, 0)), (INVITE, OK), own=OWN), "one-way-audio", "0 from the callee"),
    (Case("1", talked(packets=(0, 3000)), (INVITE, OK), own=OWN), "one-way-audio", "behind NAT (10.0.0.50"),
    (Case("1", talked(packets=(0, 3000)), (HOLD, OK), own=OWN), "one-way-audio", "a=inactive"),
    (Case("1", talked(packets=(0, 0)), own=OWN), "no-audio", "neither side"),
    (Case("1", talked(reason="no-media", hung_up="edge")), "media-timeout", "audio had come from both sides"),
    (Case("1", talked(reason="media-lost", hung_up="edge")), "media-lost", "BYE was lost"),
    (Case("1", talked(), (INVITE, SENT, SAVP), own=OWN), "srtp-mismatch", "offered none audio and answered with sdes"),
    (Case("1", talked(packets=(9, 0)), (INVITE, NO_PORT), own=OWN), "audio-refused", "port 0"),
    (Case("1", talked(from_callee=Stream(900, 12.0, 90.0, 2.1))), "bad-quality", "12 % lost, 90 ms jitter, MOS 2.1"),
    (Case("1", talked(from_callee=Stream(900, 12.0, 90.0, 2.1))), "bad-quality", "or between the edge and the caller"),
    (
        Case("1", talked(from_caller=LOST_BEFORE)),
        "bad-quality",
        "between the caller and the edge, where 9 % never arrived",
    ),
    (
        Case("1", talked(from_caller=LOST_BEHIND)),
        "bad-quality",
        "lost between the edge and the callee: what the caller",
    ),
    (
        Case("1", talked(from_callee=UNREPORTED)),
        "bad-quality",
        "came to the edge badly (the caller reports nothing): 9 %",
    ),
    (Case("1", talked(from_caller=LOST_BEFORE, from_callee=UNREPORTED)), "bad-quality", "What the callee sent came"),
    (Case("1", talked(from_caller=LATE_ONLY)), "bad-quality", "callee: 90 ms jitter. Packets are lost or late between"),
    (Case("1", LATE, (INVITE, OK, ACK_IN), own=OWN), "ack-lost", "could not be sent on"),
    (Case("1", LATE, (INVITE, OK, ACK_IN, ACK_OUT), own=OWN), "ack-lost", "between the edge and the callee"),
    (Case("1", LATE, (INVITE, OK), own=OWN), "ack-lost", "between the caller and the edge"),
    (reinvite(488, "Not Acceptable Here"), "reinvite-refused", "488 Not Acceptable Here after 18 s"),
    (reinvite(491, "Request Pending"), "glare", "491"),
    (Case("1", talked(), (ALG, OK), own=OWN), "sip-alg", "SDP name the public address 203.0.113.77, while Contact"),
    (Case("1", talked(source=EDGE), own=OWN), "hairpin", "split DNS"),
    (Case("1", edge("kamailio-restarted", 0)), "kamailio-restarted", "started anew"),
    (Case("1", talked()), "good", "Nothing is wrong"),
    (Case(PHONE, ban=Banned(PHONE, T0, None, "20 points")), "banned", "for good: 20 points"),
    (evidence("auth_failure", user="carol", detail="403"), "wrong-password", "credentials of carol"),
    (evidence("unknown_name", name="nowhere.example"), "unknown-domain", "nowhere.example"),
    (evidence("bad_tls", detail="no-certificate"), "tls-failed", "handshake"),
    (evidence("not_allowed", detail="transport-not-served"), "transport-not-served", "listen.sip"),
    (evidence("scanner", detail="friendly-scanner"), "scanner", "scanner"),
    (registering(403, "Forbidden"), "registration-refused", "403 Forbidden"),
    (registering(401, "Unauthorized"), "no-password", "never answered the challenge"),
    (registering(401, "Unauthorized", authorization='Digest response="x"'), "wrong-password", "wrong user or password"),
    (Case("carol", registered=(PHONE,)), "registered", PHONE),
    (Case("carol", registered=()), "unregistered", "DNS"),
    (Case("nothing"), "nothing-known", "Nothing is known"),
]


@pytest.mark.parametrize(
    ("case", "name", "words"), CASES, ids=[f"{name}-{at}" for at, (_, name, _) in enumerate(CASES)]
)
def test_the_cause_is_named_with_its_cure(case: Case, name: str, words: str) -> None:
    verdict = explain(case)
    assert verdict.findings[0].name == name, verdict.text
    assert words in verdict.text
    assert verdict.text == " ".join(verdict.text.split())
    assert "{0" not in verdict.text


def test_there_are_more_than_twenty_causes() -> None:
    assert len({name for _, name, _ in CASES}) > 40


@pytest.mark.parametrize(
    "case",
    [
        Case("1", talked(1, packets=(50, 0)), own=OWN),
        Case("1", talked(33, hung_up="caller"), (INVITE, OK), own=OWN),
        Case("1", talked(), (INVITE, SENT, OK, ACK_IN, ACK_OUT), own=OWN),
        Case("1", talked(from_caller=Stream(3000, 0.4, 3.0, 4.3))),
    ],
)
def test_a_call_in_which_nothing_is_wrong_is_called_good(case: Case) -> None:
    assert [one.name for one in explain(case).findings] == ["good"]
