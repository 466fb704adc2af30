"""A call that sounds bad: what is lost and late, which side it comes from, where on the way, in what words it is told.

All calls run at the same time. One phone's own line is bad; between the edge and one PBX packets are lost both ways.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from lab.edge import Edge
from lab.net import Net
from lab.peers.address import Hop
from lab.peers.rtcp import uplink
from lab.switchboard import Switchboard
from lab.topologies import BEHIND_NAT
from tests.engine.office import (
    BRANCH,
    BRANCH_TONE_HZ,
    HQ,
    HQ_TONE_HZ,
    LOG_TAIL,
    MARKS,
    Office,
    folder,
    until,
    with_branch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.peers.call import Call

pytestmark = [*MARKS, pytest.mark.timeout(200)]

LINES: Final = (
    "add|table|inet|line",
    "add|chain|inet|line|in|{ type filter hook input priority 0; }",
    "add|chain|inet|line|out|{ type filter hook output priority 0; }",
    # Audio alone is that long: 160 octets, and the heads of RTP and UDP.
    "add|rule|inet|line|in|udp length 180 numgen random mod 8 == 0 drop",
    "add|rule|inet|line|out|udp length 180 numgen random mod 6 == 0 drop",
)
#: Of fewer packets and reports an average tells little.
LEAST_PACKETS, LEAST_REPORTS = 400, 7


@dataclass(frozen=True)
class Seen:
    """Of one call: what was shown while it ran, its record, and what was said of it."""

    live: dict[str, Any]
    record: dict[str, Any]
    words: str
    while_it_ran: str


async def talk(place: Office, user: str, domain: str, line: Callable[[Call], None], *, rtcp: bool) -> Seen:
    phone = place.phone(user=user, domain=domain)
    phone.line = replace(phone.line, rtcp=rtcp)
    async with phone:
        call, invite = await phone.prepare("600")
        line(call)
        await phone.place(call, invite)
        stream = call.voice.stream
        await until(lambda: len(stream.packets) > LEAST_PACKETS, 60)
        if stream.reports is not None:
            reports = stream.reports
            await until(lambda: len(reports.heard) > LEAST_REPORTS, 60)
        running = json.loads((await place.ask("calls", "--live", "--json")).out)["calls"]
        live = next(one for one in running if one["call_id"] == invite.call_id)
        now, _ = await explained(place, invite.call_id, lambda record: record["state"] == "answered")
        await call.bye()
        words, record = await explained(place, invite.call_id, lambda record: record["state"] == "ended")
    return Seen(live, record, words, now)


async def explained(place: Office, call_id: str, when: Callable[[dict[str, Any]], bool]) -> tuple[str, dict[str, Any]]:
    told: dict[str, Any] = {}
    for _ in range(100):
        told = json.loads((await place.ask("explain", call_id, "--json")).out)
        if told["record"] and when(told["record"]):
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail(f"not so: {told}")
    first = told["findings"][0]
    return f"{first['name']}: {told['text']}", told["record"]


def good(call: Call) -> None:
    """A line without fault."""


def bad(call: Call) -> None:
    """Each tenth packet is lost, and the others are up to 120 ms late: 56 ms on average from one to the next."""
    call.voice.stream.uplink = uplink(10, 0.12)


CALLS: Final[dict[str, tuple[str, Callable[[Call], None], bool]]] = {
    "nothing is wrong": ("branch.example.com", good, True),
    "the phone's line is bad": ("branch.example.com", bad, True),
    "the way to the PBX is bad": ("example.com", good, True),
    "the phone reports nothing": ("example.com", good, False),
}


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, Seen]]:
    with ExitStack() as stack:
        root = stack.enter_context(folder())
        net = stack.enter_context(Net(BEHIND_NAT))
        for words in LINES:
            assert net.run("pbx-hq-a", ("nft", *words.split("|"))).code == 0
        made = [
            Switchboard(net, host, root, tone_hz=tone_hz, listen=(Hop("udp", address, 5060),), options=("--rtcp",))
            for host, address, tone_hz in (("pbx-hq-a", HQ, HQ_TONE_HZ), ("pbx-branch", BRANCH, BRANCH_TONE_HZ))
        ]
        pbx, _ = map(stack.enter_context, made)
        edge = stack.enter_context(Edge(net, root, with_branch()))
        place = Office(net, edge, pbx, root)
        try:
            yield asyncio.run(all_of_them(place))
        except BaseException:
            print(edge.text()[-LOG_TAIL:])
            raise


async def all_of_them(place: Office) -> dict[str, Seen]:
    async def one(number: int, name: str) -> Seen:
        domain, line, rtcp = CALLS[name]
        return await talk(place, f"user{number}", domain, line, rtcp=rtcp)

    async with asyncio.timeout(150):
        found = await asyncio.gather(*(one(*named) for named in enumerate(CALLS)))
    return dict(zip(CALLS, found, strict=True))


def test_a_good_call_has_figures_and_is_called_good(seen: dict[str, Seen]) -> None:
    record = seen["nothing is wrong"].record
    for stream in (record["from_caller"], record["from_callee"]):
        assert stream["lost_percent"] < 2
        assert stream["mos"] > 3.5
        assert stream["measured"] == "receiver"
    assert seen["nothing is wrong"].words.startswith("good: ")


def test_a_bad_line_of_the_caller_is_told_with_its_side(seen: dict[str, Seen]) -> None:
    call = seen["the phone's line is bad"]
    bad, other = call.record["from_caller"], call.record["from_callee"]
    assert 7 < bad["lost_percent"] < 13
    assert 7 < bad["lost_before_percent"] < 13
    assert 30 < bad["jitter_ms"] < 120
    assert 1.5 < bad["mos_lowest"] <= bad["mos"] < 3.6 < other["mos"]
    assert other["lost_percent"] < 2
    assert call.words.startswith("bad-quality: What the caller sent was received badly by the callee: ")
    assert "They are lost between the caller and the edge" in call.words


def test_it_is_shown_while_the_call_runs(seen: dict[str, Seen]) -> None:
    call = seen["the phone's line is bad"]
    sends = call.live["caller"]["sends"]
    assert 5 < sends["lost_percent"] < 16
    assert sends["mos"] < 3.7 < call.live["callee"]["sends"]["mos"]
    assert call.while_it_ran.startswith("bad-quality: What the caller sent was received badly by the callee: ")


def test_a_bad_way_behind_the_edge_is_told_apart_from_one_before_it(seen: dict[str, Seen]) -> None:
    call = seen["the way to the PBX is bad"]
    out, back = call.record["from_caller"], call.record["from_callee"]
    assert 5 < out["lost_percent"] < 21
    assert out["lost_before_percent"] < 2
    assert 9 < back["lost_percent"] < 26
    assert 9 < back["lost_before_percent"] < 26
    assert call.words.startswith("bad-quality: ")
    assert "They are lost between the edge and the callee" in call.words
    assert "They are lost between the callee and the edge" in call.words


def test_a_phone_that_reports_nothing_leaves_no_direction_without_figures(seen: dict[str, Seen]) -> None:
    call = seen["the phone reports nothing"]
    out, back = call.record["from_caller"], call.record["from_callee"]
    assert (out["measured"], back["measured"]) == ("receiver", "edge")
    assert 5 < out["lost_percent"] < 21
    assert 9 < back["lost_percent"] < 26
    assert back["jitter_ms"] is None
    assert 1.5 < back["mos"] < 3.6
    assert "What the callee sent came to the edge badly (the caller reports nothing)" in call.words
