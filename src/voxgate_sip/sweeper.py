"""Every two seconds, in a process of its own: puts the places of calls right, and tells the control plane of them.

The list goes out whole, in as many datagrams as it needs, each numbered; the control plane takes it only when it
is complete. Ahead of it go the records of calls that are new in it (see `record.py`). `boot` tells a Kamailio that was
started anew, and knows of no calls yet, from the one before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from voxgate_sip.limits import is_answered
from voxgate_sip.places import Places

if TYPE_CHECKING:
    from voxgate_sip.events import Emitter
    from voxgate_sip.ksr import Ksr

#: Shared variable in which the control plane counts up to have the running calls listed.
LIST: Final = "$shv(list)"
#: Characters in one datagram: a third of what a socket takes by default.
DATAGRAM: Final = 65536


class Sweeper:
    """Made before the fork, so that `boot` is one for all processes."""

    def __init__(self, ksr: Ksr, events: Emitter) -> None:
        self._places = Places(ksr, lambda: 0)
        self._events = events
        self._boot = str(time.time_ns())
        self._number = 0
        self._pv_get = ksr.pv.get
        self._listed = "0"
        self._told: set[str] = set()

    def sweep(self) -> None:
        """One turn."""
        calls = self._places.sweep()
        self._number += 1
        self._tell_records(calls)
        parts = parted(calls)
        for index, part in enumerate(parts):
            self._events.send(event="calls", boot=self._boot, sweep=self._number, part=index, of=len(parts), calls=part)
        asked = str(self._pv_get(LIST))
        if asked != self._listed:
            self._listed = asked
            self._list(int(asked))

    def _tell_records(self, calls: list[tuple[str, str]]) -> None:
        """Send the records of calls that were answered since the last turn, ahead of the list that names them.

        Whoever knows of a call can end it then, whatever becomes of this Kamailio in the next moment.
        """
        answered = {key for key, text in calls if is_answered(text)}
        get = self._places.record
        new = [(key, record) for key in answered - self._told if (record := get(key))]
        self._told = answered
        for part in parted(new) if new else ():
            self._events.send(event="kept", calls=part)

    def _list(self, asked: int) -> None:
        """Send the records of all answered calls (see `record.py`): somebody wants to see them."""
        parts = parted(self._places.table("calls"))
        for index, part in enumerate(parts):
            self._events.send(event="records", asked=asked, part=index, of=len(parts), calls=part)


def parted(calls: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """The list in parts that fit into datagrams; an empty list is one part."""
    parts: list[list[tuple[str, str]]] = [[]]
    size = 0
    for key, text in calls:
        size += len(key) + len(text)
        if size > DATAGRAM:
            parts.append([])
            size = len(key) + len(text)
        parts[-1].append((key, text))
    return parts
