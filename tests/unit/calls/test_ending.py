"""A provider challenges the edge's own BYE; Kamailio is a double that notes what it is told."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from lab.peers import digest
from tests.unit.calls.test_hangup import PHONE_TO_PBX, changed
from tests.unit.calls.test_timeouts import FakeKamailio
from voxgate.calls.ending import MOST_ANSWERS, MOST_KEPT, MOST_WAITING, Ending
from voxgate.calls.hangup import CSEQ
from voxgate.engines.trunk_accounts import Provider

if TYPE_CHECKING:
    from collections.abc import Iterable

CALL, OUT = "abc@10.0.0.50", changed(PHONE_TO_PBX, callee_routes="<sip:192.168.1.10;e=i4udp;u=1-7f-t;lr>")
TAG = "d213ac8d"
CARRIER = {"7f": Provider("0555", "s3cret")}


def asks(nonce: str, more: str = "") -> str:
    return f'Digest realm="carrier", nonce="{nonce}", qop="auth", algorithm=MD5{more}'


def event(code: int = 407, *challenges: str, **changes: Any) -> dict[str, Any]:
    told = {"event": "bye_challenged", "call_id": CALL, "tag": TAG, "code": code, "challenges": list(challenges)}
    return told | changes


def sent(rpc: FakeKamailio) -> list[str]:
    """The headers of each BYE."""
    return [str(words[5]) for words in rpc.told if words[0] == "tm.t_uac_start"]


def ended(events: Iterable[dict[str, Any]], providers: dict[str, Provider], record: str = OUT) -> FakeKamailio:
    """A call is ended, then these answers come."""
    rpc = FakeKamailio({CALL: record})

    async def scene() -> None:
        ending = Ending(rpc)
        ending.follow(providers)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(ending.serve())
            assert await ending.hang_up(CALL, "x")
            for one in events:
                ending.told(one)
                for _ in range(5):
                    await asyncio.sleep(0)
            serving.cancel()

    asyncio.run(scene())
    return rpc


@pytest.mark.parametrize(("code", "header"), [(401, "Authorization"), (407, "Proxy-Authorization")])
def test_the_bye_is_sent_again_with_the_trunks_account(code: int, header: str) -> None:
    rpc = ended([event(code, asks("n1"))], CARRIER)
    _, first, again = sent(rpc)
    proof = re.findall(rf"(?m)^{header}: (.*?)\r$", again)[0]
    assert digest.accepts(proof, "s3cret", "carrier", "n1", "BYE")
    assert digest.parse(proof)["uri"] == "sip:pbx@192.168.1.20:5060;transport=udp"
    assert f"CSeq: {CSEQ + 1} BYE" in again
    assert [line for line in again.split("\r\n") if header not in line and "CSeq" not in line] == [
        line for line in first.split("\r\n") if "CSeq" not in line
    ]
    # To the same party.
    assert [words[2:5] for words in rpc.told if words[0] == "tm.t_uac_start"][1:] == [
        ("sip:pbx@192.168.1.20:5060;transport=udp", "sip:192.168.1.20:5060", ".")
    ] * 2


def test_credentials_that_came_late_are_given_again_and_wrong_ones_are_not() -> None:
    late = [event(407, asks(f"n{number}", ", stale=true")) for number in range(MOST_ANSWERS + 3)]
    counts = [re.findall(r"CSeq: (\d+)", headers)[0] for headers in sent(ended(late, CARRIER))[1:]]
    assert counts == [str(CSEQ + number) for number in range(MOST_ANSWERS + 1)]
    assert len(sent(ended([event(407, asks("n1")), event(407, asks("n2"))], CARRIER))) == 3


@pytest.mark.parametrize(
    "challenge",
    [
        pytest.param(event(407), id="says nothing"),
        pytest.param(event(407, "Basic x", 'Digest realm="r"', "Digest \x00"), id="cannot be answered"),
        pytest.param(event(486, asks("n")), id="is no challenge"),
        pytest.param(event(407, asks("n"), tag="other"), id="is of another party"),
        pytest.param(event(407, asks("n"), call_id="other"), id="is of another call"),
        pytest.param({**event(407, asks("n")), "code": "407"}, id="has another shape"),
    ],
)
def test_what_is_no_challenge_of_that_bye_sends_nothing(challenge: dict[str, Any]) -> None:
    assert len(sent(ended([challenge], CARRIER))) == 2


@pytest.mark.parametrize(
    "providers", [{}, {"80": CARRIER["7f"]}, {"7f": Provider("", "")}], ids=["none", "other", "no"]
)
def test_without_an_account_there_nothing_is_answered(providers: dict[str, Provider]) -> None:
    assert len(sent(ended([event(407, asks("n"))], providers))) == 2


def test_a_bye_to_a_trunk_leaves_from_the_trunks_own_port() -> None:
    rpc = ended([], {"7f": Provider("", "", "udp:192.168.1.10:5072")})
    assert [words[4] for words in rpc.told if words[0] == "tm.t_uac_start"] == [".", "udp:192.168.1.10:5072"]


def test_what_is_kept_is_bounded() -> None:
    async def scene() -> int:
        rpc = FakeKamailio({str(number): OUT for number in range(MOST_KEPT + 1)})
        ending = Ending(rpc)
        ending.follow(CARRIER)
        for number in range(MOST_KEPT + 1):
            await ending.hang_up(str(number), "x")
        rpc.told.clear()
        for _ in range(MOST_WAITING + 5):
            ending.told(event(407, asks("n"), call_id="0"))
        ending.told(event(407, asks("n"), call_id="1"))
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(ending.serve())
            await asyncio.sleep(0)
            ending.told(event(407, asks("n"), call_id="1"))
            ending.told(event(407, asks("n"), call_id=str(MOST_KEPT)))
            for _ in range(2 * MOST_WAITING):
                await asyncio.sleep(0)
            serving.cancel()
        return len(sent(rpc))

    # The first one is forgotten; what came when the queue was full was dropped.
    assert asyncio.run(scene()) == 2
