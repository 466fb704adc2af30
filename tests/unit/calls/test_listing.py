"""`voxgate calls`: Kamailio's records, in parts, as calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.unit.calls.test_hangup import PBX_TO_TLS_PHONE, PHONE_TO_PBX, changed
from voxgate.calls.listing import CallList, running
from voxgate.errors import PeerError
from voxgate.supervise.telling import calls_told

NODES = {"192.168.1.20": "hq", "fd00::7": "six"}


@dataclass
class Sweeper:
    """A Kamailio that sends its records in parts when it is asked."""

    parts: tuple[dict[str, str], ...] = ()
    to: CallList | None = None

    async def call(self, method: str, *params: str | int) -> object:
        assert (method, params[:2]) == ("pv.shvSet", ("list", "int"))
        for index, part in enumerate(self.parts):
            assert self.to
            items = [[key, text] for key, text in part.items()]
            self.to.told({"asked": params[2], "part": index, "of": len(self.parts), "calls": items})
            self.to.told({"asked": 99, "part": 0, "of": 1, "calls": []})
        return None


def test_parts_are_put_together_and_asked_for_anew_each_time() -> None:
    kamailio = Sweeper(({"a": "1"}, {}, {"b": "2"}))
    calls = kamailio.to = CallList(kamailio)

    async def twice() -> list[dict[str, str]]:
        return [await calls.ask(), await calls.ask()]

    assert asyncio.run(twice()) == 2 * [{"a": "1", "b": "2"}]


def test_silence_is_said_to_be_silence() -> None:
    with pytest.raises(PeerError, match="did not list"):
        asyncio.run(CallList(Sweeper(), answer_s=0.01).ask())


def test_a_record_is_a_call_with_its_pbx_and_the_oldest_stands_first() -> None:
    records = {
        "late": changed(PBX_TO_TLS_PHONE, answered_s="1700000100"),
        "six": changed(PHONE_TO_PBX, callee_flow="sip:[fd00::7]:5060", answered_s=""),
        "early": changed(PHONE_TO_PBX, answered_s="1700000000"),
        "none": "nonsense",
    }
    calls = running(records, NODES)
    assert [(call.call_id, call.pbxs) for call in calls] == [("early", ("hq",)), ("late", ("hq",)), ("six", ("six",))]
    assert calls[0].since == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (calls[0].caller, calls[0].callee) == ("sip:alice@example.com", "sip:600@example.com")


def test_calls_are_told_to_people_and_programs_and_a_terminal_gets_no_orders() -> None:
    told = calls_told(running({"a\x1b[2J": changed(PHONE_TO_PBX, answered_s="1700000000")}, NODES))
    assert told.text.splitlines()[1].split() == [
        "2023-11-14T22:13:20Z", "hq", "sip:alice@example.com", "sip:600@example.com", "a?[2J",
    ]  # fmt: skip
    assert told.to_json()["data"] == {
        "calls": [
            {
                "call_id": "a\x1b[2J",
                "caller": "sip:alice@example.com",
                "callee": "sip:600@example.com",
                "pbxs": ["hq"],
                "since": "2023-11-14T22:13:20Z",
            }
        ]
    }
    assert calls_told(()).text == "no calls"
