"""Calls as they run: who is asked about, how much, and how both legs look."""

from __future__ import annotations

import asyncio
import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from voxgate.calls.cdr import running, spreadsheet
from voxgate.calls.cdr.listening import (
    ASK_AT_ONCE,
    ASK_EVERY_S,
    FORGET_S,
    FRESH_S,
    LOOK_S,
    MOST_LOOKED_AT,
    MOST_TOLD,
    Listener,
)
from voxgate.calls.cdr.overhearing import MOST_A_SECOND, Overhearing
from voxgate.calls.cdr.running import chosen, shown
from voxgate.calls.cdr.search import Query
from voxgate.calls.cdr.value import Attempt, Cdr, Direction, State, Stream
from voxgate.errors import EngineError, PeerError, UsageError
from voxgate.wire import hep
from voxgate.wire.rtcp_told import Block, Told

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def call(number: int = 1, **changes: Any) -> Cdr:
    made = Cdr(f"c{number}", "t", NOON + timedelta(seconds=number), state=State.ANSWERED, pbx="hq", caller="alice")
    return replace(made, callee=f"060{number}", source="203.0.113.7", **changes)


class Clock:
    """Goes when it is told to."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> datetime:
        return NOON


class Relay:
    """rtpengine: counts questions, and may be silent or know nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self.answers: Any = {"tags": {"t": {"medias": [{"type": "audio", "streams": [{"stats": {"packets": 7}}]}]}}}
        self.silent = False

    async def request(self, command: str, arguments: Mapping[str, str] | None = None) -> Any:
        self.asked.append((arguments or {})["call-id"])
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(3600 if self.silent else 0)
        finally:
            self.at_once -= 1
        if isinstance(self.answers, Exception):
            raise self.answers
        return self.answers


def test_what_somebody_looks_at_is_asked_for_at_once_and_not_again_within_the_moment() -> None:
    relay, clock = Relay(), Clock()
    listener = Listener(relay, clock)
    asyncio.run(listener.look([call(1)]))
    assert listener.heard(call(1)).from_caller.packets == 7
    asyncio.run(Listener.look(listener, [call(1)]))
    assert relay.asked == ["c1"]
    clock.now_s += FRESH_S
    asyncio.run(listener.look([call(1)]))
    assert relay.asked == ["c1", "c1"]


def test_a_look_is_bounded_in_number_at_once_and_in_time() -> None:
    relay = Relay()
    asyncio.run(Listener(relay, Clock()).look([call(number) for number in range(5 * MOST_LOOKED_AT)]))
    assert len(relay.asked) == MOST_LOOKED_AT
    assert relay.most_at_once == ASK_AT_ONCE
    relay.silent = True

    async def bounded() -> None:
        async with asyncio.timeout(LOOK_S + 5):
            await Listener(relay, Clock()).look([call(1)])

    asyncio.run(bounded())


@pytest.mark.parametrize(
    ("says", "lost"), [(EngineError("rtpengine", "Unknown call-ID"), True), (PeerError("x"), False)]
)
def test_a_call_that_rtpengine_does_not_know_twice_is_over_and_silence_says_nothing(
    says: Exception, lost: bool
) -> None:
    relay, clock = Relay(), Clock()
    listener = Listener(relay, clock)
    relay.answers = says
    found: list[Cdr] = []
    for _ in range(3):
        found += asyncio.run(listener.lost([call(1)]))
        clock.now_s += ASK_EVERY_S
    assert [one.call_id for one in found] == (["c1"] if lost else [])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(), ["c3", "c2", "c1"]),
        (Query(pbx="branch"), ["c3"]),
        (Query(number="0602"), ["c2"]),
        (Query(number="060*"), ["c3", "c2", "c1"]),
        (Query(number="*03"), ["c3"]),
        (Query(number="*603*"), ["c3"]),
        (Query(number="alice", state="open"), ["c2"]),
        (Query(direction="out"), []),
        (Query(number="%"), None),
    ],
)
def test_running_calls_are_chosen_as_records_are(query: Query, found: list[str] | None) -> None:
    calls = [call(1), call(2, state=State.OPEN), call(3, pbx="branch")]
    if found is None:
        with pytest.raises(UsageError):
            chosen(calls, query)
    else:
        assert [one.call_id for one in chosen(calls, query)] == found


