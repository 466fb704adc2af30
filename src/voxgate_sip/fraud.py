"""Where a PBX may call: prefixes, destination classes, nights. Pure; time is an argument."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: RFC 3966: characters that are there for the eye alone.
_VISUAL: Final = re.compile(r"[-.() ]")
_LONGEST_NUMBER: Final = 40
#: In the place of a class: all calls of a PBX through trunks.
ALL: Final = "*"


@dataclass(frozen=True, slots=True)
class Night:
    """From minute `start` to minute `end` of the day, in `zone`; `end` before `start` is on the next day."""

    start: int
    end: int
    zone: str
    denied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guard:
    """Of one PBX. `verdicts`: prefix -> may it be called; `classes`: prefix -> class; `calls`: class -> at once.

    `metered` are the classes whose minutes are counted. Without `refuse`, everything is only told.
    """

    refuse: bool
    verdicts: dict[str, bool]
    classes: dict[str, str]
    calls: dict[str, int]
    metered: tuple[str, ...]
    nights: tuple[Night, ...]


class Finding(NamedTuple):
    """`reason` is empty, `denied-destination`, `night` or `minutes-spent`. `whole`: the call counts for `ALL`."""

    reason: str
    class_name: str
    number: str
    whole: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Everything that the call counts for."""
        return tuple(name for name in (self.class_name, ALL if self.whole else "") if name)


def guard_of(entry: Mapping[str, Any]) -> Guard:
    """The guard in a part of policy.json. Raises ValueError, KeyError or TypeError."""
    nights = tuple(Night(**{**night, "denied": tuple(night["denied"])}) for night in entry["nights"])
    for night in nights:
        _zone(night.zone)
    return Guard(**{**entry, "metered": tuple(entry["metered"]), "nights": nights})


def number_of(user: str) -> str:
    """The digits that are dialled by the user part of a URI, which may be escaped and may have parameters."""
    return _VISUAL.sub("", unquote(user).partition(";")[0])[:_LONGEST_NUMBER]


def longest(number: str, prefixes: Mapping[str, Any]) -> str:
    """The longest of `prefixes` with which `number` begins, or empty."""
    for length in range(len(number), 0, -1):
        if number[:length] in prefixes:
            return number[:length]
    return ""


def at_night(night: Night, now_s: float) -> bool:
    """Whether it is this night; a change to summer time moves it with the clocks on the wall."""
    local = datetime.fromtimestamp(now_s, _zone(night.zone))
    minute = local.hour * 60 + local.minute
    if night.start <= night.end:
        return night.start <= minute < night.end
    return minute >= night.start or minute < night.end


def judge(guard: Guard, user: str, now_s: float, spent: Callable[[str], bool], *, paid: bool = False) -> Finding:
    """What the guard finds about a call to `user`; `spent` tells whether a class has used up its minutes.

    `paid`: it goes through a trunk. What is allowed by name is no part of the whole: emergency calls are not counted.
    """
    number = number_of(user)
    class_name = guard.classes.get(longest(number, guard.classes), "")
    reason = ""
    verdict = guard.verdicts.get(longest(number, guard.verdicts))
    whole = paid and not verdict and (ALL in guard.metered or ALL in guard.calls)
    if verdict is False:
        reason = "denied-destination"
    elif any(class_name in night.denied and at_night(night, now_s) for night in guard.nights):
        reason = "night"
    found = Finding(reason, class_name, number, whole)
    if not reason and any(name in guard.metered and spent(name) for name in found.classes):
        return found._replace(reason="minutes-spent")
    return found


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
