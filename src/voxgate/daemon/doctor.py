"""The doctor's rounds: the running edge examines itself, now and then, in a thread beside its work."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Final

from voxgate.daemon.part import Part
from voxgate.doctor.asking_edge import told_by, wishes_of
from voxgate.doctor.finding import Grade
from voxgate.doctor.gathering import gather
from voxgate.doctor.report import Report, report_of
from voxgate.doctor.rules import findings
from voxgate.errors import HostError, VoxgateError
from voxgate.host import files
from voxgate.supervise.panel import Panel

if TYPE_CHECKING:
    from datetime import datetime

    from voxgate.engines.base import Places
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired

log = logging.getLogger(__name__)

KEPT: Final = "doctor.json"


class Rounds:
    """What was found last, and when it is looked at again."""

    def __init__(self, places: Places, clock: Clock) -> None:
        self._places = places
        self._clock = clock
        self._desired: Desired | None = None
        self._changed = asyncio.Event()
        self._last = _kept(places)

    def part(self) -> Part:
        """Its part of the edge."""
        return Part(serve=(self._serve,), applied=self._applied, panels=lambda _: panels(self._last))

    def _applied(self, desired: Desired) -> None:
        self._desired = desired
        self._changed.set()

    async def _serve(self) -> None:
        """Some minutes after each change, and each few hours."""
        wait_s = None
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
                self._changed.clear()
                soon = self._desired.config.doctor if self._desired else None
                wait_s = soon.after_seconds if soon and soon.every_hours else None
            except TimeoutError:
                await self._look()
                hours = self._desired.config.doctor.every_hours if self._desired else 0
                wait_s = hours * 3600 if hours else None

    async def _look(self) -> None:
        desired = self._desired
        if desired is None:
            return
        try:
            self._last = await asyncio.to_thread(_look, desired, self._places, self._clock.wall())
        except (VoxgateError, OSError) as error:
            log.warning("doctor_not_done reason=%s", type(error).__name__)
            return
        counts = [f"{grade.value}s={self._last.count(grade)}" for grade in Grade]
        log.log(logging.INFO if self._last.good else logging.WARNING, "doctor_looked %s", " ".join(counts))


def _look(desired: Desired, places: Places, now: datetime) -> Report:
    facts = gather(desired, told_by(places.run / "control.sock"), wishes_of(desired.config.doctor), places.state)
    report = Report(now, findings(facts))
    files.write(places.state / KEPT, json.dumps(report.to_json()).encode())
    return report


def _kept(places: Places) -> Report | None:
    try:
        return report_of(files.read(places.state / KEPT))
    except HostError:
        return None


def panels(last: Report | None) -> tuple[Panel, ...]:
    """In `voxgate status`: when it looked, and what is wrong. What is wrong is no flaw of the running edge."""
    if last is None:
        return (Panel("doctor", (), (), ()),)
    when = last.to_json()
    bad = [one for one in last.findings if one.grade is not Grade.NOTE]
    counts = tuple(str(last.count(grade)) for grade in Grade)
    return (
        Panel("doctor", ("doctor looked", "errors", "warnings", "notes"), ((str(when["at"]), *counts),), (when,)),
        Panel("doctor_findings", ("found", "what", "cure"), tuple((o.grade.value, o.what, o.cure) for o in bad), ()),
    )
