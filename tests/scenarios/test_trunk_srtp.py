"""What a trunk wants of audio, encrypted or not, whatever the PBX inside speaks: bodies on both sides."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import HQ, Setting, Stage, stage
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC
from tests.scenarios.test_trunk_challenges import RAW, RAW_PORT, parties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.peers.message import Request, Response
    from tests.scenarios.wire import Wire

PLAIN, SECRET = "RTP/AVP", "RTP/SAVP"
PROVIDERS = {"required": ("provider", 5071), "off": ("stranger", 5072)}
"""Policy of a trunk -> its host and port."""
KEY = base64.b64encode(bytes(30)).decode()
SDP = ("Content-Type", "application/sdp")


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    trunks: dict[str, Any] = {
        srtp: {
            "addresses": [BEHIND_NAT.host(host).ipv4()],
            "port": port,
            "keepalive": False,
            "pbxs": ["raw"],
            "prefixes": [f"07{port % 10}"],
            "dids": {f"055{port % 10}.": "raw"},
            "srtp": srtp,
        }
        for srtp, (host, port) in PROVIDERS.items()
    }
    raw = {"names": [RAW], "nodes": [BEHIND_NAT.host("pbx-hq-b").ipv4()], "sip": {"udp": RAW_PORT}}
    hq = {"names": [HQ], "nodes": [BEHIND_NAT.host("pbx-hq-a").ipv4()]}
    more = {"health": {"interval_seconds": 600}, "trunks": trunks}
    with stage(Setting(BEHIND_NAT, pbxs={"raw": raw, "hq": hq}, more=more), folders()) as made:
        yield made


def body(wire: Wire, profile: str) -> bytes:
    """An offer or answer, with a key where it is encrypted."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {wire.here}", "s=-", f"c=IN IP4 {wire.here}", "t=0 0", f"m=audio 4000 {profile} 8"]
    lines += [f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"] if profile == SECRET else []
    return ("\r\n".join(lines) + "\r\n").encode()


def profile(message: Request | Response) -> str:
    """Of the audio in a message; what is encrypted has a key, what is not has none."""
    text = message.body.decode()
    found = next(line.split(" ")[2] for line in text.split("\r\n") if line.startswith("m=audio "))
    assert ("a=crypto:" in text) is (found == SECRET), text
    return found


@pytest.mark.parametrize(("srtp", "offered"), [("required", SECRET), ("off", PLAIN)])
def test_a_provider_is_offered_what_its_trunk_wants(office: Stage, srtp: str, offered: str) -> None:
    host, port = PROVIDERS[srtp]
    with parties(office, port, host) as (pbx, there):
        uri = f"sip:07{port % 10}1@{EDGE_LAN}"
        pbx.send(pbx.request("INVITE", uri, 1, SDP, body=body(pbx, PLAIN)))
        invite = there.asked("INVITE")
        assert profile(invite) == offered
        there.reply(invite, 200, SDP, body=body(there, offered))
        answer = pbx.answered(200)
        # Inside, audio stays what the PBX speaks.
        assert profile(answer) == PLAIN
        pbx.send(pbx.within(answer, "ACK", 1))
        there.asked("ACK")
        pbx.send(pbx.within(answer, "BYE", 2))
        there.reply(there.asked("BYE"), 200)
        pbx.answered(200, CSeq="2 BYE")


@pytest.mark.parametrize(
    ("srtp", "offered", "taken"),
    [
        ("required", SECRET, True),
        ("required", PLAIN, False),
        ("off", SECRET, False),
        ("off", PLAIN, True),
    ],
)
def test_a_provider_that_offers_something_else_is_refused(
    office: Stage, srtp: str, offered: str, *, taken: bool
) -> None:
    host, port = PROVIDERS[srtp]
    with parties(office, port, host) as (pbx, there):
        uri = f"sip:055{port % 10}1@{EDGE_PUBLIC}"
        there.send(there.request("INVITE", uri, 1, SDP, body=body(there, offered)))
        if not taken:
            assert there.answered(488)
            assert [message for message in pbx.heard if getattr(message, "method", "") == "INVITE"] == []
            return
        invite = pbx.asked("INVITE")
        assert profile(invite) == PLAIN
        pbx.reply(invite, 200, SDP, body=body(pbx, PLAIN))
        answer = there.answered(200)
        assert profile(answer) == offered
        there.send(there.within(answer, "ACK", 1))
        pbx.asked("ACK")
