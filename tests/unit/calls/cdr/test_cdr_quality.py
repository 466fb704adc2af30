"""What rtpengine and SDP say of a call. The first reply is rtpengine's own, from a call through a running edge."""

from __future__ import annotations

from typing import Any

import pytest

from voxgate.calls.cdr.quality import Heard, heard
from voxgate.calls.cdr.sdp import Description, described
from voxgate.calls.cdr.value import Stream


def party(
    packets: int, address: str, ssrc: int, *, protocol: str = "RTP/AVP", flags: tuple[str, ...] = ()
) -> dict[str, Any]:
    endpoint = {"family": "IPv4", "address": address, "port": 4000}
    stream = {
        "local port": 10018,
        "endpoint": endpoint,
        "advertised endpoint": {**endpoint, "address": "10.0.0.50"},
        "SSRC": ssrc,
        "stats": {"packets": packets, "bytes": 51600, "errors": 0},
    }
    return {"medias": [{"index": 1, "type": "audio", "protocol": protocol, "streams": [stream], "flags": list(flags)}]}


REPLY: dict[str, Any] = {
    "tags": {
        "caller": party(300, "203.0.113.77", 11, protocol="RTP/SAVP", flags=("SDES",)),
        "callee": party(0, "192.168.1.20", 22),
        "forked-off": {"medias": []},
    },
    "SSRC": {
        # Under the SSRC of who reported.
        "22": {
            "average MOS": {"MOS": 43, "round-trip time": 2000, "jitter": 3, "packet loss": 1, "samples": 4},
            "lowest MOS": {"MOS": 38, "reported at": 1},
        }
    },
}


def test_each_direction_has_its_packets_and_what_the_other_party_received() -> None:
    found = heard(REPLY, "caller")
    assert found.from_caller == Stream(300, 1.0, 3.0, 4.3, 3.8, "203.0.113.77:4000", measured="receiver")
    assert found.from_callee == Stream(0)
    assert (found.encryption_caller, found.encryption_callee) == ("sdes", "none")
    assert found.advertised_caller == "10.0.0.50:4000"


@pytest.mark.parametrize("reply", [{}, {"tags": 1}, {"tags": {"caller": []}}, {"tags": {"caller": {"medias": [1]}}}])
def test_a_reply_of_another_shape_says_nothing(reply: dict[str, Any]) -> None:
    assert heard(reply, "caller") == Heard()


SRTP = "v=0\nc=IN IP4 192.0.2.1\nm=audio 5000 RTP/SAVPF 111 0 13\na=rtpmap:111 opus/48000/2\na=sendonly\n"


@pytest.mark.parametrize(
    ("sdp", "said"),
    [
        ("", Description()),
        ("v=0\nm=image 5000 udptl t38\n", Description()),
        (SRTP, Description(("opus", "PCMU"), "sdes", "192.0.2.1", 5000, "sendonly")),
        (SRTP + "a=fingerprint:sha-256 AA\n", Description(("opus", "PCMU"), "dtls", "192.0.2.1", 5000, "sendonly")),
        (
            "v=0\r\nm=audio 0 RTP/AVP 18\r\nc=IN IP6 2001:db8::1\r\n",
            Description(("G729",), "none", "2001:db8::1", 0, refused=True),
        ),
        ("v=0\nm=audio x RTP/AVP 0\n", Description()),
        ("v=0\nm=audio 5 RTP/AVP 97\na=rtpmap:97 bad name\x1b[31m/8000\n", Description((), "none", "", 5)),
    ],
)
def test_sdp_is_read_as_far_as_a_record_needs(sdp: str, said: Description) -> None:
    assert described(sdp) == said
