"""Calls that ring or run now: which of them are wanted, and how both legs look, with what each party sends. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from voxgate.calls.cdr.search import is_number
from voxgate.calls.cdr.value import State, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxgate.calls.cdr.search import Query
    from voxgate.calls.cdr.value import Cdr, Stream

HEAD: Final = (
    "since",
    "way",
    "PBX",
    "trunk",
    "from",
    "at",
    "to",
    "at",
    "codec",
    "packets",
    "loss %",
    "jitter ms",
    "MOS",
)


@dataclass(frozen=True, slots=True)
class Running:
    """The newest of `total` calls."""

    calls: tuple[Cdr, ...]
    total: int

    def to_json(self) -> dict[str, Any]:
        """`{"calls": see `shown`, "total"}`."""
        return {"calls": [shown(cdr) for cdr in self.calls], "total": self.total}


def chosen(calls: Iterable[Cdr], query: Query) -> list[Cdr]:
    """Those that a query means, the newest first; times and cursor do not count. Raises UsageError."""
    number = is_number(query.number) if query.number else None
    exact = ("pbx", "trunk", "source", "direction", "call_id", "state")
    wanted = [(name, value) for name in exact if (value := getattr(query, name))]
    found = [
        cdr
        for cdr in calls
        if all(getattr(cdr, name) == value for name, value in wanted)
        and (number is None or number(cdr.caller) or number(cdr.callee))
    ]
    return sorted(found, key=lambda cdr: (cdr.start, cdr.call_id), reverse=True)


def shown(cdr: Cdr) -> dict[str, Any]:
    """One call with its legs: each party, where it is, how it is encrypted, and what it sends (`value.Stream`)."""
    return {
        "call_id": cdr.call_id,
        "state": cdr.state.value,
        "direction": cdr.direction.value,
        "pbx": cdr.pbx,
        "trunk": cdr.trunk,
        "start": rfc3339(cdr.start),
        "progress": rfc3339(cdr.progress),
        "answer": rfc3339(cdr.answer),
        "codec": next(iter(cdr.codecs), ""),
        "caller": {
            "number": cdr.caller,
            "name": cdr.caller_name,
            "uri": cdr.caller_uri,
            "address": cdr.source,
            "transport": cdr.transport,
            "user_agent": cdr.user_agent,
            "encryption": cdr.encryption_caller,
            "sends": asdict(cdr.from_caller),
        },
        "callee": {
            "number": cdr.callee_sent or cdr.callee,
            "uri": cdr.callee_uri,
            "address": cdr.callee_address,
            "encryption": cdr.encryption_callee,
            "sends": asdict(cdr.from_callee),
        },
    }


def row(cdr: Cdr) -> tuple[str, ...]:
    """One call as cells under `HEAD`; figures of caller and callee, parted by a slash."""
    streams = (cdr.from_caller, cdr.from_callee)
    since = "rings" if cdr.state is State.OPEN else (rfc3339(cdr.answer) or "")[:19] + "Z"
    return (
        *(since, cdr.direction.value, cdr.pbx or "-", cdr.trunk or "-", cdr.caller or "-", cdr.source),
        *(cdr.callee_sent or cdr.callee or "-", cdr.callee_address or "-", next(iter(cdr.codecs), "-")),
        *(_both(streams, name) for name in ("packets", "lost_percent", "jitter_ms", "mos")),
    )


def _both(streams: tuple[Stream, ...], name: str) -> str:
    values = [getattr(stream, name) for stream in streams]
    return "/".join("-" if value is None else f"{value:g}" for value in values)
