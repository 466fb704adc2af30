"""The security log: one stable line for each observation, ban and alert; see `observation.line_of` for its form.

It is bounded, because attackers choose how much they attack: what was left out is counted and told.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from voxgate.guard.observation import line_of

if TYPE_CHECKING:
    from voxgate.guard.networks import Network
    from voxgate.guard.observation import Observation

#: The name of this logger is part of the contract, too.
log = logging.getLogger("voxgate.security")

#: Lines a second, for what is proven and for what anybody can forge.
PROVEN_PER_S: Final = 50
FORGEABLE_PER_S: Final = 5


class Logbook:
    """Writes it; time is an argument."""

    def __init__(self) -> None:
        self._second = 0
        self._room = {True: PROVEN_PER_S, False: FORGEABLE_PER_S}
        self._left_out = 0

    def observed(self, observation: Observation, now_s: float) -> None:
        """One suspicious request."""
        if int(now_s) != self._second:
            self.settle(now_s)
        if self._room[observation.proven] <= 0:
            self._left_out += 1
            return
        self._room[observation.proven] -= 1
        log.warning("%s", line_of(observation))

    def settle(self, now_s: float) -> None:
        """Tell what was left out in a second that is over."""
        self._second = int(now_s)
        self._room = {True: PROVEN_PER_S, False: FORGEABLE_PER_S}
        if self._left_out:
            log.warning("event=suppressed lines=%d", self._left_out)
            self._left_out = 0

    def banned(self, requester: Network, last: Observation, minutes: int, offence: int, score: int) -> None:
        """Somebody was banned."""
        log.warning("%s", _line("ban", requester, last, f"minutes={minutes} offence={offence} score={score}"))

    def alerted(self, requester: Network, last: Observation, note: str, phones: int) -> None:
        """Somebody would have been."""
        del note
        log.warning("%s", _line("alert", requester, last, f"phones={phones}"))


def _line(event: str, requester: Network, last: Observation, more: str) -> str:
    return f"event={event} src_ip={last.requester} protocol={last.protocol} network={requester} kind={last.kind} {more}"
