"""The calls that are open: reports in, records out. Pure; time is an argument.

A record leaves the book each time it changes; `Cdr.state` tells whether it is the last time. An INVITE that was
challenged (401, 407) and comes again with credentials is the same call. Reports may be lost, come twice or too late:
whatever is about a call that is not open changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

from voxgate.calls.cdr import causes
from voxgate.calls.cdr.reports import Answered, Begun, Ended, Failed, host_of, user_of
from voxgate.calls.cdr.value import Cdr, Direction, State, ended

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from voxgate.calls.cdr.reports import Report

Key = tuple[str, str]
#: A flood of INVITEs may open so many calls; what is above is closed unseen, the oldest first.
MOST_OPEN: Final = 50_000
#: How long a challenged INVITE may take to come again.
CHALLENGED: Final = timedelta(seconds=5)
#: No INVITE lasts longer without an answer: tm's timer is three minutes.
UNANSWERED: Final = timedelta(seconds=300)
_ASKS: Final = frozenset({401, 407})


@dataclass(slots=True)
class Book:
    """`pbx_of` maps a node's `address` or `address:port` to its PBX."""

    pbx_of: dict[str, str] = field(default_factory=dict)
    _open: dict[Key, Cdr] = field(default_factory=dict)
    _challenged: dict[Key, Cdr] = field(default_factory=dict)
    _over: dict[Key, None] = field(default_factory=dict)
    _early: dict[Key, list[Report]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    def open(self) -> tuple[Cdr, ...]:
        """The calls that run or ring now."""
        return tuple(self._open.values())

    def take(self, report: Report) -> list[Cdr]:
        """The records that it changes."""
        match report:
            case Begun():
                return self._begun(report)
            case Answered():
                return self._with((report.call_id, report.tag), report)
            case Failed():
                return self._with((report.call_id, report.tag), report)
            case Ended():
                return self._ended(report)
            case _:
                assert_never(report)

    def close(self, call_id: str, at: datetime, reason: str, code: int = 0) -> list[Cdr]:
        """The edge itself has ended these calls, or found that they are over."""
        keys = [key for key in self._open if key[0] == call_id]
        return [self._closed(key, _cut(self._open[key], at, reason, code)) for key in keys]

    def kamailio_died(self, at: datetime, born: datetime) -> list[Cdr]:
        """Its transactions died with it, and so did calls that nobody had answered; others live on.

        Calls since the next one was `born` are that one's.
        """
        keys = [key for key, cdr in self._open.items() if cdr.state is State.OPEN and cdr.start < born]
        return [self._closed(key, _cut(self._open[key], at, "kamailio-restarted")) for key in keys]

    def tick(self, now: datetime) -> list[Cdr]:
        """What is over because time has passed."""
        done = [cdr for key, cdr in self._challenged.items() if now - (cdr.end or now) > CHALLENGED]
        for cdr in done:
            del self._challenged[_key(cdr)]
        lost = [key for key, cdr in self._open.items() if cdr.state is State.OPEN and now - cdr.start > UNANSWERED]
        self._early.clear()
        return [
            *(self._closed(_key(cdr), cdr) for cdr in done),
            *(self._closed(key, _cut(self._open[key], now, "end-not-seen")) for key in lost),
        ]

    def _begun(self, report: Begun) -> list[Cdr]:
        key = (report.call_id, report.tag)
        if key in self._open or key in self._over:
            return []
        cdr = self._record(report)
        if before := self._challenged.pop(key, None):
            cdr = replace(cdr, start=before.start)
        if report.refused or report.direction is Direction.REFUSED:
            end = ended(cdr, report.at, reason=report.refused or "refused", hung_up="edge")
            code = report.code or 403
            return [self._closed(key, replace(end, sip_code=code, sip_reason=report.phrase, q850=causes.of_sip(code)))]
        if len(self._open) >= MOST_OPEN:
            oldest = next(iter(self._open))
            return [self._closed(oldest, _cut(self._open[oldest], report.at, "too-many-open")), self._opened(key, cdr)]
        changed = [self._opened(key, cdr)]
        for early in self._early.pop(key, ()):
            changed += self.take(early)
        return changed

    def _record(self, report: Begun) -> Cdr:
        pbx = report.pbx
        if report.direction is Direction.OUT:
            pbx = self.pbx_of.get(f"{report.source}:{report.port}") or self.pbx_of.get(report.source, "")
        return Cdr(
            *(report.call_id, report.tag, report.at),
            direction=report.direction,
            pbx=pbx,
            trunk=report.trunk,
            caller=user_of(report.caller_uri),
            caller_name=report.caller_name,
            caller_uri=report.caller_uri,
            callee=user_of(report.dialled_uri),
            callee_uri=report.dialled_uri,
            callee_sent=user_of(report.sent_uri),
            source=report.source,
            source_port=report.port,
            transport=report.transport,
            user_agent=report.user_agent,
            callee_address=host_of(report.hop),
            codecs_offered=report.offer.codecs,
            encryption_caller=report.offer.encryption,
        )

    def _with(self, key: Key, report: Answered | Failed) -> list[Cdr]:
        cdr = self._open.get(key)
        if cdr is None:
            if key not in self._over and len(self._early) < 1000:
                # Another worker's datagram was faster than that of the INVITE's.
                self._early.setdefault(key, []).append(report)
            return []
        if isinstance(report, Answered):
            return [self._opened(key, _answered(cdr, report))] if cdr.state is State.OPEN else []
        if cdr.state is not State.OPEN:
            return []
        made = _failed(cdr, report)
        if report.code in _ASKS:
            del self._open[key]
            self._challenged[key] = made
            return []
        return [self._closed(key, made)]

    def _ended(self, report: Ended) -> list[Cdr]:
        for tag, who in zip(report.tags, ("caller", "callee"), strict=True):
            key = (report.call_id, tag)
            cdr = self._open.get(key)
            if cdr is None:
                continue
            cause = causes.of_reason(report.cause) or 16
            text = causes.text_of(cause)
            return [self._closed(key, ended(cdr, report.at, hung_up=who, q850=cause, q850_text=text))]
        return []

    def _opened(self, key: Key, cdr: Cdr) -> Cdr:
        self._open[key] = cdr
        return cdr

    def _closed(self, key: Key, cdr: Cdr) -> Cdr:
        self._open.pop(key, None)
        self._over[key] = None
        if len(self._over) > MOST_OPEN:
            del self._over[next(iter(self._over))]
        return replace(cdr, q850_text=cdr.q850_text or causes.text_of(cdr.q850))


def _answered(cdr: Cdr, report: Answered) -> Cdr:
    return replace(
        cdr,
        state=State.ANSWERED,
        progress=_progress(cdr, report),
        answer=max(report.at, cdr.start),
        sip_code=200,
        sip_reason="OK",
        attempts=report.attempts,
        codecs=report.answer.codecs[:1],
        encryption_callee=report.answer.encryption,
        callee_address=report.source or cdr.callee_address,
    )


def _failed(cdr: Cdr, report: Failed) -> Cdr:
    cause = causes.of_reason(report.cause) or causes.of_sip(report.code)
    return ended(
        cdr,
        report.at,
        progress=_progress(cdr, report),
        sip_code=report.code,
        sip_reason=report.phrase,
        q850=cause,
        attempts=report.attempts,
        hung_up="caller" if report.how == "cancelled" else "callee" if report.how == "" else "",
        reason={"silent": "no-reply", "cancelled": "cancelled"}.get(report.how, ""),
    )


def _progress(cdr: Cdr, report: Answered | Failed) -> datetime | None:
    """Within the call: an INVITE may have been sent on, and answered by 180, before the book heard of it."""
    return min(max(report.progress, cdr.start), report.at) if report.progress else None


def _cut(cdr: Cdr, at: datetime, reason: str, code: int = 0) -> Cdr:
    cause = 16 if cdr.answer and code == 0 else causes.of_sip(code) or 41
    return ended(cdr, at, reason=reason, hung_up="edge", q850=cause, sip_code=cdr.sip_code or code)


def left_over(records: Iterable[Cdr], alive: datetime) -> list[Cdr]:
    """What an edge that died has left open, closed at the last moment that it is known to have lived."""
    return [replace(made := _cut(cdr, alive, "edge-restarted"), q850_text=causes.text_of(made.q850)) for cdr in records]


def _key(cdr: Cdr) -> Key:
    return cdr.call_id, cdr.caller_tag