def test_both_legs_are_shown_with_what_each_party_sends() -> None:
    hostile = "<script>alert(1)</script>"
    made = call(1, from_caller=Stream(50, 1.0, 3.0, 4.3, 4.1, "203.0.113.7:4000"), codecs=("PCMA",), user_agent=hostile)
    told = shown(replace(made, encryption_caller="sdes", answer=NOON + timedelta(seconds=2)))
    assert (told["codec"], told["caller"]["encryption"], told["caller"]["sends"]["mos"]) == ("PCMA", "sdes", 4.3)
    nobody = dict.fromkeys(("lost_percent", "jitter_ms", "mos", "mos_lowest", "lost_before_percent"))
    assert told["callee"]["sends"] == {"packets": 0, "source": "", "measured": "", **nobody}
    assert told["caller"]["user_agent"] == hostile
    assert len(running.row(made)) == len(running.HEAD)
    assert running.row(made)[-4:] == ("50/0", "1/-", "3/-", "4.3/-")


def test_a_table_has_the_same_columns_for_each_record_and_no_formula_of_a_strangers() -> None:
    one = call(1, caller_name='=HYPERLINK("http://x")', caller="+4930123", codecs=("PCMA", "opus"))
    two = call(2, attempts=(Attempt("hq", "sip:a", "200"),), direction=Direction.OUT, user_agent="a,\r\nb")
    text = spreadsheet.head() + spreadsheet.table([one.to_json(), two.to_json()])
    first, second = csv.DictReader(StringIO(text, newline=""))
    assert (first["caller_name"], first["caller"], first["codecs"]) == (
        *('\'=HYPERLINK("http://x")', "+4930123", "PCMA opus"),
    )
    assert (second["attempts"], second["user_agent"], second["direction"]) == ("hq=sip:a=200", "a,\r\nb", "out")
    assert first["from_caller_packets"] == "0"
    assert set(first) == set(second) > {"progress", "duration_s", "from_callee_mos_lowest"}


REPORT = hep.Packet("203.0.113.7", 4001, "192.0.2.1", 10_001, hep.UDP, NOON.timestamp(), b"", 1, b"c1")
RTPENGINE = ("127.0.0.1", 40_000)


def test_reports_are_handed_on_as_they_pass_so_many_a_second_and_from_this_machine_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, found = Clock(), []
    ear = Overhearing(lambda *told: found.append(told), clock)
    datagram = hep.encode(replace(REPORT, payload=b'{ "ssrc":5,"type":201,"report_count":0 }'))
    for data, source in (
        *(
            (datagram, ("203.0.113.9", 1)),
            (b"HEP3", RTPENGINE),
            (hep.encode(replace(REPORT, payload=b"{}")), RTPENGINE),
        ),
        (datagram, RTPENGINE),
    ):
        ear.datagram_received(data, source)
    assert found == [("c1", Told(5), NOON.timestamp())]
    for _ in range(MOST_A_SECOND + 9):
        ear.datagram_received(datagram, RTPENGINE)
    assert len(found) == MOST_A_SECOND - 3
    clock.now_s += 1
    with caplog.at_level("INFO"):
        ear.datagram_received(datagram, RTPENGINE)
    assert len(found) == MOST_A_SECOND - 2
    assert "rtcp_unread count=13" in caplog.text


def test_what_was_reported_of_a_call_is_in_its_figures_and_forgotten_with_it() -> None:
    async def scene() -> None:
        relay = Relay()
        stream = {"SSRC": 11, "stats": {"packets": 500}}
        relay.answers = {"tags": {"t": {"medias": [{"type": "audio", "streams": [stream]}]}}}
        listener, now_s = Listener(relay, Clock()), NOON.timestamp()
        listener.told("c1", Told(22, blocks=(Block(11, 0.5, 0),)), now_s)
        for late in ("c2", "no-call"):
            listener.told(late, Told(22, blocks=(Block(11, 0.5, 0),)), now_s - FORGET_S - 1)
        found = await listener.ask(call(1))
        assert found is not None
        assert found.from_caller.lost_percent == 50.0
        assert set(listener._told) == {"c1", "c2", "no-call"}
        listener.forget(call(1))
        await listener.lost([call(2)])
        assert set(listener._told) == {"c2"}
        for number in range(MOST_TOLD + 5):
            listener.told(f"flood{number}", Told(22), now_s)
        assert len(listener._told) == MOST_TOLD

    asyncio.run(scene())
