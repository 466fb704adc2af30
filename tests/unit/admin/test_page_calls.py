"""Calls, records, the log and the guard's lists on pages: what is asked, what a stranger wrote, who may change what."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.admin.page_place import Place
from voxgate.admin.page.calls import arrows
from voxgate.calls.cdr.running import Running
from voxgate.calls.cdr.value import Attempt, Cdr, State, Stream, ended
from voxgate.errors import MissingError, UsageError
from voxgate.supervise.control import Told
from voxgate.wire.admin_request import LogsRequest
from voxgate.wire.guard_request import GuardAction, GuardRequest
from voxgate.wire.records_request import RecordsAction, RecordsRequest

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
CALL = Cdr(
    *(EVIL, "t", NOON),
    id=7,
    state=State.ANSWERED,
    answer=NOON + timedelta(seconds=2),
    pbx="hq",
    caller=EVIL,
    caller_name=EVIL,
    caller_uri=EVIL,
    callee="600",
    user_agent=EVIL,
    source="203.0.113.7",
    transport="tls",
    codecs=("opus",),
    encryption_caller="dtls",
    from_caller=Stream(50, 1.5, 3.0, 4.25, 4.0, "203.0.113.7:4000"),
    attempts=(Attempt("hq", EVIL, ""),),
)
MESSAGES = [
    ("INVITE (SDP)", "203.0.113.7:5060", "edge"),
    ("INVITE (SDP)", "edge", "hq 192.168.1.20:5060"),
    ("200 OK (SDP)", "hq 192.168.1.20:5060", "edge"),
]


def traced() -> dict[str, Any]:
    messages = [
        {
            "at": f"2026-03-01T12:00:0{number}.250Z",
            "source": "a:1",
            "target": "b:2",
            "sender": sender,
            "receiver": receiver,
            "transport": "tcp",
            "title": title,
            "text": f"{title}\n{EVIL}",
        }
        for number, (title, sender, receiver) in enumerate(MESSAGES)
    ]
    return {"call_id": EVIL, "parties": ["203.0.113.7:5060", "edge", "hq 192.168.1.20:5060"], "messages": messages}


def about_records(request: RecordsRequest) -> Told:
    match request.action:
        case RecordsAction.LIVE:
            return Told(Running((CALL,), 1).to_json(), "")
        case RecordsAction.TRACE if request.subject == "gone":
            raise MissingError("nothing is kept", "look elsewhere")
        case RecordsAction.TRACE:
            return Told(traced(), "")
        case RecordsAction.EXPLAIN:
            found = [{"name": "one-way-audio", "weight": 88, "cause": f"One way: {EVIL}.", "cure": "Open the ports."}]
            return Told({"subject": EVIL, "text": "", "findings": found, "record": CALL.to_json()}, "")
    if request.number == "%":
        raise UsageError("'%' is no number\n    write 0555*")
    return Told({"records": [ended(CALL, NOON + timedelta(seconds=9)).to_json()], "cursor": "1780000000.5-7"}, "")


BANS = [
    {
        "network": f"198.51.{number // 250}.{number % 250}/32",
        "origin": "guard",
        "since": "2026-01-02T03:00:00Z",
        "until": "2026-01-02T04:00:00Z",
        "seconds_left": 3000,
        "offence": 2,
        "note": EVIL,
    }
    for number in range(10_000)
]


def about_guard(request: GuardRequest) -> Told:
    if request.action is GuardAction.WHY:
        if request.network == "nonsense":
            raise UsageError("that is no address")
        evidence = {"time": "2026-01-02T03:00:00.5Z", "source": "198.51.0.7", "protocol": "sip", "kind": "scanner"}
        rest = {"name": EVIL, "user": "", "detail": "friendly", "proven": False, "weight": 1, "result": ""}
        ban = {**BANS[7], "network": "198.51.0.0/24"}
        case = {"network": "198.51.0.7", "ban": ban, "standing": [EVIL], "score": 3, "threshold": 20}
        return Told({**case, "evidence": [{**evidence, **rest}]}, "")
    if request.action is not GuardAction.BANS:
        if request.network == "192.168.1.20":
            raise UsageError("192.168.1.20 is a PBX\n    it is never banned")
        return Told({}, "")
    allowed = [
        {"network": "192.0.2.0/24", "since": "2026-01-01T00:00:00Z", "note": EVIL, "origin": "hand"},
        {"network": "10.0.0.0/8", "since": None, "note": "", "origin": "file"},
    ]
    return Told({"enforcement": {"by": "nftables", "reason": ""}, "bans": BANS, "allowed": allowed, "feeds": []}, "")


def about_log(request: LogsRequest) -> Told:
    if request.address == "nonsense":
        raise UsageError("'nonsense' is no address\n    write 203.0.113.7")
    line = {"time": "2026-03-01T12:00:00.000Z", "level": "warning", "unit": "kamailio", "event": "line"}
    return Told({"lines": [{**line, "message": EVIL, "call_id": EVIL}]}, "")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.desk.answers |= {RecordsRequest: about_records, GuardRequest: about_guard, LogsRequest: about_log}
    return made


def got(place: Place, address: str, user: str = "rita", **headers: str) -> Any:
    async def scene() -> Any:
        async with place.browser(user) as browser:
            return await browser.get(address, headers=headers)

    return asyncio.run(scene())


def sent(place: Place, address: str, user: str, **fields: str) -> Any:
    async def scene() -> Any:
        async with place.browser(user) as browser:
            return await browser.post(address, data=fields)

    return asyncio.run(scene())


def orders(place: Place) -> list[Any]:
    asked = [one for _, one in place.desk.asked if isinstance(one, GuardRequest)]
    return [one for one in asked if one.action not in {GuardAction.BANS, GuardAction.WHY}]


@pytest.mark.parametrize(
    "address",
    [
        "/calls",
        "/calls?number=600",
        "/call?of=7",
        "/records",
        "/logs?call=7",
        "/bans",
        "/whitelist",
        "/evidence?network=1.2.3.4",
    ],
)
def test_what_a_stranger_wrote_is_text(place: Place, address: str) -> None:
    answer = got(place, address)
    assert answer.status_code == 200, answer.text[:2000]
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert not re.search(r"<[^>]* (style|on[a-z]+)=", answer.text)


def test_a_running_call_shows_both_legs_and_what_each_sends(place: Place) -> None:
    page = got(place, "/calls").text
    for words in ("tls 203.0.113.7, dtls", "50 packets, 1.5 % lost, 3 ms jitter, MOS <strong>4.2</strong>", "opus"):
        assert words in page
    assert 'data-live="/live/calls"' in page
    searched = got(place, "/calls?pbx=hq&number=060*")
    assert "data-live" not in searched.text
    assert 'hx-trigger="every 3s"' in searched.text
    asked = place.desk.asked[-1][1]
    assert (asked.pbx, asked.number, asked.limit) == ("hq", "060*", 50)
    part = got(place, "/calls?pbx=hq", **{"HX-Request": "true"}).text
    assert "<html" not in part
    assert "MOS" in part


def test_one_call_is_told_whole_with_and_without_its_sip(place: Place) -> None:
    page = got(place, "/call?of=7").text
    for words in ("one-way-audio", "Open the ports.", "1.5 %", "4.2, lowest 4.0", "not reported", "203.0.113.7 port 0"):
        assert words in page, words
    assert page.count("<details>") == len(MESSAGES)
    assert "from 203.0.113.7:5060 to edge" in page
    assert "Nothing is kept of its SIP" in got(place, "/call?of=gone").text


def test_the_ladder_puts_each_message_between_its_parties() -> None:
    drawn = [(one.left, one.right, one.forward, one.seconds) for one in arrows(traced())]
    assert drawn == [(0, 1, True, 0.0), (1, 2, True, 1.0), (1, 2, False, 2.0)]
    far = traced()
    far["messages"][1]["receiver"] = "a party without a column"
    assert len(arrows(far)) == 2


def test_records_are_searched_and_gone_through_page_by_page(place: Place) -> None:
    page = got(place, "/records?number=0555*&pbx=hq&cursor=1780000001.5-9").text
    asked = place.desk.asked[-1][1]
    assert (asked.number, asked.pbx, asked.cursor, asked.limit) == ("0555*", "hq", "1780000001.5-9", 50)
    assert "/records?number=0555%2A&amp;pbx=hq&amp;cursor=1780000000.5-7" in page
    assert "/api/v1/records.csv?number=0555%2A&amp;pbx=hq" in page
    assert 'href="/call?of=7"' in page
    wrong = got(place, "/records?number=%25")
    assert wrong.status_code == 422
    assert "is no number" in wrong.text
    assert 'value="%"' in wrong.text


def test_lines_of_the_log_are_asked_for_by_call_address_and_pbx(place: Place) -> None:
    got(place, "/logs?call=7&address=203.0.113.7&pbx=hq&unit=kamailio&level=warning&text=x")
    asked = asdict(place.desk.asked[-1][1])
    assert asked == {
        "unit": "kamailio",
        "level": "warning",
        "text": "x",
        "limit": 200,
        "call": "7",
        "address": "203.0.113.7",
        "pbx": "hq",
    }
    wrong = got(place, "/logs?address=nonsense")
    assert (wrong.status_code, "is no address" in wrong.text) == (422, True)


def test_ten_thousand_bans_come_in_pieces_with_their_time_left(place: Place) -> None:
    page = got(place, "/bans").text
    assert "1 to 50 of 10000" in page
    assert page.count('scope="row"') == 50
    assert 'datetime="2026-01-02T04:00:00Z"' in page
    assert "1 to 1 of 1" in got(place, "/bans?q=198.51.3.77/32").text
    assert "Let in" not in page, "rita may only look"
    assert "Let in" in got(place, "/bans", "otto").text
    white = got(place, "/whitelist", "otto").text
    assert "by the configuration" in white
    assert white.count("Take off") == 1


@pytest.mark.parametrize(
    ("address", "fields", "order"),
    [
        ("/bans", {"do": "unban", "network": "198.51.0.7/32"}, GuardRequest(GuardAction.UNBAN, "198.51.0.7/32")),
        ("/bans", {"do": "move", "network": "198.51.0.7/32"}, GuardRequest(GuardAction.MOVE, "198.51.0.7/32")),
        (
            *("/bans", {"do": "ban", "network": "192.0.2.9", "minutes": "60", "note": "he"}),
            GuardRequest(GuardAction.BAN, "192.0.2.9", 60, "he"),
        ),
        ("/whitelist", {"do": "allow", "network": "192.0.2.9"}, GuardRequest(GuardAction.ALLOW, "192.0.2.9")),
        ("/whitelist", {"do": "disallow", "network": "192.0.2.9"}, GuardRequest(GuardAction.DISALLOW, "192.0.2.9")),
    ],
)
def test_one_click_moves_somebody(place: Place, address: str, fields: dict[str, str], order: GuardRequest) -> None:
    answer = sent(place, address, "otto", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert orders(place) == [order]


def test_who_may_not_does_not_and_what_the_guard_refuses_is_said(place: Place) -> None:
    assert sent(place, "/bans", "rita", do="unban", network="198.51.0.7").status_code == 403
    refused = sent(place, "/bans", "otto", do="ban", network="192.168.1.20")
    assert refused.status_code == 409
    assert "192.168.1.20 is a PBX" in refused.text
    assert "1 to 50 of 10000" in refused.text
    for fields in ({"do": "import", "network": "1.2.3.4"}, {"do": "ban", "network": "1.2.3.4", "minutes": "-1"}, {}):
        assert sent(place, "/bans", "otto", **fields).status_code == 422

    async def forged() -> int:
        async with place.browser("otto") as browser:
            del browser.headers["X-CSRF-Token"]
            return (await browser.post("/bans", data={"do": "unban", "network": "198.51.0.7"})).status_code

    assert asyncio.run(forged()) == 403
    assert [one.network for one in orders(place)] == ["192.168.1.20"]
    assert got(place, "/evidence?network=nonsense").status_code == 409
    assert "as part of 198.51.0.0/24" in got(place, "/evidence?network=198.51.0.7").text
