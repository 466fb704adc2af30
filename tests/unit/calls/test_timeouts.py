"""rtpengine's reports over a real connection; Kamailio is a double that notes what it is told."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.unit.calls.test_hangup import PHONE_TO_PBX
from voxgate.calls.ending import Ending
from voxgate.calls.timeouts import MAX_REPORT_BYTES, MediaTimeouts, call_id_of
from voxgate.errors import EngineError, PeerError

if TYPE_CHECKING:
    from collections.abc import Iterable

# As rtpengine 10.5 sends it with --xmlrpc-format=1.
BODY = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<methodCall><methodName>teardown</methodName><params>'
    "<param><value><string>{call_id}</string></value></param></params></methodCall>"
)


def report(call_id: str = "abc@10.0.0.50", *, length: int | None = None, padding: int = 0) -> bytes:
    body = BODY.format(call_id=call_id).encode() + b" " * padding
    head = "POST / HTTP/1.1\r\nHost: 127.0.0.1:2224\r\nUser-Agent: x\r\nContent-Type: text/xml\r\n"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


@dataclass
class FakeKamailio:
    """Knows the calls in `records`."""

    records: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str | int, ...]] = field(default_factory=list)
    fails: bool = False

    async def call(self, method: str, *params: str | int) -> object:
        self.told.append((method, *params))
        if self.fails:
            raise PeerError("kamailio: no answer")
        if method != "htable.get":
            return None
        if params[1] not in self.records:
            raise EngineError("kamailio", "Key name doesn't exist in htable. (code 500)")
        return {"item": {"name": params[1], "value": self.records[str(params[1])]}}


def deliver(rpc: FakeKamailio, *deliveries: Iterable[bytes]) -> list[bytes]:
    """Send each delivery over a connection of its own, piece by piece, end it; gives what came back on each."""

    async def scene() -> list[bytes]:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        async with asyncio.TaskGroup() as group:
            server = group.create_task(MediaTimeouts(listener, Ending(rpc)).serve())
            answers = [await _send(port, pieces) for pieces in deliveries]
            server.cancel()
        return answers

    return asyncio.run(scene())


async def _send(port: int, pieces: Iterable[bytes]) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        async with asyncio.timeout(5):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


ONE_BY_ONE = [bytes([octet]) for octet in report()]


@pytest.mark.parametrize(
    "pieces", [[report()], ONE_BY_ONE, [report() + b"more"]], ids=["whole", "by bytes", "trailing bytes"]
)
def test_a_report_ends_the_call_on_both_sides_and_forgets_it(pieces: list[bytes]) -> None:
    rpc = FakeKamailio({"abc@10.0.0.50": PHONE_TO_PBX})
    (answer,) = deliver(rpc, pieces)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"<string>OK</string></value></param></params></methodResponse>")
    assert [told[:2] for told in rpc.told] == [
        ("htable.get", "calls"),
        ("tm.t_uac_start", "BYE"),
        ("tm.t_uac_start", "BYE"),
        ("htable.delete", "calls"),
        ("htable.delete", "places"),
    ]
    assert [told[2:5] for told in rpc.told[1:3]] == [
        ("sip:alice@10.0.0.50:5060;transport=udp", "sip:203.0.113.77:5060", "."),
        ("sip:pbx@192.168.1.20:5060;transport=udp", "sip:192.168.1.20:5060", "."),
    ]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(report()[:-1], id="one byte short"),
        pytest.param(report()[:40], id="head cut off"),
        pytest.param(b"", id="nothing"),
        pytest.param(report(length=MAX_REPORT_BYTES + 1), id="says it is too long"),
        pytest.param(report(length=9999999), id="says it is far too long"),
        pytest.param(report(padding=MAX_REPORT_BYTES), id="is too long"),
        pytest.param(b"POST / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", id="endless head"),
        pytest.param(bytes(range(256)) * 40, id="bytes of all kinds"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="a browser"),
        pytest.param(report("").replace(b"teardown", b"system.listMethods"), id="another method"),
        pytest.param(report(""), id="empty Call-ID"),
    ],
)
def test_what_is_no_report_is_dropped_and_the_next_one_is_heard(data: bytes) -> None:
    rpc = FakeKamailio({"abc@10.0.0.50": PHONE_TO_PBX})
    deliver(rpc, [data], [report()])
    assert [told[0] for told in rpc.told] == ["htable.get", *2 * ["tm.t_uac_start"], *2 * ["htable.delete"]]


def test_a_call_that_is_not_known_is_left_alone() -> None:
    rpc = FakeKamailio()
    (answer,) = deliver(rpc, [report("ended already")])
    assert answer.startswith(b"HTTP/1.1 200")
    assert rpc.told == [("htable.get", "calls", "ended already")]


def test_a_kamailio_that_does_not_answer_stops_no_later_report() -> None:
    rpc = FakeKamailio(fails=True)
    assert len(deliver(rpc, [report()], [report()])) == 2
    assert len(rpc.told) == 2


def test_a_record_of_another_shape_ends_nothing() -> None:
    rpc = FakeKamailio({"abc@10.0.0.50": "not a record"})
    deliver(rpc, [report()])
    assert [told[0] for told in rpc.told] == ["htable.get"]


@pytest.mark.parametrize(
    ("text", "call_id"),
    [
        (BODY.format(call_id="a@b"), "a@b"),
        (BODY.format(call_id="a&amp;b&lt;c"), "a&b<c"),
        (BODY.format(call_id="a@b").replace("<string>", "").replace("</string>", ""), "a@b"),
        (BODY.format(call_id="a@b").replace("><", ">\n  <"), "a@b"),
    ],
    ids=["plain", "escaped", "without a type", "with line ends"],
)
def test_the_call_id_is_found(text: str, call_id: str) -> None:
    assert call_id_of(text) == call_id
