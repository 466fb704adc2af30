"""STUN and TURN: coturn's processes, and who fails to log in there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from voxgate.daemon.part import Part
from voxgate.engines.coturn import NAMES
from voxgate.guard.observation import Kind, Observation, ServiceType
from voxgate.supervise.coturn import CoturnControl
from voxgate.supervise.engine_lines import decode
from voxgate.supervise.panel import Panel
from voxgate.supervise.turn_lines import TurnLines, is_routine, unknown_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from signal import Signals

    from voxgate.engines.base import Places
    from voxgate.guard.observation import Reports
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired

log = logging.getLogger(__name__)


class Turn:
    """coturn for accounts, and coturn for time-limited credentials beside it."""

    def __init__(self, places: Places, clock: Clock, reports: Reports, send: Callable[[str, Signals], None]) -> None:
        self._clock = clock
        self._reports = reports
        self._controls = {name: CoturnControl(name, places.engine(name), send) for name in NAMES}
        self._lines = {name: TurnLines() for name in NAMES}

    def part(self) -> Part:
        """Its part of the edge."""
        return Part(
            controls=self._controls,
            probes=self._controls,
            prepare={name: control.prepare for name, control in self._controls.items()},
            ears={name: self._ear(name) for name in NAMES},
            applied=self._applied,
            panels=self._panels,
        )

    def _ear(self, name: str) -> Callable[[bytes], bool]:
        lines = self._lines[name]

        def hear(raw: bytes) -> bool:
            """Whether the line goes to the log, too."""
            line = decode(raw).rstrip()
            now = self._clock.wall()
            if failures := lines.feed(line, now.timestamp()):
                # Credentials answer a nonce that coturn sent to that address: nobody forged it.
                seen = Observation(now, failures.requester, ServiceType.TURN, Kind.AUTH_FAILURE, user=failures.user)
                for _ in range(failures.count):
                    self._reports.report(seen)
            if option := unknown_option(line):
                log.error("turn_option_unknown unit=%s option=%s", name, option)
            return not is_routine(line)

        return hear

    def _applied(self, desired: Desired) -> None:
        running = {state.name for state in desired.engines}
        for name, control in self._controls.items():
            if name not in running:
                control.withdraw()

    def _panels(self, desired: Desired) -> tuple[Panel, ...]:
        rows, data = [], []
        for state in desired.engines:
            if (control := self._controls.get(state.name)) is None:
                continue
            ports = sorted({(one.proto, one.port) for one in state.listeners})
            fence = "kernel" if control.fenced else "coturn alone: CAP_NET_ADMIN is missing"
            rows.append((state.name, ", ".join(f"{proto} {port}" for proto, port in ports), fence))
            data.append({"engine": state.name, "ports": [f"{p}/{n}" for p, n in ports], "fenced": control.fenced})
        return (Panel("turn", ("STUN and TURN", "ports", "peers held by"), tuple(rows), tuple(data)),)
