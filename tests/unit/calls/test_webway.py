"""Where the edge's own requests go: to browsers over the connection they have now, to others as they came."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.calls.test_hangup import PHONE_TO_PBX
from tests.unit.calls.test_timeouts import FakeKamailio
from voxgate.calls.ending import Ending, value_of
from voxgate.calls.webway import way
from voxgate.errors import EngineError


class Kamailio:
    """Knows one browser."""

    async def call(self, method: str, *params: str | int) -> object:
        assert (method, params[0]) == ("htable.get", "ws_connection")
        if params[1] != "[2001:db8::9]:4444":
            raise EngineError("kamailio", "Key name doesn't exist in htable. (code 500)")
        return {"item": {"name": params[1], "value": "17|127.0.0.1:50000"}}


@pytest.mark.parametrize(
    ("flow", "found"),
    [
        ("sip:198.51.100.9:5062;transport=udp", ("sip:198.51.100.9:5062;transport=udp", ".")),
        ("sip:198.51.100.9:5062", ("sip:198.51.100.9:5062", ".")),
        ("sip:[2001:db8::9]:4444;transport=ws", ("sip:127.0.0.1:50000;transport=ws", "tcp:127.88.0.1:2225")),
        ("sip:[2001:db8::9]:4444;transport=WS", ("sip:127.0.0.1:50000;transport=ws", "tcp:127.88.0.1:2225")),
    ],
)
def test_a_browser_is_reached_over_its_websocket_and_others_as_before(flow: str, found: tuple[str, str]) -> None:
    assert asyncio.run(way(Kamailio(), flow, value_of)) == found


def test_a_browser_that_is_gone_is_said_to_be_gone() -> None:
    with pytest.raises(EngineError, match=r"198\.51\.100\.9:1 is gone"):
        asyncio.run(way(Kamailio(), "sip:198.51.100.9:1;transport=ws", value_of))


def test_a_party_that_is_gone_keeps_the_other_from_no_bye() -> None:
    lines = PHONE_TO_PBX.split("\n")
    lines[0] = "sip:198.51.100.9:1;transport=ws"
    kamailio = FakeKamailio({"abc": "\n".join(lines)})
    assert asyncio.run(Ending(kamailio).hang_up("abc", "x"))
    sent = [words[3] for words in kamailio.told if words[0] == "tm.t_uac_start"]
    assert sent == [lines[10]]
    assert ("htable.delete", "calls", "abc") in kamailio.told
