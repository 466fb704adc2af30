"""One structured log on stderr: our own lines and the engines', in one shape, as JSON or as text.

Every line has time (RFC 3339 UTC, ms), level, unit, event, message, and fields. Our own modules log as
`log.info("engine_ready unit=%s pid=%d", name, pid)`: the first word of the format is the event, `key=%x` are
fields; what is filled in can therefore forge neither. An engine's line has the event `line`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, TextIO

from voxgate.supervise.engine_lines import EngineLine, clean, parse
from voxgate.supervise.flood import FloodGate, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate.host.clock import Clock

OWN_UNIT = "voxgate"
_EVENT = re.compile(r"[a-z][a-z0-9_.]*")
_FIELD = re.compile(r"([a-z_][a-z0-9_]*)=(%[^a-z%]*[a-z])")
_RESERVED = frozenset({"time", "level", "event", "message"})


class LogFormat(Enum):
    """How a line looks."""

    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Record:
    """One line before it has a form. Texts are cleaned when it gets one."""

    time: datetime
    level: str
    unit: str
    event: str
    message: str = ""
    fields: tuple[tuple[str, str | int | float | bool], ...] = ()


def render(record: Record, form: LogFormat) -> str:
    """Return one line without its end."""
    time = record.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = {key: clean(value) if isinstance(value, str) else value for key, value in record.fields}
    if form is LogFormat.JSON:
        head = {"time": time, "level": record.level, "unit": record.unit, "event": record.event}
        return json.dumps({**fields, **head, "message": clean(record.message)}, ensure_ascii=False)
    pairs = [f"{key}={_quoted(value)}" for key, value in fields.items()]
    words = [time, record.level.upper(), record.unit, record.event, *pairs]
    return " ".join([*words, *([clean(record.message)] if record.message else [])])


def _quoted(value: str | float) -> str:
    text = str(value)
    if text and not re.search(r'[\s"=]', text):
        return text
    return '"' + text.replace('"', "\\x22") + '"'


class LogSink:
    """Writes lines to one stream. `engine_line` is what the supervisor gives each engine's output to."""

    def __init__(
        self, stream: TextIO, form: LogFormat, clock: Clock, also: Callable[[Record], None] = lambda _: None
    ) -> None:
        """`also` is given every line before it has a form."""
        self._stream = stream
        self._also = also
        self._form = form
        self._clock = clock
        self._gates: dict[str, FloodGate] = {}

    def write(self, record: Record) -> None:
        """Write one line. A reader who is gone does not end calls: what cannot be written is lost."""
        self._also(record)
        line = render(record, self._form)
        with contextlib.suppress(OSError):
            self._stream.write(line.encode("utf-8", "backslashreplace").decode() + "\n")
            self._stream.flush()

    def engine_line(self, unit: str, raw: bytes) -> EngineLine | None:
        """Write an engine's line and return it parsed; None when it was left out."""
        now_s = self._clock.monotonic()
        gate = self._gates.setdefault(unit, FloodGate())
        self._tell_suppressed(unit, gate, now_s)
        if not raw.strip() or not gate.may_parse(now_s):
            return None
        line = parse(unit, raw)
        if not gate.admits(kind_of(line.level, line.message), now_s):
            return None
        fields = tuple((key, value) for key, value in (("module", line.module), ("place", line.place)) if value)
        self.write(Record(self._clock.wall(), line.level, unit, "line", line.message, fields))
        return line

    def settle(self) -> None:
        """Tell what was left out and not told yet; for quiet times and the end."""
        now_s = self._clock.monotonic()
        for unit, gate in self._gates.items():
            self._tell_suppressed(unit, gate, now_s)

    def _tell_suppressed(self, unit: str, gate: FloodGate, now_s: float) -> None:
        if lines := gate.take_suppressed(now_s):
            said = f"suppressed {lines} lines"
            self.write(Record(self._clock.wall(), "warning", unit, "suppressed", said, (("lines", lines),)))


class SinkHandler(logging.Handler):
    """Brings what our own modules log into the sink."""

    def __init__(self, sink: LogSink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a traceback becomes part of the message."""
        self._sink.write(own_record(record))


def own_record(record: logging.LogRecord) -> Record:
    """Return a record of the standard library in our shape; see the module's docstring for the convention."""
    template = str(record.msg)
    message = record.getMessage()
    trace = ""
    if record.exc_info and record.exc_info[0] is not None:
        trace = logging.Formatter().formatException(record.exc_info)
    event = _EVENT.match(template)
    fields = _fields(template, record.args)
    unit = str(fields.pop("unit", OWN_UNIT))
    named = event is not None and template[event.end() : event.end() + 1] in {"", " "} and record.name != "asyncio"
    return Record(
        datetime.fromtimestamp(record.created, UTC),
        record.levelname.lower(),
        clean(unit, 32),
        event.group() if named and event is not None else "message",
        # What the fields say already is not said again.
        (trace if named and fields else f"{message} {trace}").strip(),
        (("logger", record.name), *fields.items()),
    )


def _fields(template: str, args: object) -> dict[str, str | int | float | bool]:
    """Join the keys of `key=%x` with the arguments, in order; nothing when they do not fit each other."""
    if not isinstance(args, tuple) or len(args) != len(re.findall(r"%[^%]", template.replace("%%", ""))):
        return {}
    keys = [match.group(1) for match in _FIELD.finditer(template)]
    if len(keys) != len(args):
        return {}
    return {key: _plain(value) for key, value in zip(keys, args, strict=True) if key not in _RESERVED}


def _plain(value: object) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else str(value)


def configure(sink: LogSink, level: int = logging.INFO, levels: Mapping[str, int] | None = None) -> None:
    """Make all of this process's logging go to `sink`; `levels` are exceptions for single loggers."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(SinkHandler(sink))
    root.setLevel(level)
    for name, single in (levels or {}).items():
        logging.getLogger(name).setLevel(single)
