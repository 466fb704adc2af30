"""Nodes that could not be reached lately are tried last. Pure: time is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voxgate.router.rules import Target

#: A node that came back is used again after so long at the latest.
AVOIDED_S: Final = 15.0
#: More than there are nodes in the largest edge; the oldest are forgotten first.
MOST: Final = 4096


class Health:
    """What is remembered of failures."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[object, int], float] = {}

    def failed(self, target: Target, now_s: float) -> None:
        """It could not be reached."""
        key = (target.address, target.port)
        self._until_s.pop(key, None)
        while len(self._until_s) >= MOST:
            del self._until_s[next(iter(self._until_s))]
        self._until_s[key] = now_s + AVOIDED_S

    def served(self, target: Target) -> None:
        """It was reached."""
        if self._until_s:
            self._until_s.pop((target.address, target.port), None)

    def order(self, targets: tuple[Target, ...], now_s: float) -> tuple[Target, ...]:
        """The same targets, those that failed lately behind the others."""
        if not self._until_s or len(targets) < 2:
            return targets
        avoided = {target for target in targets if self._until_s.get((target.address, target.port), 0.0) > now_s}
        return (*(one for one in targets if one not in avoided), *(one for one in targets if one in avoided))
