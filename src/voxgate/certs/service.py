"""Keeps every certificate fresh: orders, shows, verifies, and goes back to the former one where that fails.

An order runs in a thread of its own; everything that changes the store or an engine runs here, one at a time.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from voxgate.certs import schedule
from voxgate.certs.aside import aside
from voxgate.certs.explain import Failure
from voxgate.certs.handshake import Finding, Question, questions, verify
from voxgate.certs.order import Wanted
from voxgate.certs.standing import Standing, by_acme, by_hand, life_of
from voxgate.certs.store import DEFAULT, Shown, Store, names_of, trusted, wanted_names
from voxgate.config.network import Side
from voxgate.engines.acme import WELL_KNOWN_PORT
from voxgate.errors import HostError, UsageError, VoxgateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from voxgate.certs.answers import Answers
    from voxgate.certs.order import Clerk, Signed
    from voxgate.config.certificates import Certificate
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired

log = logging.getLogger(__name__)

#: Files and dates are looked at so often.
ROUND_S: Final = 15.0
#: A certificate that is about to end is renewed with fewer names rather than not at all: a sixth of its life is left.
_LAST_RESORT: Final = 6
_NOT_TAKEN_PAUSE_S: Final = 3600.0


class Service:
    """All certificates of a running edge.

    `show` makes the engines take what the store shows, and gives the reason when they do not. `chance` draws a number
    in 0..1.
    """

    def __init__(
        self,
        store: Store,
        clerk: Clerk,
        clock: Clock,
        show: Callable[[], Awaitable[str]],
        chance: Callable[[], float],
    ) -> None:
        self._store = store
        self._clerk = clerk
        self._clock = clock
        self._engines_show = show
        self._chance = chance
        self._desired: Desired | None = None
        self._last: tuple[Shown, ...] = ()
        self._taken: dict[str, bytes] = {}
        self._refused: tuple[dict[str, bytes], float, str] = ({}, 0.0, "")
        self._findings: tuple[Finding, ...] = ()
        #: What the findings are about: only what changed is asked again.
        self._answered: tuple[Question, ...] = ()
        self._lane = asyncio.Lock()
        self._wake = asyncio.Event()

    def applied(self, desired: Desired) -> None:
        """This generation runs now."""
        self._desired = desired
        try:
            self._last = self._shown()
            self._taken = self._present()
        except VoxgateError as error:  # a file went away just now; the engines have what was there
            log.warning("certificate_gone reason=%s", error)
        self._wake.set()

    async def serve(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            async with self._lane:
                if self._questions() != self._answered or any(finding.wrong for finding in self._findings):
                    await self._verify()
                for name, acme in self._ordered():
                    await self._tend(name, acme)
                await self._follow()
            try:
                async with asyncio.timeout(self._pause_s()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _pause_s(self) -> float:
        """Until the next order is due, and a round at most."""
        due = [standing.next_s for standing in self.standings() if standing.next_s is not None]
        return min(max(min(due) - self._now_s(), 1.0), ROUND_S) if due else ROUND_S

    async def renew(self, name: str | None, progress: Callable[[str], None]) -> tuple[str, ...]:
        """Order now, whatever is due; what went wrong, in words. Raises UsageError: there is nothing to order."""
        ordered = dict(self._ordered())
        if name is not None and name not in ordered:
            raise UsageError(f"certificate {name} is not ordered by ACME\n    see `voxgate certs`")
        if not ordered:
            raise UsageError("no certificate is ordered by ACME\n    set certificates.default.acme")
        async with self._lane:
            found = [await self._attempt(one, ordered[one], progress) for one in ([name] if name else ordered)]
        return tuple(words for words in found if words)

    async def verified(self) -> tuple[Finding, ...]:
        """Every listener and name, by a handshake now."""
        async with self._lane:
            await self._verify()
        return self._findings

    def standings(self) -> tuple[Standing, ...]:
        """How every certificate is."""
        ordered = dict(self._ordered())
        return tuple(self._standing(one, ordered.get(one.name)) for one in self._last)

    def default(self) -> Shown | None:
        """What clients are shown for every other name; None before anything runs."""
        return self._last[0] if self._last else None

    def alarms(self) -> tuple[str, ...]:
        """What a person must see to, in sentences."""
        found = [f"certificate {one.shown.name}: {one.alarm}" for one in self.standings() if one.alarm]
        if self._refused[2]:
            found.append(f"a certificate is another one now, and is not taken: {self._refused[2]}")
        wrong = [str(finding) for finding in self._findings if finding.wrong]
        return (*found, *wrong[:3], *([f"and {len(wrong) - 3} listeners and names more"] if len(wrong) > 3 else []))

    def _ordered(self) -> Iterator[tuple[str, Certificate]]:
        if self._desired is None:
            return
        section = self._desired.config.certificates
        if section.default is not None and section.default.acme is not None:
            yield DEFAULT, section.default
        yield from ((name, one) for name, one in section.others.items() if one.acme is not None)

    def _shown(self) -> tuple[Shown, ...]:
        return self._store.shown(self._desired.config, self._clock.wall()) if self._desired else ()

    def _now_s(self) -> float:
        return self._clock.wall().timestamp()

    def _wanted(self, name: str, one: Certificate) -> Wanted:
        assert self._desired is not None  # noqa: S101  asked for of what runs only
        assert one.acme is not None  # noqa: S101
        sides = self._desired.network.sides
        ours = tuple(side.shown for side in sides if side.side in {Side.OUTSIDE4, Side.OUTSIDE6})
        return Wanted(one.acme, wanted_names(name, one, self._desired.config), ours)

    def _life(self, name: str, wanted: Wanted) -> schedule.Life | None:
        shown = next((one for one in self._last if one.name == name), None)
        return life_of(shown, self._store.shelf.current(name), wanted) if shown else None

    def _standing(self, shown: Shown, one: Certificate | None) -> Standing:
        if one is None:
            names = names_of(shown.name, self._desired.config) if self._desired else ()
            return by_hand(shown, names, self._now_s())
        shelf = self._store.shelf
        kept, wanted = shelf.current(shown.name), self._wanted(shown.name, one)
        return by_acme(shown, kept, wanted, shelf.memory(shown.name), self._now_s())

    async def _tend(self, name: str, one: Certificate) -> None:
        """Order it when that is due."""
        wanted, shelf = self._wanted(name, one), self._store.shelf
        memory, life = shelf.memory(name), self._life(name, self._wanted(name, one))
        issued = shelf.current(name)
        if life is not None and life.fits and issued is not None and memory.ask_s <= self._now_s():
            memory = await self._ask(wanted, issued.certificate, memory)
            shelf.remember(name, memory)
        if schedule.due_s(life, memory, wanted.digest) <= self._now_s():
            await self._attempt(name, one, lambda text: log.info("certificate_step name=%s step=%s", name, text))

    async def _ask(self, wanted: Wanted, certificate: bytes, memory: schedule.Memory) -> schedule.Memory:
        try:
            at, again = await aside(lambda: self._clerk.suggestion(wanted.acme, certificate))
        except (Failure, HostError) as error:
            log.info("renewal_not_suggested reason=%s", error)
            return replace(memory, ask_s=self._now_s() + schedule.LONGEST_PAUSE_S / 2)
        return schedule.suggested(memory, at.timestamp() if at else None, again.timestamp())

    async def _attempt(self, name: str, one: Certificate, progress: Callable[[str], None]) -> str:
        """Order, show and verify; what went wrong, in words."""
        wanted, shelf = self._wanted(name, one), self._store.shelf
        memory = shelf.memory(name)
        try:
            signed = await self._order(name, wanted, progress)
        except (Failure, HostError) as error:
            wait_s = error.retry_after_s if isinstance(error, Failure) else 0.0
            return self._failed(name, wanted, memory, str(error), wait_s)
        memory = schedule.ordered(memory, wanted.digest, self._now_s())
        former = shelf.current(name)
        shelf.put(name, signed.certificate, signed.key, wanted.names, wanted.acme.directory)
        progress("showing it to clients")
        if reason := await self._show():
            shelf.show(name, former.number if former else None)
            again = await self._show()
            words = f"signed, but not shown, the former one stays: {reason}" + (f"; {again}" if again else "")
            return self._failed(name, wanted, memory, words)
        log.info("certificate_renewed name=%s names=%d", name, len(signed.names))
        memory = schedule.succeeded(memory, wanted.digest, self._chance())
        shelf.remember(name, memory)
        if signed.left_out:
            return self._failed(name, wanted, memory, f"signed without some names: {'; '.join(signed.left_out)}")
        return ""

    async def _order(self, name: str, wanted: Wanted, progress: Callable[[str], None]) -> Signed:
        life, now_s = self._life(name, wanted), self._now_s()
        left_s = life.expires_s - now_s if life else 0.0
        current = next(one for one in self._last if one.name == name)
        keeps = life is not None and left_s * _LAST_RESORT > life.expires_s - life.begins_s
        due = life is None or schedule.due_s(replace(life, fits=True), schedule.Memory(), "") <= now_s
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            if wanted.acme.dns is None:
                await stack.enter_async_context(self._answers.listening(self._public()))

            def told(text: str) -> None:
                loop.call_soon_threadsafe(progress, text)

            kept = frozenset(current.names) & frozenset(wanted.names) if keeps else frozenset[str]()
            issued = self._store.shelf.current(name)
            former = issued.certificate if issued and issued.directory == wanted.acme.directory else b""
            return await aside(lambda: self._clerk.order(wanted, kept, renewing=due, progress=told, former=former))

    @property
    def _answers(self) -> Answers:
        return self._clerk.answers

    def _public(self) -> tuple[str, ...]:
        """Addresses on which we listen on port 80 ourselves, because HAProxy does not."""
        assert self._desired is not None  # noqa: S101
        listeners = (one for state in self._desired.engines for one in state.listeners)
        if any(one.proto == "tcp" and one.port == WELL_KNOWN_PORT for one in listeners):
            return ()
        return tuple(dict.fromkeys(str(side.local) for side in self._desired.network.sides))

    def _failed(self, name: str, wanted: Wanted, memory: schedule.Memory, words: str, wait_s: float = 0.0) -> str:
        log.warning("certificate_not_renewed name=%s reason=%s", name, words)
        memory = schedule.failed(
            memory, wanted.digest, words, self._now_s(), chance=self._chance(), retry_after_s=wait_s
        )
        self._store.shelf.remember(name, memory)
        return f"certificate {name}: {words}"

    async def _show(self) -> str:
        """Make the engines take what the store shows, and look whether they do."""
        if reason := await self._engines_show():
            return reason
        await self._verify()
        return next((str(finding) for finding in self._findings if finding.wrong), "")

    def _questions(self) -> tuple[Question, ...]:
        if self._desired is None or not self._last:
            return ()
        return questions((one for state in self._desired.engines for one in state.listeners), self._last)

    async def _verify(self) -> None:
        self._answered = self._questions()
        self._findings = await verify(self._answered)
        for finding in self._findings:
            if finding.wrong:
                log.warning("certificate_not_shown finding=%s", finding)

    async def _follow(self) -> None:
        """Files of the operator's that are others now, and our own ones when they are about to expire."""
        try:
            present = self._present()
        except VoxgateError as error:
            self._refused = ({}, 0.0, str(error))
            return
        refused, again_s, _ = self._refused
        if present == self._taken:
            self._refused = ({}, 0.0, "")
            return
        if present == refused and self._now_s() < again_s:
            return
        reason = await self._show()
        self._refused = (present, self._now_s() + _NOT_TAKEN_PAUSE_S, reason) if reason else ({}, 0.0, "")
        if reason:
            log.warning("certificate_not_taken reason=%s", reason)

    def _present(self) -> dict[str, bytes]:
        """What engines are to have now: certificates and trust lists. Raises VoxgateError."""
        if self._desired is None:
            return {}
        section = self._desired.config.certificates
        lists = {"clients_ca": trusted(section.clients_ca), "pbxs_ca": trusted(section.pbxs_ca)}
        return {**{one.name: one.certificate + one.key for one in self._shown()}, **lists}
