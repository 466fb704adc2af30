from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from voxgate.engines.base import Action, EngineState, File, Listener, Process
from voxgate.supervise.status import (
    CertificateStatus,
    EngineStatus,
    NodeState,
    NodeStatus,
    Overall,
    Status,
    drift,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BERLIN = timezone(timedelta(hours=1))
KAMAILIO = EngineStatus("kamailio", "running", True, 4711, datetime(2026, 3, 1, 9, 0, tzinfo=BERLIN), 1, "killed", 12)
RTPENGINE = EngineStatus("rtpengine", "running", True, 4712, NOW, 0, "")
UP = NodeStatus("hq", "172.16.0.10", 5060, "udp", NodeState.UP, NOW)
DOWN = NodeStatus("hq", "2001:db8::10", 5060, "udp", NodeState.DOWN, NOW)
GOOD = Status(
    now=NOW,
    generation=12,
    engines=(RTPENGINE, KAMAILIO),
    drift=(),
    listeners=(Listener("tls", "192.168.1.10", 5061, "SIP over TLS"), Listener("udp", "2001:db8::1", 5060, "SIP")),
    media_ports="10000-20000",
    nodes=(UP, NodeStatus("branch", "172.16.8.10", 5080, "tcp", NodeState.UNKNOWN, None)),
    certificate=CertificateStatus(("edge.example.com",), NOW + timedelta(days=90), self_signed=True),
    warnings=("voxgate.yaml:3: certificates: self-signed",),
)
DEAD = replace(KAMAILIO, phase="waiting", serving=False, pid=None, last_reason="exit code 255")
EXPIRING = CertificateStatus(("a",), NOW + timedelta(days=13), self_signed=False)

JUDGED = [
    ("all well", GOOD, Overall.OK, ()),
    ("an engine is dead", replace(GOOD, engines=(DEAD,)), Overall.DOWN, ("kamailio is waiting: exit code 255",)),
    ("drift", replace(GOOD, drift=("x was changed",)), Overall.DEGRADED, ("x was changed",)),
    ("a node is down", replace(GOOD, nodes=(UP, DOWN)), Overall.DEGRADED, ("PBX hq: 1 of 2 nodes down",)),
    ("a PBX is down", replace(GOOD, nodes=(DOWN,)), Overall.DEGRADED, ("PBX hq: all of 1 nodes down",)),
    (
        "the certificate ends soon",
        replace(GOOD, certificate=EXPIRING),
        Overall.DEGRADED,
        ("the certificate expires at 2026-03-14T12:00:00Z",),
    ),
    (
        "the certificate has ended",
        replace(GOOD, certificate=replace(EXPIRING, expires=NOW)),
        Overall.DEGRADED,
        ("the certificate expired at 2026-03-01T12:00:00Z",),
    ),
    ("no TLS", replace(GOOD, certificate=None), Overall.OK, ()),
]


@pytest.mark.parametrize(("status", "overall", "reasons"), [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED])
def test_one_word_says_how_it_is_and_sentences_say_why(
    status: Status, overall: Overall, reasons: tuple[str, ...]
) -> None:
    assert status.overall is overall
    assert status.reasons == reasons


DOCUMENTED = {
    "overall": "ok",
    "trunks": [],
    "reasons": [],
    "generation": 12,
    "engines": [
        {
            "name": "rtpengine",
            "phase": "running",
            "serving": True,
            "pid": 4712,
            "since": "2026-03-01T12:00:00Z",
            "restarts": 0,
            "last_reason": "",
            "generation": None,
        },
        {
            "name": "kamailio",
            "phase": "running",
            "serving": True,
            "pid": 4711,
            "since": "2026-03-01T08:00:00Z",
            "restarts": 1,
            "last_reason": "killed",
            "generation": 12,
        },
    ],
    "drift": [],
    "listeners": [
        {"proto": "tls", "address": "192.168.1.10", "port": 5061, "purpose": "SIP over TLS"},
        {"proto": "udp", "address": "2001:db8::1", "port": 5060, "purpose": "SIP"},
    ],
    "media_ports": "10000-20000",
    "nodes": [
        {
            "pbx": "hq",
            "address": "172.16.0.10",
            "port": 5060,
            "transport": "udp",
            "state": "up",
            "since": "2026-03-01T12:00:00Z",
        },
        {
            "pbx": "branch",
            "address": "172.16.8.10",
            "port": 5080,
            "transport": "tcp",
            "state": "unknown",
            "since": None,
        },
    ],
    "certificate": {"names": ["edge.example.com"], "expires": "2026-05-30T12:00:00Z", "self_signed": True},
    "warnings": ["voxgate.yaml:3: certificates: self-signed"],
}


def test_the_json_is_as_documented() -> None:
    assert GOOD.to_json() == DOCUMENTED


def test_the_table_is_aligned_and_says_the_same() -> None:
    assert replace(GOOD, engines=(DEAD,)).to_table().splitlines() == [
        "Voxgate is down, generation 12",
        "  ! kamailio is waiting: exit code 255",
        "",
        "engine    state    pid  since                 restarts  last restart because",
        "kamailio  waiting  -    2026-03-01T08:00:00Z  1         exit code 255",
        "",
        "listens on              for",
        "tls 192.168.1.10:5061   SIP over TLS",
        "udp [2001:db8::1]:5060  SIP",
        "udp 10000-20000         media",
        "",
        "PBX     node                  state    since",
        "hq      udp 172.16.0.10:5060  up       2026-03-01T12:00:00Z",
        "branch  tcp 172.16.8.10:5080  unknown  -",
        "",
        "certificate: edge.example.com, until 2026-05-30T12:00:00Z, self-signed",
        "warning: voxgate.yaml:3: certificates: self-signed",
    ]


def test_drift_is_found_in_engines_and_in_files() -> None:
    files = tuple(File(path, b"x", Action.RESTART) for path in ("same", "edited", "gone", "unread"))
    state = EngineState("kamailio", Process(("kamailio",), "kamailio"), files)
    odd = replace(RTPENGINE, process="0123456789ab")
    media = EngineState("rtpengine", Process(("rtpengine",), "rtpengine"))
    on_disk = {("kamailio", "same"): b"x", ("kamailio", "edited"): b"y", ("kamailio", "gone"): None}
    assert drift(13, (state, media), (KAMAILIO, odd), on_disk) == (
        "kamailio says generation 12, not 13",
        "kamailio/edited was changed by hand; `voxgate apply` puts it right",
        "kamailio/gone is gone; `voxgate apply` puts it right",
        "rtpengine was started with another command line",
    )
