"""What the parties of one call report of each other (RTCP) -> loss, jitter and delay of each source. Pure.

A source is known by its SSRC, which rtpengine leaves as it is: what one party reports of a source is about whoever
sends with it. A sender's own count of packets, beside what came from it, tells what was lost before the edge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voxgate.wire.rtcp_told import Block, Told

#: Sources of a call that are remembered: each party's, and those before a transfer.
MOST_SOURCES: Final = 8
#: Reports of a sender that somebody may still answer.
_ANSWERABLE: Final = 8
#: No way there and back is longer.
_LONGEST_S: Final = 10.0
#: A sender whose last report is older may have stopped since: it reports each 5 s, or somewhat less often.
_STALE_S: Final = 20.0
#: Packets that are under way, or were sent between the last one that was counted and the end; above that they are lost.
_UNDER_WAY: Final = 8
_FEWEST: Final = 100


@dataclass(frozen=True, slots=True)
class Received:
    """How others received a source: averages, and the worst report. Loss 0 to 1, jitter in units of its clock."""

    lost: float
    jitter: float
    worst_lost: float
    worst_jitter: float
    delay_s: float


@dataclass(slots=True)
class _Source:
    """Sums of what was reported, and what it said of itself."""

    reports: int = 0
    lost: float = 0.0
    jitter: float = 0.0
    worst: tuple[float, float] = (0.0, 0.0)
    reporter: int = 0
    sent: list[tuple[float, int]] = field(default_factory=list)
    times: dict[int, float] = field(default_factory=dict)
    there_and_back_s: float = 0.0


@dataclass(slots=True)
class Receptions:
    """Feed it with `take`; `latest_s` is when it was fed last."""

    latest_s: float = 0.0
    _sources: dict[int, _Source] = field(default_factory=dict)

    def take(self, told: Told, at_s: float) -> None:
        """A report that passed the edge at that time."""
        self.latest_s = at_s
        sender = self._source(told.source)
        if told.sent is not None:
            if sender.sent and told.sent < sender.sent[-1][1]:
                sender.sent.clear()
            # The first one, and the last one: what it sends in a second is between them.
            sender.sent[1:] = [(at_s, told.sent)]
            sender.times[told.ntp] = at_s
            if len(sender.times) > _ANSWERABLE:
                del sender.times[next(iter(sender.times))]
        for block in told.blocks:
            if block.source != told.source:
                self._reported(block, told.source, at_s)

    def received(self, ssrc: int) -> Received | None:
        """How the other party received it; None where nobody told."""
        source = self._sources.get(ssrc)
        if source is None or not source.reports:
            return None
        reporter = self._sources.get(source.reporter)
        ways_s = source.there_and_back_s + (reporter.there_and_back_s if reporter else 0.0)
        return Received(source.lost / source.reports, source.jitter / source.reports, *source.worst, ways_s / 2)

    def lost_before(self, ssrc: int, arrived: int, at_s: float) -> float | None:
        """What was lost of it before the edge, 0 to 1, where `arrived` packets had come by then; None: not known."""
        source = self._sources.get(ssrc)
        if source is None or len(source.sent) < 2:
            return None
        (first_s, first), (last_s, last) = source.sent
        if last_s <= first_s or not 0 <= at_s - last_s <= _STALE_S:
            return None
        sent = last + (last - first) / (last_s - first_s) * (at_s - last_s)
        if sent < _FEWEST or arrived > sent + 2 * _UNDER_WAY:
            # Too few to speak of; or it has sent with another SSRC before, and that was counted as well.
            return None
        return (sent - arrived) / sent if sent - arrived > _UNDER_WAY else 0.0

    def _reported(self, block: Block, reporter: int, at_s: float) -> None:
        source = self._source(block.source)
        source.reports += 1
        source.lost += block.lost
        source.jitter += block.jitter
        source.worst = max(source.worst, (block.lost, float(block.jitter)))
        source.reporter = reporter
        passed_s = source.times.get(block.last_report) if block.last_report else None
        if passed_s is not None and 0 < (way_s := at_s - passed_s - block.delay_s) < _LONGEST_S:
            self._source(reporter).there_and_back_s = way_s

    def _source(self, ssrc: int) -> _Source:
        found = self._sources.get(ssrc) or _Source()
        # Whoever was spoken of last stands last: a phone that makes up sources displaces its own.
        self._sources.pop(ssrc, None)
        self._sources[ssrc] = found
        if len(self._sources) > MOST_SOURCES:
            del self._sources[next(iter(self._sources))]
        return found
