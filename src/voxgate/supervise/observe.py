"""Looks at the machine and makes a `Status` of what it finds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from voxgate.errors import EngineError, PeerError
from voxgate.supervise.status import EXPIRY_WARNING, CertificateStatus, EngineStatus, Status, drift

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from voxgate.config.model import Config
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.supervise.hands import Control, Rpc
    from voxgate.supervise.nodes import NodeWatch
    from voxgate.supervise.panel import Panel
    from voxgate.supervise.supervisor import UnitStatus
    from voxgate.supervise.trunk_status import TrunkStatus


class Shown(Protocol):
    """A certificate, as far as status tells of it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names it is for."""

    @property
    def expires(self) -> datetime:
        """Its end."""

    @property
    def begins(self) -> datetime:
        """Its beginning."""

    @property
    def self_signed(self) -> bool:
        """Whether no authority has signed it."""


class Units(Protocol):
    """The supervisor, as far as status asks it."""

    def snapshot(self) -> tuple[UnitStatus, ...]:
        """All engines."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Gathers what the supervisor, the engines themselves and the files say."""

    clock: Clock
    units: Units
    controls: Mapping[str, Control]
    nodes: NodeWatch
    rpc: Rpc
    read_back: Callable[[Desired], Mapping[tuple[str, str], bytes | None]]
    certificate: Callable[[Config], Shown]
    panels: Callable[[Desired], tuple[Panel, ...]] = lambda _: ()
    trunks: Callable[[], tuple[TrunkStatus, ...]] = tuple

    async def observe(self, desired: Desired, warnings: tuple[str, ...]) -> Status:
        """How everything is, beside what `desired` says it should be."""
        units = self.units.snapshot()
        answers = await asyncio.gather(*(self._generation(unit) for unit in units))
        engines = tuple(EngineStatus.of(unit, answer) for unit, answer in zip(units, answers, strict=True))
        await self.nodes.refresh(self.rpc)
        listeners = tuple(one for state in desired.engines for one in state.listeners)
        return Status(
            now=self.clock.wall(),
            generation=desired.generation,
            engines=engines,
            drift=drift(desired.generation, desired.engines, engines, self.read_back(desired)),
            listeners=tuple(one for one in listeners if not one.purpose.startswith("RTP")),
            media_ports=str(desired.config.media.ports),
            nodes=self.nodes.snapshot(),
            certificate=self._certificate(desired),
            warnings=warnings,
            panels=self.panels(desired),
            trunks=self.trunks(),
        )

    async def _generation(self, unit: UnitStatus) -> int | None:
        """The engine's own answer; None where it has none or gives none."""
        if not unit.serving:
            return None
        try:
            return await self.controls[unit.name].generation()
        except (PeerError, EngineError):
            return None

    def _certificate(self, desired: Desired) -> CertificateStatus | None:
        if not any(one.proto == "tls" for state in desired.engines for one in state.listeners):
            return None
        shown = self.certificate(desired.config)
        # A certificate for days is renewed when days are left.
        warn_before = min(EXPIRY_WARNING, (shown.expires - shown.begins) / 6)
        return CertificateStatus(shown.names, shown.expires, shown.self_signed, warn_before)
