"""HAProxy's lines become the access log's: whole batches where all was served, one by one where not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.wire.access_line import FIELDS, parse
from voxgate.wire.haproxy_line import read, served

SERVED = (
    b'{"time":"@@@@@@@@@@1795267920007Z","protocol":"https","requester":"2001:db8::7","service":"hq.example.com","pbx":"hq",'
    b'"node":"172.16.0.10","result":".......--","reason":"","status":200,"request":"GET /PBX0/MY","bytes_in":58,'
    b'"bytes_out":213,"duration_ms":1}\n'
)


def line(result: str = "PR", reason: str = "", **fields: str) -> bytes:
    raw = SERVED.replace(b'"result":".......--"', f'"result":"{result:.>9}"'.encode())
    raw = raw.replace(b'"reason":""', f'"reason":"{reason}"'.encode())
    for name, value in fields.items():
        for former in ("hq.example.com", "hq", "172.16.0.10", "GET /PBX0/MY"):
            raw = raw.replace(f'"{name}":"{former}"'.encode(), f'"{name}":"{value}"'.encode())
    return raw


def test_served_requests_are_finished_all_at_once() -> None:
    later = SERVED.replace(b"920007Z", b"921500Z")
    finished = served(SERVED * 3 + later + SERVED)
    assert finished is not None
    lines = finished.splitlines(keepends=True)
    times = [json.loads(one)["time"] for one in lines]
    assert times == ["2026-11-21T13:32:00.007Z"] * 3 + ["2026-11-21T13:32:01.500Z", "2026-11-21T13:32:00.007Z"]
    assert all(tuple(json.loads(one)) == FIELDS for one in lines)
    # One by one says the same.
    one = read(SERVED)
    assert one is not None
    assert one.render() == lines[0]
    assert parse(lines[0]) == one


@pytest.mark.parametrize(
    "batch",
    [
        SERVED + line(),
        line("--", "pbx"),
        SERVED[:-1],
        b"[NOTICE] a word of HAProxy\n" + SERVED,
        # Two minutes apart: the clock was set.
        SERVED + SERVED.replace(b"@17952", b"@17972"),
    ],
)
def test_a_batch_with_anything_else_is_looked_at_line_by_line(batch: bytes) -> None:
    assert served(batch) is None


@pytest.mark.parametrize(
    ("letters", "word", "result", "reason"),
    [
        ("--", "", "forwarded", ""),
        ("--", "pbx", "forwarded", "pbx"),
        # The answer broke off, or the client did not take it to its end.
        ("SD", "", "forwarded", ""),
        ("cD", "", "forwarded", ""),
        ("CL", "pbx", "forwarded", "pbx"),
        ("LR", "url", "rejected", "url"),
        ("PR", "network", "rejected", "network"),
        ("PR", "", "rejected", "malformed"),
        ("cR", "", "rejected", "malformed"),
        ("CR", "", "rejected", "malformed"),
        ("SC", "", "rejected", "unreachable"),
        ("sC", "", "rejected", "unreachable"),
        ("sH", "", "rejected", "unreachable"),
        ("SH", "", "rejected", "unreachable"),
        ("PH", "", "rejected", "unreachable"),
        # Who leaves before the answer has done nothing bad.
        ("CH", "", "forwarded", "gone"),
        ("CC", "", "forwarded", "gone"),
        # A rule's own two words.
        ("rejected", "handshake", "rejected", "handshake"),
        ("forwarded", "", "forwarded", ""),
    ],
)
def test_how_a_request_ended_is_read_from_haproxys_letters(letters: str, word: str, result: str, reason: str) -> None:
    found = read(line(letters, word))
    assert found is not None
    assert (found.result, found.reason) == (result, reason)


def test_what_haproxy_puts_where_nothing_is_becomes_nothing() -> None:
    found = read(line("PR", request="<BADREQ> <BADREQ>"))
    assert found is not None
    assert found.request == ""
    for reason, node in (("url", "172.16.0.10"), ("", "*a"), ("network", "*r")):
        refused = read(line("PR", reason, node=node))
        assert refused is not None
        assert refused.node == ""


def test_texts_of_strangers_stay_whole_and_short() -> None:
    found = read(line("PR", "name", service=r"x\"} {\u0007\\", request="GET /#22\\a"))
    assert found is not None
    assert (found.service, found.request) == ('x"} {\a\\', "GET /#22\\a")
    long = read(line("PR", "name", service="a" * 400, request="GET /" + "b" * 400))
    assert long is not None
    assert len(json.loads(long.render())["request"]) == 256


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n", b"{}\n", SERVED[:100], SERVED * 2, line(service=r"\q"), SERVED.replace(b"@", b""), b"\xff" * 300],
)
def test_what_is_no_such_line_is_none(raw: bytes) -> None:
    assert read(raw) is None


@given(st.binary(max_size=600))
def test_no_octets_break_it(raw: bytes) -> None:
    assert served(raw + b"\n") is None
    assert read(raw) is None
