"""Evidence in words, and the alerts that take the place of bans. Pure."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from voxgate.guard.ledger import Evidence
    from voxgate.guard.networks import Network
    from voxgate.guard.observation import Observation

MOST_ALERTS: Final = 100
_WINDOW_S: Final = 60.0
_REMEMBERED: Final = 65_536


@dataclass(frozen=True, slots=True)
class Alert:
    """Somebody who would have been banned, had he no registered phones."""

    requester: Network
    at: datetime
    note: str
    phones: int


class Findings:
    """The latest alerts, and which evidence was written down already."""

    def __init__(self) -> None:
        self._alerts: deque[Alert] = deque(maxlen=MOST_ALERTS)
        self._written: OrderedDict[int, None] = OrderedDict()

    def alert(self, requester: Network, at: datetime, note: str, phones: int) -> None:
        """Keep it for `voxgate status`, one of each requester."""
        for former in [one for one in self._alerts if one.requester == requester]:
            self._alerts.remove(former)
        self._alerts.append(Alert(requester, at, note, phones))

    def alerts(self) -> tuple[Alert, ...]:
        """The newest first."""
        return tuple(reversed(self._alerts))

    def is_new(self, evidence: Evidence) -> bool:
        """Whether this piece was not asked for before."""
        key = hash(evidence)
        if key in self._written:
            return False
        self._written[key] = None
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)
        return True


def reason_of(evidence: Iterable[Evidence], last: Observation, score: int, threshold: int) -> str:
    """Why somebody is banned, as one sentence: what he did within the last minute, over which protocols."""
    counted = [piece for piece in evidence if piece.weight]
    seen = [piece.observation for piece in counted if (last.at - piece.observation.at).total_seconds() < _WINDOW_S]
    kinds = Counter(one.kind.value for one in (*seen, last))
    protocols = sorted({one.protocol.value for one in (*seen, last)})
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return f"{score} points within a minute, above {threshold}: {said} ({', '.join(protocols)})"
