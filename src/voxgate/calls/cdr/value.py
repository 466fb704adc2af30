"""A call record as a value. Pure.

Numbers and names are what parties wrote: printable text, bounded, and never to be trusted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

#: Longest text that is kept of what a party wrote.
LONGEST: Final = 256


class State(StrEnum):
    """Where a call is."""

    OPEN = "open"
    ANSWERED = "answered"
    ENDED = "ended"


class Direction(StrEnum):
    """Which way a call goes, seen from the PBX."""

    IN = "in"
    OUT = "out"
    TRUNK_IN = "trunk-in"
    TRUNK_OUT = "trunk-out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One target that a call was given to: PBX or trunk, URI, and SIP code, `timeout`, `unreachable` or nothing yet."""

    target: str
    uri: str
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """What one party sent: packets that arrived at the edge, and how well the other party received them.

    `lost_percent` and `jitter_ms` are averages, `mos` 1.0 to 4.5 likewise; None where nobody reported (RTCP).
    `measured` says who did: `receiver`, the other party; or `edge`, where it reports nothing: what the sender says it
    sent beside what arrived at the edge. `lost_before_percent` was lost before the edge, where the sender counts.
    """

    packets: int = 0
    lost_percent: float | None = None
    jitter_ms: float | None = None
    mos: float | None = None
    mos_lowest: float | None = None
    source: str = ""
    lost_before_percent: float | None = None
    measured: str = ""


NOT_HEARD: Final = Stream()
_TIMES: Final = ("start", "progress", "answer", "end")
_FIGURES: Final = frozenset(field.name for field in fields(Stream))


@dataclass(frozen=True, slots=True)
class Cdr:
    """One call. Times are UTC; `caller` and `callee` as dialled, `callee_sent` as it was passed on.

    `encryption_*` is none, sdes or dtls. `sip_code` is the final answer, 0 while there is none. `hung_up` is caller,
    callee, edge, or empty. `reason` is the edge's own word for what it did or saw: a refusal as it is counted,
    `no-media`, `kamailio-restarted`. `progress` is when the callee was first heard of (180, 183). `duration_s` counts
    from the INVITE, `billable_s` from the answer.
    """

    call_id: str
    caller_tag: str
    start: datetime
    id: int = 0
    state: State = State.OPEN
    progress: datetime | None = None
    answer: datetime | None = None
    end: datetime | None = None
    direction: Direction = Direction.IN
    pbx: str = ""
    trunk: str = ""
    caller: str = ""
    caller_name: str = ""
    caller_uri: str = ""
    callee: str = ""
    callee_uri: str = ""
    callee_sent: str = ""
    source: str = ""
    source_port: int = 0
    transport: str = ""
    user_agent: str = ""
    attempts: tuple[Attempt, ...] = ()
    codecs: tuple[str, ...] = ()
    codecs_offered: tuple[str, ...] = ()
    encryption_caller: str = ""
    encryption_callee: str = ""
    callee_address: str = ""
    sip_code: int = 0
    sip_reason: str = ""
    q850: int = 0
    q850_text: str = ""
    hung_up: str = ""
    reason: str = ""
    from_caller: Stream = NOT_HEARD
    from_callee: Stream = NOT_HEARD

    @property
    def duration_s(self) -> float:
        """From INVITE to end; 0 while it lasts."""
        return round((self.end - self.start).total_seconds(), 3) if self.end else 0.0

    @property
    def billable_s(self) -> float:
        """From answer to end; 0 where nobody answered, or while it lasts."""
        return round((self.end - self.answer).total_seconds(), 3) if self.end and self.answer else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values, times as RFC 3339 in UTC."""
        plain = asdict(self)
        for name in _TIMES:
            plain[name] = rfc3339(getattr(self, name))
        plain["duration_s"], plain["billable_s"] = self.duration_s, self.billable_s
        return plain


#: The names in `Cdr.to_json`, in their order; and in those of what a party sent.
COLUMNS: Final = ("id", *(field.name for field in fields(Cdr) if field.name != "id"), "duration_s", "billable_s")
STREAM_COLUMNS: Final = dict.fromkeys(("from_caller", "from_callee"), tuple(field.name for field in fields(Stream)))


def rfc3339(time: datetime | None) -> str | None:
    """In UTC, with milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if time else None


def cdr_of(document: dict[str, Any]) -> Cdr:
    """What `Cdr.to_json` gave; unknown fields are another version's. Raises KeyError, TypeError, ValueError."""
    known = {field.name for field in fields(Cdr)}
    plain = {name: value for name, value in document.items() if name in known}
    for name in _TIMES:
        plain[name] = datetime.fromisoformat(plain[name]) if plain.get(name) else None
    for name in ("codecs", "codecs_offered"):
        plain[name] = tuple(plain.get(name, ()))
    for name in ("from_caller", "from_callee"):
        plain[name] = Stream(**{key: said for key, said in plain.get(name, {}).items() if key in _FIGURES})
    plain["attempts"] = tuple(Attempt(**one) for one in plain.get("attempts", ()))
    plain["state"], plain["direction"] = State(plain["state"]), Direction(plain["direction"])
    return Cdr(**plain)


def clean(text: str, limit: int = LONGEST) -> str:
    """`text` from a packet, bounded, and with nothing that a terminal, a log or a table could take for more."""
    return "".join(char if char.isprintable() else "?" for char in text[:limit])


def ended(cdr: Cdr, end: datetime, **changes: Any) -> Cdr:
    """The same, over."""
    return replace(cdr, state=State.ENDED, end=max(end, cdr.start), **changes)
