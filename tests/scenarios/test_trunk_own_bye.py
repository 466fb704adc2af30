"""Calls with providers that the edge itself ends: its BYE is the other party's, and authorised where it must be."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from lab.demo.stage import Stage, stage
from lab.peers import digest
from lab.topologies import EDGE_LAN, EDGE_PUBLIC
from tests.scenarios.test_trunk_challenges import DOMAIN, HIDDEN, PLAIN, SHOWN, asks, parties, setting
from voxgate.engines.rtpengine import TIMEOUT_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.scenarios.wire import Wire


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    folder = folders()
    (folder / "secrets").mkdir(mode=0o700)
    (folder / "secrets" / "carrier").write_text("s3cret")
    (folder / "secrets" / "carrier").chmod(0o600)
    with stage(setting(), folder) as made:
        yield made


def session(wire: Wire) -> tuple[tuple[str, str], bytes]:
    """A body and its header."""
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {wire.here}",
        "s=-",
        f"c=IN IP4 {wire.here}",
        "t=0 0",
        "m=audio 4000 RTP/AVP 8",
        "",
    ]
    return ("Content-Type", "application/sdp"), "\r\n".join(lines).encode()


def with_audio(caller: Wire, callee: Wire, uri: str) -> str:
    """An answered call with bodies, whose media relay then finds that nothing is heard; gives its Call-ID."""
    kind, body = session(caller)
    invite = caller.request("INVITE", uri, 1, kind, body=body)
    caller.send(invite)
    kind, body = session(callee)
    callee.reply(callee.asked("INVITE"), 200, kind, body=body)
    caller.send(caller.within(caller.answered(200), "ACK", 1))
    callee.asked("ACK")
    return invite.call_id


def media_stopped(office: Stage, call_id: str) -> None:
    """Say of a call to the edge what rtpengine says."""
    body = (
        '<?xml version="1.0"?><methodCall><methodName>teardown</methodName><params><param><value><string>'
        f"{call_id}</string></value></param></params></methodCall>"
    ).encode()
    with office.net.socket("edge", socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(("127.0.0.1", TIMEOUT_PORT))
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert b"200 OK" in sock.recv(4096)


@pytest.mark.parametrize(
    ("port", "inbound"), [(HIDDEN, False), (SHOWN, False), (HIDDEN, True)], ids=["hidden", "shown", "of the provider"]
)
def test_the_edges_own_bye_is_authorised_when_it_is_challenged(office: Stage, port: int, *, inbound: bool) -> None:
    with parties(office, port) as (pbx, there):
        if inbound:
            call_id = with_audio(there, pbx, f"sip:05551@{EDGE_PUBLIC}")
        else:
            call_id = with_audio(pbx, there, f"sip:{'071' if port == HIDDEN else '072'}4@{EDGE_LAN}")
        media_stopped(office, call_id)
        first = there.asked("BYE", Call_ID=call_id)
        there.reply(first, 407, asks("n1", ", stale=true"))
        second = there.asked("BYE", CSeq=f"{first.cseq + 1} BYE")
        there.reply(second, 407, asks("n2", ", stale=true"))
        third = there.asked("BYE", CSeq=f"{first.cseq + 2} BYE")
        for bye, nonce in ((second, "n1"), (third, "n2")):
            proof = bye.get("Proxy-Authorization")
            assert digest.accepts(proof, "s3cret", DOMAIN, nonce, "BYE")
            assert digest.parse(proof)["uri"] == bye.uri
            assert bye.branch != first.branch
            same = [[one.all(name) for name in ("From", "To", "Route", "Reason", "Call-ID")] for one in (first, bye)]
            assert (same[0], bye.uri) == (same[1], first.uri)
            assert 'text="no media"' in bye.get("Reason")
        there.reply(third, 200)
        # The other party is told once, and asked nothing.
        other = pbx.asked("BYE", Call_ID=call_id)
        pbx.reply(other, 200)
        # Both know their dialog: each tag stands once (RFC 3261 section 12.2.1.1).
        for bye, tags in ((third, ("ours", "theirs")), (other, ("theirs", "ours"))):
            ends = tags[::-1] if inbound else tags
            assert [bye.get(name).partition(">")[2] for name in ("From", "To")] == [f";tag={tag}" for tag in ends]
        assert {message.cseq for message in pbx.heard if getattr(message, "method", "") == "BYE"} == {first.cseq}


def test_a_bye_that_the_edge_cannot_authorise_stays_refused(office: Stage) -> None:
    with parties(office, PLAIN) as (pbx, there):
        refused = with_audio(pbx, there, f"sip:0734@{EDGE_LAN}")
        media_stopped(office, refused)
        there.reply(there.asked("BYE", Call_ID=refused), 407, asks("n"))
        pbx.reply(pbx.asked("BYE", Call_ID=refused), 200)
        # What comes next is of the next call.
        call_id = with_audio(pbx, there, f"sip:0735@{EDGE_LAN}")
        media_stopped(office, call_id)
        there.reply(there.asked("BYE", Call_ID=call_id), 200)
        byes = {message.branch for message in there.heard if getattr(message, "method", "") == "BYE"}
        assert len(byes) == 2
