"""Who did what, and how much of it within a minute. Pure; time comes with each observation.

Bounded, whoever floods it: so many requesters, so many pieces of evidence for each. What can be forged is kept in a
place of its own, so that a flood of forged addresses pushes no real attacker out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from voxgate.guard.networks import Network
    from voxgate.guard.observation import Observation

WINDOW_S: Final = 60.0
#: Requesters that are remembered; the one that was quiet for longest goes first.
MOST_PROVEN: Final = 65_536
MOST_FORGEABLE: Final = 8_192
#: Pieces of evidence kept of one requester, the newest.
MOST_EVIDENCE: Final = 64
MOST_FORGEABLE_EVIDENCE: Final = 8


@dataclass(frozen=True, slots=True)
class Evidence:
    """One suspicious request, how much it counted, and what came of it."""

    observation: Observation
    weight: int
    result: str


@dataclass(slots=True)
class _Record:
    """What is known of one requester. `counted`: time and weight of what counted in the last minute."""

    # Lists: an empty deque takes ten times the memory, and there are tens of thousands of records.
    counted: list[tuple[float, int]] = field(default_factory=list)
    score: int = 0
    evidence: list[Evidence] = field(default_factory=list)
    alerted_at: datetime | None = None


class Ledger:
    """All requesters that did something of late."""

    def __init__(self, most_proven: int = MOST_PROVEN, most_forgeable: int = MOST_FORGEABLE) -> None:
        self._proven: OrderedDict[Network, _Record] = OrderedDict()
        self._forgeable: OrderedDict[Network, _Record] = OrderedDict()
        self._most = (most_proven, most_forgeable)

    def __len__(self) -> int:
        return len(self._proven) + len(self._forgeable)

    def count(self, requester: Network, observation: Observation, weight: int) -> int:
        """Count `weight` for a requester; gives what he has now within the last minute."""
        if not weight:
            return self.score(requester, observation.at)
        record = self._record(requester, proven=True)
        now_s = observation.at.timestamp()
        # One entry a second at most, so that the window has a bound whatever the threshold is.
        if record.counted and int(record.counted[-1][0]) == int(now_s):
            former_s, former = record.counted.pop()
            record.counted.append((former_s, former + weight))
        else:
            record.counted.append((now_s, weight))
        record.score += weight
        return _expired(record, now_s)

    def score(self, requester: Network, now: datetime) -> int:
        """What a requester has within the minute before `now`."""
        record = self._proven.get(requester)
        return _expired(record, now.timestamp()) if record else 0

    def clear(self, requester: Network) -> None:
        """He begins anew; the evidence stays."""
        if record := self._proven.get(requester):
            record.counted.clear()
            record.score = 0

    def note(self, requester: Network, evidence: Evidence) -> None:
        """Keep a piece of evidence."""
        proven = evidence.observation.proven
        record = self._record(requester, proven=proven)
        record.evidence.append(evidence)
        if len(record.evidence) > (MOST_EVIDENCE if proven else MOST_FORGEABLE_EVIDENCE):
            record.evidence.pop(0)

    def evidence(self, requester: Network) -> tuple[Evidence, ...]:
        """All that is kept of a requester, the oldest first."""
        records = (book.get(requester) for book in (self._proven, self._forgeable))
        return in_order(piece for record in records if record for piece in record.evidence)

    def may_alert(self, requester: Network, now: datetime) -> bool:
        """Whether nobody was told of him within the last minute; now somebody is."""
        record = self._record(requester, proven=True)
        if record.alerted_at is not None and (now - record.alerted_at).total_seconds() < WINDOW_S:
            return False
        record.alerted_at = now
        return True

    def _record(self, requester: Network, *, proven: bool) -> _Record:
        book, most = (self._proven, self._most[0]) if proven else (self._forgeable, self._most[1])
        record = book.get(requester)
        if record is not None:
            book.move_to_end(requester)
            return record
        record = book[requester] = _Record()
        if len(book) > most:
            book.popitem(last=False)
        return record


def in_order(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """By time, the oldest first."""
    return tuple(sorted(evidence, key=lambda piece: piece.observation.at))


def _expired(record: _Record, now_s: float) -> int:
    """The score without what is older than the window."""
    counted = record.counted
    while counted and (counted[0][0] <= now_s - WINDOW_S or counted[0][0] > now_s + WINDOW_S):
        record.score -= counted.pop(0)[1]
    return record.score
