"""The calls that hold places, as Kamailio lists them every two seconds: kept, so that a new Kamailio can be told.

Kamailio's tables die with it; calls do not, because audio and the route sets of the phones live on. The list of the
last one is given to the next. `Ledger` is pure; `live.py` acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxgate_sip.limits import key_of, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voxgate_sip.limits import Place

#: Lists that miss a part are thrown away when the next one begins; one list has no more parts than this.
MOST_PARTS = 1024


@dataclass(slots=True)
class Ledger:
    """`calls`: key -> text of the place (see `voxgate_sip.limits`), of the last list that was complete.

    `boot` tells one Kamailio from the next; `orphans` are answered calls that the former one knew and the present
    one has not been told of yet.
    """

    boot: str = ""
    calls: dict[str, str] = field(default_factory=dict)
    orphans: dict[str, str] = field(default_factory=dict)
    _sweep: tuple[str, int] = ("", 0)
    _parts: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    def told(self, event: Mapping[str, object]) -> bool:
        """Take one part of a list; True when it made the list complete. Whatever is no list of ours is dropped."""
        match event:
            case {
                "boot": str(boot),
                "sweep": int(sweep),
                "part": int(part),
                "of": int(count),
                "calls": list(calls),
            } if 0 <= part < count <= MOST_PARTS:
                return self._part((boot, sweep), part, count, _good(calls))
        return False

    def adopted(self) -> None:
        """The present Kamailio has been told of the orphans."""
        self.calls = {**self.orphans, **self.calls}
        self.orphans = {}

    def gone(self, key: str) -> None:
        """This call is over."""
        self.calls.pop(key, None)

    def answered(self) -> dict[str, Place]:
        """Calls that somebody answered, by key."""
        places = {key: place_of(text) for key, text in self.calls.items()}
        return {key: place for key, place in places.items() if place.since_s}

    def used(self) -> dict[str, int]:
        """Subject -> its calls."""
        found: dict[str, int] = {}
        for text in self.calls.values():
            for subject in place_of(text).subjects:
                found[subject] = found.get(subject, 0) + 1
        return found

    def _part(self, sweep: tuple[str, int], part: int, count: int, calls: list[tuple[str, str]]) -> bool:
        if sweep != self._sweep:
            self._sweep, self._parts = sweep, {}
        self._parts[part] = calls
        if len(self._parts) < count:
            return False
        if sweep[0] != self.boot:
            if self.boot:
                # The former one's transactions died with it, and so did calls that nobody had answered.
                known = {key: text for key, text in self.calls.items() if place_of(text).since_s}
                self.orphans = {**self.orphans, **known}
            self.boot = sweep[0]
        self.calls = {key: text for one in self._parts.values() for key, text in one}
        self._parts = {}
        return True


def key_of_place(call_id: str, caller_tag: str) -> str:
    """The key of the place that a call holds, if it holds one."""
    return key_of(call_id, caller_tag)


def call_id_of(key: str) -> str:
    """The Call-ID of a call by the key of its place."""
    return key.rpartition("|")[0]


def _good(calls: Sequence[object]) -> list[tuple[str, str]]:
    found = []
    for item in calls:
        match item:
            case [str(key), str(text)]:
                try:
                    place_of(text)
                except ValueError:
                    continue
                found.append((key, text))
    return found
