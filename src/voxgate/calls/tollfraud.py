"""The toll-fraud guard at work: counts minutes of running calls, raises alerts, tells Kamailio what is spent.

Kamailio refuses at the moment of a call, by prefix, class and time of day, and by the table `spent` that is kept here.
Its entries live for half a minute, so that what is no longer spent needs no word, and a new Kamailio has them soon.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.calls.ledger import call_id_of
from voxgate.calls.spending import DAY_S, HOUR_S, Alert, Books, Budget, books_of
from voxgate.config.fraud import Mode
from voxgate.engines.sip_fraud import WHOLE, counted
from voxgate.errors import EngineError, HostError, PeerError
from voxgate.host import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from voxgate.calls.ending import Ending, Rpc
    from voxgate.calls.ledger import Ledger
    from voxgate.config.model import Config
    from voxgate.host.clock import Clock

log = logging.getLogger(__name__)

TICK_S: Final = 2.0
#: Less than half the lifetime of an entry in Kamailio's table.
TELL_EVERY_S: Final = 10.0
SAVE_EVERY_S: Final = 30.0
_REASON: Final = 'SIP;cause=403;text="toll-fraud guard"'


@dataclass(frozen=True, slots=True)
class Watched:
    """What is to be watched. `digits`: PBX -> how many first digits make a destination."""

    budgets: tuple[Budget, ...] = ()
    digits: tuple[tuple[str, int], ...] = ()


class TollFraud:
    """Watches the calls of a ledger; its books lie in `path`."""

    def __init__(
        self,
        ledger: Ledger,
        rpc: Rpc,
        clock: Clock,
        path: Path,
        *,
        ending: Ending,
        ended: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        """`ended` is told of Call-ID and reason."""
        self.books = Books()
        self._ended = ended
        self._ending = ending
        self._ledger = ledger
        self._rpc = rpc
        self._clock = clock
        self._path = path
        self._watched = Watched()
        self._noted: set[str] = set()
        self._told_s: dict[str, float] = {}
        self._saved = b""

    def load(self) -> None:
        """Take the books of the last run; what cannot be read is told, and counted anew."""
        if not self._path.exists():
            return
        try:
            self.books = books_of(json.loads(files.read(self._path)))
        except (HostError, ValueError) as error:
            log.warning("fraud_books_not_read reason=%s", error)

    def follow(self, watched: Watched) -> None:
        """Watch this from now on."""
        self._watched = watched
        self.books.keep_only(watched.budgets, [pbx for pbx, _ in watched.digits])

    def told(self, event: Mapping[str, object]) -> None:
        """Kamailio found something about a call: an event of `voxgate_sip.gate`."""
        match event:
            case {"pbx": str(pbx), "reason": str(reason), "number": str(number)}:
                self._alert(pbx, reason, f"to {number[:6]}", self._now_s())

    async def serve(self) -> None:
        """Until cancelled; the books are saved at the end as well."""
        saved_s = self._now_s()
        try:
            while True:
                await asyncio.sleep(TICK_S)
                now_s = self._now_s()
                await self.tick(now_s)
                if now_s - saved_s >= SAVE_EVERY_S:
                    saved_s = now_s
                    self.save()
        finally:
            self.save()

    async def tick(self, now_s: float) -> None:
        """Count, raise alerts, tell Kamailio."""
        answered = self._ledger.answered()
        classes = {key: place.names("class") for key, place in answered.items()}
        counted = ((key, name) for key, names in classes.items() for name in names)
        self.books.tick({f"{name} {key}": (name, answered[key].since_s) for key, name in counted}, now_s)
        for key, place in answered.items():
            if key not in self._noted:
                self._new_destination(place.names("pbx"), place.number, now_s)
        self._noted = set(answered)
        used = self._ledger.used()
        for budget in self._watched.budgets:
            if budget.calls and used.get(f"class:{budget.key}", 0) >= budget.calls:
                self._alert(budget.pbx, "calls-at-once", budget.about, now_s)
            if self.books.is_spent(budget, now_s):
                self._alert(budget.pbx, "minutes-spent", budget.about, now_s)
                calls = [key for key, names in classes.items() if budget.key in names]
                await self._spent(budget, calls, now_s)

    def save(self) -> None:
        """Write the books where they changed."""
        content = json.dumps(self.books.to_json(), separators=(",", ":")).encode()
        if content == self._saved or (not self._watched.budgets and not self.books.alerts and not self._path.exists()):
            return
        try:
            files.write(self._path, content)
            self._saved = content
        except HostError as error:
            log.warning("fraud_books_not_written reason=%s", error)

    def spending(self) -> list[tuple[Budget, int, float, float]]:
        """Each class with its calls, and its minutes in the last hour and in the last day."""
        used, now_s = self._ledger.used(), self._now_s()
        return [
            (
                budget,
                used.get(f"class:{budget.key}", 0),
                self.books.used_minutes(budget.key, HOUR_S, now_s),
                self.books.used_minutes(budget.key, DAY_S, now_s),
            )
            for budget in self._watched.budgets
        ]

    def alerts(self) -> list[Alert]:
        """What an operator should look at, the newest first."""
        return sorted(self.books.alerts.values(), key=lambda alert: -alert.last_s)

    async def _spent(self, budget: Budget, calls: list[str], now_s: float) -> None:
        if not budget.refuse:
            return
        try:
            if now_s - self._told_s.get(budget.key, 0) >= TELL_EVERY_S:
                await self._rpc.call("htable.sets", "spent", budget.key, "1")
                self._told_s[budget.key] = now_s
            for key in calls if budget.end else ():
                ended = await self._ending.hang_up(call_id_of(key), _REASON)
                self._ended(call_id_of(key), "toll-fraud")
                log.warning("fraud_call_ended pbx=%s class=%s known=%s", budget.pbx, budget.name, ended)
        except (EngineError, PeerError) as error:
            log.info("fraud_not_told reason=%s", error)

    def _new_destination(self, pbxs: tuple[str, ...], number: str, now_s: float) -> None:
        digits = dict(self._watched.digits)
        for pbx in pbxs:
            # Names are extensions; a number shorter than a destination is one, too.
            if digits.get(pbx) and number.lstrip("+").isdigit() and len(number) > digits[pbx]:
                destination = number[: digits[pbx]]
                if self.books.is_new(pbx, destination, now_s):
                    self._alert(pbx, "new-destination", f"to {destination}", now_s)

    def _alert(self, pbx: str, kind: str, about: str, now_s: float) -> None:
        if self.books.alert(pbx, kind, about, now_s):
            log.warning("fraud_alert pbx=%s kind=%s about=%r", pbx, kind, about)

    def _now_s(self) -> float:
        return self._clock.wall().timestamp()


def watched_of(config: Config) -> Watched:
    """What a configuration wants to have watched."""
    guards = [(str(name), pbx.fraud) for name, pbx in config.pbxs.items() if pbx.fraud]
    budgets = tuple(
        Budget(
            pbx,
            name,
            entry.calls or 0,
            entry.minutes_per_hour or 0,
            entry.minutes_per_day or 0,
            refuse=fraud.mode is Mode.REFUSE,
            end=fraud.end_running,
        )
        for pbx, fraud in guards
        for name, entry in counted(fraud)
        if name != WHOLE or entry.calls or entry.minutes_per_hour or entry.minutes_per_day
    )
    return Watched(budgets, tuple((pbx, fraud.new_destination_digits or 0) for pbx, fraud in guards))
