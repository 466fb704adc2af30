from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime

import pytest

from voxgate.supervise.flood import ALIKE_PER_S, LINES_PER_S, MOST_KINDS, FloodGate, kind_of
from voxgate.supervise.log import LogFormat, LogSink, Record, SinkHandler, own_record, render

NOON = datetime(2026, 1, 2, 12, 0, 0, 4_000, tzinfo=UTC)


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def wall(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return self.now_s


def sink_of(form: LogFormat) -> tuple[LogSink, io.StringIO, FakeClock]:
    stream, clock = io.StringIO(), FakeClock()
    return LogSink(stream, form, clock), stream, clock


def test_json_has_every_field_and_the_time_in_utc_with_milliseconds() -> None:
    line = render(Record(NOON, "info", "kamailio", "line", "hello", (("module", "tm"), ("n", 3))), LogFormat.JSON)
    assert json.loads(line) == {
        "time": "2026-01-02T12:00:00.004Z",
        "level": "info",
        "unit": "kamailio",
        "event": "line",
        "message": "hello",
        "module": "tm",
        "n": 3,
    }


def test_text_is_one_line_with_quoted_fields() -> None:
    record = Record(NOON, "error", "kamailio", "line", "it broke", (("place", "a.c:1"), ("why", 'a "b"=c')))
    assert render(record, LogFormat.TEXT) == (
        '2026-01-02T12:00:00.004Z ERROR kamailio line place=a.c:1 why="a \\x22b\\x22=c" it broke'
    )


@pytest.mark.parametrize("form", list(LogFormat))
def test_a_stranger_can_neither_add_a_line_nor_a_field(form: LogFormat) -> None:
    sink, stream, _ = sink_of(form)
    sink.engine_line("kamailio", b' 0(1) ERROR: a [b.c:1]: x", "unit": "rtpengine\r\n{"level":"info"}\x1b[2J\xff')
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert "\x1b" not in lines[0]
    if form is LogFormat.JSON:
        assert json.loads(lines[0])["unit"] == "kamailio"


@pytest.mark.parametrize("form", list(LogFormat))
def test_what_we_quote_ourselves_is_made_harmless_too(form: LogFormat) -> None:
    text = "\x9b31m\u202e\u2028"
    assert render(Record(NOON, "info", "voxgate", "message", text, (("user", text),)), form).isprintable()


def own(template: str, *args: object, name: str = "voxgate.x") -> Record:
    return own_record(logging.LogRecord(name, logging.INFO, "x.py", 1, template, args, None))


def test_our_own_lines_take_event_and_fields_from_the_format_not_from_what_is_filled_in() -> None:
    record = own("engine_ready unit=%s pid=%d why=%r", "kamailio", 7, "x event=forged")
    assert (record.unit, record.event) == ("kamailio", "engine_ready")
    assert dict(record.fields) == {"logger": "voxgate.x", "pid": 7, "why": "x event=forged"}


@pytest.mark.parametrize(
    ("template", "args"),
    [
        pytest.param("Something else happened", (), id="no event"),
        pytest.param("tls: handshake %s", ("x",), id="a library's sentence"),
        pytest.param("100%% of %s", ("x",), id="a percent sign"),
    ],
)
def test_lines_of_libraries_are_messages(template: str, args: tuple[object, ...]) -> None:
    record = own(template, *args)
    assert record.event == "message"
    assert record.message == template % args


def test_a_traceback_stays_on_its_line() -> None:
    sink, stream, _ = sink_of(LogFormat.JSON)
    logger = logging.getLogger("voxgate.test_log")
    logger.propagate = False
    logger.addHandler(SinkHandler(sink))
    try:
        int("odd\nthing")
    except ValueError:
        logger.exception("apply_failed generation=%d", 3)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "apply_failed"
    assert "ValueError" in json.loads(line)["message"]


class BrokenPipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(len(text))


def test_a_reader_who_is_gone_does_not_stop_us() -> None:
    LogSink(BrokenPipe(), LogFormat.TEXT, FakeClock()).engine_line("kamailio", b"hello")


def test_a_flood_of_one_kind_is_cut_and_told_and_other_lines_still_pass() -> None:
    sink, stream, clock = sink_of(LogFormat.JSON)
    for number in range(50):
        sink.engine_line("kamailio", f" 1(2) ERROR: core [m.c:1]: parse error in message {number}".encode())
    sink.engine_line("kamailio", b" 1(2) ERROR: tm [t.c:1]: out of memory")
    clock.now_s += 1
    sink.settle()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(told) == ALIKE_PER_S + 2
    assert told[-2]["message"] == "out of memory"
    assert (told[-1]["event"], told[-1]["lines"]) == ("suppressed", 40)


def test_a_flood_of_many_kinds_is_cut_and_held_in_bounded_memory() -> None:
    gate = FloodGate(lines_per_s=10_000)
    passed = sum(gate.may_parse(5.0) and gate.admits(f"kind {n}", 5.0) for n in range(9_000))
    assert passed == MOST_KINDS + ALIKE_PER_S
    assert gate.take_suppressed(5.5) == 0
    assert gate.take_suppressed(6.0) == 9_000 - passed
    assert gate.take_suppressed(6.0) == 0


def test_one_units_flood_leaves_the_other_units_alone() -> None:
    sink, stream, _ = sink_of(LogFormat.JSON)
    for number in range(1000):
        sink.engine_line("rtpengine", f"INFO: [k{number:x}] {chr(97 + number % 26)} x".encode())
    sink.engine_line("kamailio", b"ERROR: a [b.c:1]: heard")
    lines = stream.getvalue().splitlines()
    assert len(lines) <= LINES_PER_S + 1
    assert json.loads(lines[-1])["message"] == "heard"


def test_lines_that_differ_in_numbers_only_are_alike() -> None:
    assert kind_of("error", "bad packet 12 from 10.0.0.1:5060") == kind_of("error", "bad packet 7 from 10.9.8.7:1")
    assert kind_of("error", "bad packet") != kind_of("info", "bad packet")
