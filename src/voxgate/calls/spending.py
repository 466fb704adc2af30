"""Minutes of destination classes, alerts, destinations seen: the toll-fraud guard's books. Pure; time is an argument.

Seconds are kept by the minute in which they were spoken, for a day: an hour and a day are sums over the last 60 and
1440 of them. Everything has a bound. `Books.to_json` is what is kept over a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from voxgate.engines.sip_fraud import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOUR_S: Final = 3600
DAY_S: Final = 86400
#: An alert is shown for a day after it was raised last.
SHOWN_S: Final = 86400
#: The oldest make room for new ones.
MOST_ALERTS: Final = 200
MOST_DESTINATIONS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What a class of a PBX may use, or all its calls through trunks (`WHOLE`); 0 is no limit.

    `refuse` and `end` are what happens above `minutes`.
    """

    pbx: str
    name: str
    calls: int
    minutes_hour: int
    minutes_day: int
    refuse: bool = False
    end: bool = False

    @property
    def key(self) -> str:
        """As in the subject `class:KEY` of `voxgate_sip.limits`."""
        return f"{self.pbx}/{self.name}"

    @property
    def about(self) -> str:
        """In words."""
        return "all calls" if self.name == WHOLE else f"class {self.name}"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that an operator should look at. Times are epoch seconds."""

    pbx: str
    kind: str
    about: str
    first_s: int
    last_s: int
    count: int = 1


@dataclass(slots=True)
class Books:
    """`minutes`: class key -> minute of the epoch -> seconds. `alerts` by (PBX, kind, about). `seen`: prefixes."""

    minutes: dict[str, dict[int, float]] = field(default_factory=dict)
    alerts: dict[tuple[str, str, str], Alert] = field(default_factory=dict)
    seen: dict[str, dict[str, int]] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def tick(self, calls: Mapping[str, tuple[str, int]], now_s: float) -> None:
        """Count what was spoken since the last tick. `calls`: key of the call -> (class key, answered at)."""
        for call, (key, since) in calls.items():
            self._spoken(key, max(self._until.get(call, since), now_s - DAY_S), now_s)
        self._until = dict.fromkeys(calls, now_s)
        oldest = int(now_s - DAY_S) // 60
        for minutes in self.minutes.values():
            for minute in [minute for minute in minutes if minute <= oldest]:
                del minutes[minute]
        self.alerts = {name: alert for name, alert in self.alerts.items() if now_s - alert.last_s < SHOWN_S}

    def used_minutes(self, key: str, window_s: int, now_s: float) -> float:
        """Minutes of a class in the last `window_s`."""
        oldest = int(now_s - window_s) // 60
        return sum(seconds for minute, seconds in self.minutes.get(key, {}).items() if minute > oldest) / 60

    def is_spent(self, budget: Budget, now_s: float) -> bool:
        """Whether a class has used up its minutes."""
        windows = ((budget.minutes_hour, HOUR_S), (budget.minutes_day, DAY_S))
        return any(limit and self.used_minutes(budget.key, window, now_s) >= limit for limit, window in windows)

    def alert(self, pbx: str, kind: str, about: str, now_s: float) -> bool:
        """Raise an alert; True when it is new, or after an hour of silence: then it is worth a line."""
        name = (pbx, kind, about)
        former = self.alerts.get(name)
        if former:
            last = former.last_s
            self.alerts[name] = Alert(pbx, kind, about, former.first_s, int(now_s), former.count + 1)
            return now_s - last >= HOUR_S
        if len(self.alerts) >= MOST_ALERTS:
            del self.alerts[min(self.alerts, key=lambda name: self.alerts[name].last_s)]
        self.alerts[name] = Alert(pbx, kind, about, int(now_s), int(now_s))
        return True

    def is_new(self, pbx: str, destination: str, now_s: float) -> bool:
        """Whether a PBX has never called there, as far as is known; from now on it has."""
        seen = self.seen.setdefault(pbx, {})
        new = destination not in seen
        if new and len(seen) >= MOST_DESTINATIONS:
            del seen[min(seen, key=seen.__getitem__)]
        seen[destination] = int(now_s)
        return new

    def keep_only(self, budgets: Iterable[Budget], pbxs: Iterable[str]) -> None:
        """Forget classes and PBXs that are no longer configured."""
        keys, names = {budget.key for budget in budgets}, set(pbxs)
        self.minutes = {key: minutes for key, minutes in self.minutes.items() if key in keys}
        self.seen = {pbx: seen for pbx, seen in self.seen.items() if pbx in names}

    def to_json(self) -> dict[str, object]:
        """What is kept over a restart."""
        return {
            "minutes": {key: {str(at): round(s, 1) for at, s in kept.items()} for key, kept in self.minutes.items()},
            "alerts": [[a.pbx, a.kind, a.about, a.first_s, a.last_s, a.count] for a in self.alerts.values()],
            "seen": self.seen,
        }

    def _spoken(self, key: str, start_s: float, end_s: float) -> None:
        minutes = self.minutes.setdefault(key, {})
        at = start_s
        while at < end_s:
            minute = int(at) // 60
            upto = min(end_s, (minute + 1) * 60.0)
            minutes[minute] = minutes.get(minute, 0.0) + upto - at
            at = upto


def books_of(document: object) -> Books:
    """What `to_json` wrote. Raises ValueError when it is something else."""
    match document:
        case {"minutes": dict(minutes), "alerts": list(alerts), "seen": dict(seen)}:
            try:
                made = [_alert(*item) for item in alerts]
                return Books(
                    {str(key): {int(at): float(s) for at, s in kept.items()} for key, kept in minutes.items()},
                    {(one.pbx, one.kind, one.about): one for one in made},
                    {str(pbx): {str(to): int(at) for to, at in kept.items()} for pbx, kept in seen.items()},
                )
            except (AttributeError, TypeError) as error:
                raise ValueError(str(error)) from error
    raise ValueError("not the books of the toll-fraud guard")


def _alert(pbx: object, kind: object, about: object, *numbers: int) -> Alert:
    first_s, last_s, count = map(int, numbers)
    return Alert(str(pbx), str(kind), str(about), first_s, last_s, count)
