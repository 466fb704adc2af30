from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.supervise.engine_lines import LEVELS, LONGEST_TEXT, EngineLine, clean, parse


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"[NOTICE]   (26930) : New worker (15186) forked", EngineLine("info", "New worker (15186) forked")),
        (
            b"[ALERT]    (26930) : config : parsing [/x/haproxy.cfg:3] : unknown keyword 'x' in 'global' section",
            EngineLine(
                "critical", "parsing [/x/haproxy.cfg:3] : unknown keyword 'x' in 'global' section", module="config"
            ),
        ),
        (
            b"[WARNING]  (1) : Server sip_websocket/kamailio is DOWN",
            EngineLine("warning", "Server sip_websocket/kamailio is DOWN"),
        ),
        (
            b"event=http_refused src_ip=192.0.2.1 status=404",
            EngineLine("info", "event=http_refused src_ip=192.0.2.1 status=404"),
        ),
    ],
)
def test_haproxys_lines_are_read(raw: bytes, line: EngineLine) -> None:
    assert parse("haproxy", raw) == line


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        pytest.param(
            b" 0(1986) ERROR: <core> [core/tcp_main.c:3158]: tcp_init(): bind failed",
            EngineLine("error", "tcp_init(): bind failed", "core", "core/tcp_main.c:3158"),
            id="core",
        ),
        pytest.param(
            b"12(99) WARNING: {1 102 INVITE abc@[::1]} tm [t_reply.c:1]: x(): odd",
            EngineLine("warning", "{1 102 INVITE abc@[::1]} x(): odd", "tm", "t_reply.c:1"),
            id="with a log_prefix",
        ),
        pytest.param(b" 6(1546) NOTICE: <script>: hello", EngineLine("info", "<script>: hello"), id="from the script"),
        pytest.param(
            b"ERROR: bad config file (2 errors) (parsing code: 1)",
            EngineLine("error", "bad config file (2 errors) (parsing code: 1)"),
            id="no process",
        ),
        pytest.param(b"Listening on ", EngineLine("info", "Listening on"), id="no log line"),
        pytest.param(b" 1(2) BUG: core [a.c:1]: x", EngineLine("critical", "x", "core", "a.c:1"), id="a bug"),
    ],
)
def test_kamailios_lines_are_read(raw: bytes, line: EngineLine) -> None:
    assert parse("kamailio", raw) == line


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        pytest.param(
            b"[1795225490.859274] INFO: [core] Startup complete, version 10.5.3.5-1+deb12u1",
            EngineLine("info", "Startup complete, version 10.5.3.5-1+deb12u1", "core"),
            id="with a time",
        ),
        pytest.param(
            b"[1795225499.740774] WARNING: [abc]: [control] Protocol error in packet from 127.0.0.1:57972: x",
            EngineLine("warning", "[abc]: Protocol error in packet from 127.0.0.1:57972: x", "control"),
            id="with a call",
        ),
        pytest.param(b"ERR: [core] no", EngineLine("error", "no", "core"), id="without a time"),
        pytest.param(b"CRIT: no module", EngineLine("critical", "no module"), id="without a subsystem"),
        pytest.param(b"Usage: rtpengine", EngineLine("info", "Usage: rtpengine"), id="no log line"),
    ],
)
def test_rtpengines_lines_are_read(raw: bytes, line: EngineLine) -> None:
    assert parse("rtpengine", raw) == line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("user=alice", "user=alice", id="plain"),
        pytest.param("müller λ 北京", "müller λ 北京", id="letters of other scripts"),
        pytest.param("a\r\nFAKE: b", "a\\x0d\\x0aFAKE: b", id="a second line"),
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="colour"),
        pytest.param("\x9b31m", "\\xc2\\x9b31m", id="colour by one C1 byte"),
        pytest.param("a\u202eb", "a\\xe2\\x80\\xaeb", id="text turned round"),
        pytest.param("a\u2028b", "a\\xe2\\x80\\xa8b", id="another line end"),
        pytest.param("\\x1b", "\\x5cx1b", id="a forged escape"),
        pytest.param("a\udcffb", "a\\xffb", id="a byte that is no text"),
        pytest.param("a\x00b", "a\\x00b", id="zero"),
    ],
)
def test_nothing_a_stranger_writes_acts_on_a_terminal(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.binary(max_size=300))
def test_any_line_becomes_harmless_and_bounded(raw: bytes) -> None:
    for engine in ("kamailio", "rtpengine"):
        line = parse(engine, raw)
        assert line.level in LEVELS
        for text in (line.message, line.module, line.place):
            assert all(character.isprintable() for character in text)


@pytest.mark.parametrize("text", ["a" * 9000, "\x1b" * 9000, "北" * 9000])
def test_a_message_is_bounded(text: str) -> None:
    assert len(clean(text)) <= LONGEST_TEXT + 3


@pytest.mark.parametrize(
    "raw", [b"[" * 8192, b"[a]: " * 1600, b"x [" * 2700, b"INFO: " + b"[" * 8000, b"ERROR: " + b"a [b" * 2000]
)
def test_a_line_made_to_be_slow_is_not(raw: bytes) -> None:
    for engine in ("kamailio", "rtpengine"):
        parse(engine, raw)
