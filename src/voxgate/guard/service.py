"""The guard at work: takes observations, bans, and makes the walls hold what the books say.

An observation is counted at once, in memory. What follows from it (walls, disk) is done by `serve`, which gathers
what comes within a moment into one transaction.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from voxgate.errors import VoxgateError
from voxgate.guard import store as on_disk
from voxgate.guard.bans import GUARD, Ban, BanBook, restored
from voxgate.guard.evidence import Findings, reason_of
from voxgate.guard.ledger import Evidence, Ledger
from voxgate.guard.logbook import Logbook
from voxgate.guard.rules import REMEMBERED, Rules, Standing
from voxgate.guard.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from voxgate.guard.networks import Network
    from voxgate.guard.observation import Observation
    from voxgate.guard.store import Statement, Store
    from voxgate.guard.walls import Walls
    from voxgate.host.clock import Clock

log = logging.getLogger(__name__)

#: Bans within this time go to the kernel together.
GATHER_S: Final = 0.02
TICK_S: Final = 1.0
#: How often it is asked whether the walls still stand, in ticks.
LOOK_EVERY: Final = 10
PRUNE_EVERY: Final = 3600
#: Offenders that are remembered.
MOST_OFFENDERS: Final = 200_000


class Guard:
    """Implements `observation.Reports`. `registered`: how many phones are registered from a requester."""

    def __init__(
        self, store: Store, walls: Walls, clock: Clock, registered: Callable[[Network], int] = lambda _: 0
    ) -> None:
        now = clock.wall()
        self.book: BanBook = restored(store.bans(), store.allowed(), now)
        self.ledger = Ledger()
        self.rules = Rules(enabled=False)
        self.findings = Findings()
        self.wanted = Wanted(self.book)
        self.walls = walls
        self.store = store
        self.clock = clock
        self._registered = registered
        self._offences = store.offences()
        self._logbook = Logbook()
        self._statements: list[Statement] = []
        self._wake = asyncio.Event()
        self._rebuild = True

    # -- what others tell --------------------------------------------------------------------------

    def report(self, observation: Observation, /) -> None:
        """Count it."""
        rules = self.rules
        if not rules.enabled:
            return
        requester = rules.requester(observation.requester)
        standing = self.standing(observation)
        weight = rules.weight(observation) if standing is Standing.NONE else 0
        score = self.ledger.count(requester, observation, weight)
        self._logbook.observed(observation, self.clock.monotonic())
        result = _result(observation, standing, weight, score, rules.threshold)
        if weight and score > rules.threshold:
            result = self._above(requester, observation, score)
        self.ledger.note(requester, Evidence(observation, weight, result))
        if result.startswith(("banned for", "alert")):
            self._keep_evidence(requester)

    def standing(self, observation: Observation) -> Standing:
        """Why he is not to be banned, if so."""
        address = observation.requester
        if self.rules.ours.holding(address):
            return Standing.OURS
        if self.rules.white.holding(address) or self.book.is_allowed(address):
            return Standing.WHITE
        return Standing.NONE

    def follow(self, rules: Rules) -> None:
        """Go by these rules from now on."""
        self.rules = rules
        self.wanted.follow(rules)
        self._rebuild = True
        self._wake.set()

    def engine_returned(self) -> None:
        """An engine began anew: where it enforces, it has forgotten whom."""
        if not self.walls.by_kernel:
            self._rebuild = True
            self._wake.set()

    # -- what a person or a feed wants -------------------------------------------------------------

    def put(self, ban: Ban) -> None:
        """Shut somebody out."""
        for gone in self.book.put(ban):
            self._forget(gone)
        self.wanted.touch(ban.network)
        self.write(on_disk.put_ban(ban))

    def lift(self, network: Network) -> Ban | None:
        """Let somebody in again, who begins anew."""
        ban = self.book.lift(network)
        if ban:
            self._forget(network)
            self.ledger.clear(network)
        return ban

    def take_feed(self, name: str, networks: frozenset[Network]) -> None:
        """What a feed holds now."""
        self.wanted.feed(name, networks)
        self._wake.set()

    def write(self, statement: Statement) -> None:
        """Have something written down, and the walls changed."""
        self._statements.append(statement)
        self._wake.set()

    # -- the driver --------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Until cancelled; what is new then is written."""
        turn = 0
        try:
            while True:
                await self.tick(turn)
                turn += 1
                try:
                    async with asyncio.timeout(TICK_S):
                        await self._wake.wait()
                    await asyncio.sleep(GATHER_S)
                except TimeoutError:
                    pass
        finally:
            self._save(self._take())
            self.store.close()

    async def tick(self, turn: int) -> None:
        """Walls and disk as the books say; `turn` counts these."""
        self._wake.clear()
        now = self.clock.wall()
        for ban in self.book.expire(now):
            self._forget(ban.network)
            self.ledger.clear(ban.network)
            log.info("ban_over network=%s", ban.network)
        self._logbook.settle(self.clock.monotonic())
        await self._enforce(now, look=turn % LOOK_EVERY == LOOK_EVERY - 1)
        await asyncio.to_thread(self._save, self._take())
        if turn % PRUNE_EVERY == PRUNE_EVERY - 1:
            await asyncio.to_thread(self._prune, now)

    async def _enforce(self, now: datetime, *, look: bool) -> None:
        rules = self.rules
        try:
            if not rules.enabled:
                if self._rebuild:
                    await self.walls.open()
            elif self._rebuild or (look and not await self.walls.stands()):
                await self.walls.build(self.wanted.whole(now), firewall=rules.firewall)
            elif (changed := self.wanted.turn(now)) is not None:
                if changed.white is not None and not self.walls.by_kernel:
                    # Engines know no white list: it decides what they are told.
                    await self.walls.build(self.wanted.whole(now), firewall=rules.firewall)
                else:
                    await self.walls.change(changed)
            self._rebuild = False
            if rules.enabled:
                await self._cut_off(now)
        except VoxgateError as error:
            # All anew at the next turn: what was told and what was not is not known.
            self._rebuild = True
            log.warning("guard_not_enforced reason=%s", error)

    async def _cut_off(self, now: datetime) -> None:
        """End the open connections of who is newly shut out, now that he cannot open others."""
        networks, spare = self.wanted.newly_shut_out(now)
        if networks:
            await self.walls.cut(networks, spare)

    def _take(self) -> list[Statement]:
        statements, self._statements = self._statements, []
        return statements

    def _save(self, statements: list[Statement]) -> None:
        if not statements:
            return
        try:
            self.store.write(statements)
        except VoxgateError as error:
            log.warning("guard_not_written reason=%s", error)

    def _prune(self, now: datetime) -> None:
        try:
            self.store.prune(now)
        except VoxgateError as error:
            log.warning("guard_not_written reason=%s", error)

    # -- verdicts ----------------------------------------------------------------------------------

    def _above(self, requester: Network, observation: Observation, score: int) -> str:
        """Somebody is above the threshold; gives what became of him."""
        now = observation.at
        if self.book.ban_of(requester):
            return "banned already"
        note = reason_of(self.ledger.evidence(requester), observation, score, self.rules.threshold)
        phones = self._registered(requester) if self.rules.protect_registered else 0
        if phones:
            self.ledger.clear(requester)
            if self.ledger.may_alert(requester, now):
                self.findings.alert(requester, now, note, phones)
                self._logbook.alerted(requester, observation, note, phones)
            return f"alert: {phones} phones are registered from there"
        offence = self._offence(requester, now)
        lasts = self.rules.lasts(offence)
        self.put(Ban(requester, GUARD, now, now + lasts, note, offence))
        self.ledger.clear(requester)
        minutes = round(lasts.total_seconds() / 60)
        self._logbook.banned(requester, observation, minutes, offence, score)
        return f"banned for {minutes} min"

    def _offence(self, requester: Network, now: datetime) -> int:
        count, last = self._offences.pop(requester, (0, now))
        count = count + 1 if now - last < REMEMBERED else 1
        self._offences[requester] = (count, now)
        if len(self._offences) > MOST_OFFENDERS:
            del self._offences[next(iter(self._offences))]
        self.write(on_disk.put_offence(requester, count, now))
        return count

    def _keep_evidence(self, requester: Network) -> None:
        for piece in self.ledger.evidence(requester):
            if self.findings.is_new(piece):
                self._statements.append(on_disk.put_evidence(requester, piece))

    def _forget(self, network: Network) -> None:
        self.wanted.touch(network)
        self.write(on_disk.lift_ban(network))


def _result(observation: Observation, standing: Standing, weight: int, score: int, threshold: int) -> str:
    match standing:
        case Standing.OURS:
            return "not counted: a PBX, a trunk or the edge itself"
        case Standing.WHITE:
            return "not counted: whitelisted"
    if not observation.proven:
        return "not counted: the address can be forged"
    return f"{score} of {threshold} within a minute" if weight else "not counted: its weight is 0"
