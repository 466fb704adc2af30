"""The access log's line: the same fields for every protocol, one line whatever a stranger wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.wire.access_line import FIELDS, LONGEST_TEXT, AccessLine, parse

LINE = AccessLine(
    "2026-11-21T12:00:00.007Z", "ldaps", "203.0.113.9", "example.com", "hq", "172.16.0.90:636", "forwarded"
)


def test_a_line_is_read_back_as_it_was_written_with_all_fields_in_their_order() -> None:
    assert parse(LINE.render()) == LINE
    assert tuple(json.loads(LINE.render())) == FIELDS


@given(st.text(), st.text())
def test_no_text_of_a_stranger_ends_the_line_or_makes_it_long(service: str, request: str) -> None:
    raw = AccessLine("t", "h323", "::1", service=service, request=request).render()
    assert raw.count(b"\n") == 1
    assert raw.isascii()
    assert len(raw) < 2 * 12 * LONGEST_TEXT + 500
    read = parse(raw)
    assert read is not None
    assert read.service == service[:LONGEST_TEXT]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"[NOTICE] (1) : New worker",
        LINE.render()[:-2],
        LINE.render().replace(b'"pbx"', b'"PBX"'),
        LINE.render().replace(b'"status":0', b'"status":"0"'),
        LINE.render().replace(b'"status":0', b'"status":true'),
        b"\xff" * 100,
        b"[" * 5000,
    ],
)
def test_what_is_no_such_line_is_none(raw: bytes) -> None:
    assert parse(raw) is None
