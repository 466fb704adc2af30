"""Calls over the API: as they run, as they were, why, and what the log says of them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.edge import Kept
from lab.topologies import EDGE_PUBLIC
from tests.engine.admin_place import PORT, Place
from tests.engine.office import HQ, HQ_TONE_HZ, MARKS, Office, config, hears, office, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from lab.peers.phone import Phone

pytestmark = MARKS

ROOT = Path(__file__).parents[2]
METRIC = re.compile(r"\b(?:voxgate|kamailio|rtpengine|haproxy)_[a-z0-9_]+")

HOSTILE = "=cmd|' /C calc'!A0<script>alert(1)</script>"


@pytest.fixture(scope="module")
def place() -> Iterator[Office]:
    trace = {"trace": {"messages_per_second": 5000}}
    with office(config(admin={"listen": f"0.0.0.0:{PORT}"}, records=trace)) as running:
        running.edge.wait_for_log("admin_listens")
        yield running


@pytest.fixture(scope="module")
def api(place: Office) -> Iterator[httpx.Client]:
    desk = Place(place.net, place.edge, place.folder)
    with desk.client(desk.token("read-only")) as client:
        yield client


async def asked(api: httpx.Client, path: str, **params: Any) -> Any:
    answer = await asyncio.to_thread(api.get, f"/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def captured(api: httpx.Client, phone: Phone) -> None:
    """Until SIP is captured: a second after the edge has begun."""
    for _ in range(50):
        assert (await phone.register()).code == 200
        answer = await asyncio.to_thread(api.get, "/api/v1/trace", params={"call": phone._register_id})
        if answer.status_code == 200:
            return
        await asyncio.sleep(0.2)
    pytest.fail("nothing is captured")


async def explained(api: httpx.Client, call_id: str, name: str) -> None:
    """Once its first finding is this one: a record is complete a moment after the BYE."""
    for _ in range(60):
        told = await asked(api, "explain", subject=call_id)
        if told["findings"][0]["name"] == name:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"not {name}: {told}")


async def live(api: httpx.Client, call_id: str, packets: int = 0, **wanted: str) -> Any:
    """The call in the list, once so many packets came from both sides."""
    for _ in range(60):
        for one in (await asked(api, "calls/live", pbx="hq", **wanted))["calls"]:
            sent = min(one[who]["sends"]["packets"] for who in ("caller", "callee"))
            if one["call_id"] == call_id and sent >= packets:
                return one
        await asyncio.sleep(0.1)
    pytest.fail("not in the list")


def test_a_call_is_followed_from_ringing_to_its_explanation(place: Office, api: httpx.Client) -> None:
    async def scene() -> None:
        async with asyncio.timeout(60), place.phone("tls", user="alice") as phone:
            await captured(api, phone)
            call, invite = await phone.prepare("603")
            phone.events.clear()
            placed = asyncio.create_task(phone.place(call, invite))
            await until(lambda: "provisional 180" in phone.events, 40)
            rings = await live(api, invite.call_id, state="open")
            assert (rings["call_id"], rings["answer"], rings["callee"]["number"]) == (invite.call_id, None, "603")
            assert call.outgoing is not None
            await phone.endpoint.cancel(call.outgoing)
            await placed

            call, invite = await phone.prepare("600")
            await phone.place(call, invite)
            await hears(call, HQ_TONE_HZ)
            one = await live(api, invite.call_id, 20)
            assert (one["pbx"], one["codec"], one["state"], one["direction"]) == ("hq", "PCMU", "answered", "in")
            assert (one["caller"]["transport"], one["callee"]["address"]) == ("tls", HQ)
            assert one["callee"]["sends"]["source"].startswith(f"{HQ}:")
            listed = await asyncio.to_thread(place.edge.command, "calls", "--live", "--number", "alice")
            assert "PCMU" in listed.out
            assert listed.out.splitlines()[0].split()[:2] == ["since", "way"]
            await call.bye()

            await explained(api, invite.call_id, "good")
            trace = await asked(api, "trace", call=invite.call_id)
            assert trace["parties"][1] == "edge"
            arrows = [(one["title"], one["sender"], one["receiver"]) for one in trace["messages"]]
            caller, _, pbx = trace["parties"]
            assert arrows[0] == ("INVITE (SDP)", caller, "edge")
            assert ("INVITE (SDP)", "edge", pbx) in arrows
            (record,) = (await asked(api, "records", call_id=invite.call_id))["records"]
            assert record["start"] < record["progress"] <= record["answer"] < record["end"]
            by_number = await asked(api, "trace", call=str(record["id"]))
            assert by_number == trace

    asyncio.run(scene())


def test_what_is_not_there_is_said_and_a_wrong_question_too(api: httpx.Client) -> None:
    assert api.get("/api/v1/trace", params={"call": "no-such-call"}).status_code == 404
    for path, wrong in (
        ("records", {"since": "yesterday"}),
        ("records", {"cursor": "1; DROP TABLE cdr"}),
        ("records.csv", {"number": "%"}),
        ("calls/live", {"number": "%"}),
        ("explain", {"subject": ""}),
        ("logs", {"address": "1.2.3"}),
    ):
        answer = api.get(f"/api/v1/{path}", params=wrong)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), (path, wrong)


def test_lines_of_the_log_about_one_call_one_address_and_one_pbx(place: Office, api: httpx.Client) -> None:
    async def scene() -> None:
        async with place.phone(user="mallory", domain="nowhere.example") as phone:
            task = asyncio.create_task(phone.register())
            await place.until_log("unknown-domain")
            task.cancel()
        mine = await asked(api, "logs", address="203.0.113.77")
        assert {one["event"] for one in mine} >= {"request_refused"} or any(
            "unknown-domain" in str(one) for one in mine
        )
        assert all("203.0.113.77" in json.dumps(one) for one in mine)
        assert await asked(api, "logs", address="203.0.113.7") == []
        assert all(HQ in json.dumps(one) or "hq" in json.dumps(one) for one in await asked(api, "logs", pbx="hq"))
        assert await asked(api, "logs", pbx="nobody") == []
        assert await asked(api, "logs", call="no-such-call") == []

    asyncio.run(scene())
    shown = place.edge.command("logs", "--address", "203.0.113.77").out
    assert "203.0.113.77" in shown
    assert place.edge.command("logs", "--address", "1.2.3").code == 2


def test_a_table_for_spreadsheets_holds_what_a_stranger_wrote_as_text(place: Office, api: httpx.Client) -> None:
    invite = (
        "INVITE sip:{0}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.50:5070;branch=z9hG4bK{0};rport\r\n"
        'From: "{1}" <sip:mallory@gone.example.com>;tag={0}\r\nTo: <sip:{0}@example.com>\r\nCall-ID: {0}@t\r\n'
        "CSeq: 1 INVITE\r\nContact: <sip:m@10.0.0.50:5070>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    with place.net.socket("phone-home", kind=socket.SOCK_DGRAM) as sock:
        sock.sendto(invite.format("4711", HOSTILE).encode(), (EDGE_PUBLIC, 5060))

        async def recorded() -> None:
            for _ in range(50):
                if (await asked(api, "records", number="4711"))["records"]:
                    return
                await asyncio.sleep(0.1)
            pytest.fail("no record")

        asyncio.run(recorded())
    with api.stream("GET", "/api/v1/records.csv", params={"limit": 5}) as answer:
        assert answer.headers["content-type"].startswith("text/csv")
        assert "attachment" in answer.headers["content-disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.read().decode(), newline="")))
    assert rows[0]["call_id"] == "4711@t"
    assert rows[0]["caller_name"] == f"'{HOSTILE}"
    assert [row["id"] for row in rows] == sorted({row["id"] for row in rows}, key=int, reverse=True)


def test_whatever_the_dashboard_draws_is_measured(place: Office, api: httpx.Client) -> None:
    board = json.loads((ROOT / "docs/grafana-dashboard.json").read_text())
    wanted = {name for panel in board["panels"] for one in panel["targets"] for name in METRIC.findall(one["expr"])}
    made = config(admin={"listen": f"0.0.0.0:{PORT}"})
    made["listen"] = {"http": {"plain": 80}}
    made["pbxs"]["hq"]["http"] = {"plain": 80, "allow_urls": ["/PBX0/"]}
    register = {"server": "203.0.113.60", "user": "4711", "password": Kept("carrier", "word")}
    made["trunks"] = {"carrier": {"addresses": ["203.0.113.60"], "register": register, "pbxs": ["hq"]}}
    assert place.edge.apply(made, "--yes").code == 0
    missing: set[str] = set()
    for _ in range(60):
        text = api.get("/metrics").text
        missing = {name for name in wanted if not re.search(rf"^{name}[{{ ]", text, re.MULTILINE)}
        if not missing:
            return
        time.sleep(0.5)
    pytest.fail(f"not measured: {missing}")
