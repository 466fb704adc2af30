"""Times at which something is to be done, for thousands of connections: one slot of a wheel per quarter of a second.

To set and to drop a time is an entry in a set; nothing is sorted. Pure: time is an argument.
"""

from __future__ import annotations

from typing import Final

#: How late a time may be.
STEP_S: Final = 0.25


class Timed:
    """What may have one time at which it is called."""

    __slots__ = ("slot",)

    def __init__(self) -> None:
        self.slot = 0

    def timed_out(self) -> None:
        """The time has come; it is set no more."""
        raise NotImplementedError

    def abort(self) -> None:
        """Give it up."""
        raise NotImplementedError


class Wheel:
    """All times of one process. `slots`, of which none is empty, are to be looked at only."""

    def __init__(self, now_s: float) -> None:
        self.slots: dict[int, set[Timed]] = {}
        self._turned = int(now_s / STEP_S)

    def __len__(self) -> int:
        """How many slots hold something."""
        return len(self.slots)

    def set(self, item: Timed, due_s: float) -> None:
        """Call `item` at `due_s` or a step later, in place of any time that it had."""
        slot = max(int(due_s / STEP_S), self._turned) + 1
        if slot == item.slot:
            return
        self.drop(item)
        item.slot = slot
        items = self.slots.get(slot)
        if items is None:
            self.slots[slot] = {item}
        else:
            items.add(item)

    def drop(self, item: Timed) -> None:
        """Do not call it."""
        if item.slot:
            items = self.slots[item.slot]
            items.discard(item)
            if not items:
                del self.slots[item.slot]
            item.slot = 0

    def due(self, now_s: float) -> list[Timed]:
        """Those whose time has come by now."""
        turned = int(now_s / STEP_S)
        if turned == self._turned:
            return []
        self._turned = turned
        found: list[Timed] = []
        for slot in sorted(slot for slot in self.slots if slot <= turned):
            found += self.slots.pop(slot)
        for item in found:
            item.slot = 0
        return found
