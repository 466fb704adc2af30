"""Lets people and programs in, or not: passwords, sessions, tokens, and what the guard hears of failures."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.admin import passwords, tokens
from voxgate.admin.access import Access, AccessFile, User, require_name
from voxgate.admin.attempts import Attempts, Rate, requester
from voxgate.admin.roles import Role
from voxgate.admin.sessions import Limits, Session, Sessions
from voxgate.errors import UsageError, VoxgateError
from voxgate.guard.observation import Kind, Observation, ServiceType, requester_of

if TYPE_CHECKING:
    from voxgate.admin.surroundings import Surroundings

log = logging.getLogger(__name__)

#: A person mistypes; a program that guesses is at it all day.
_FAILURES: Final = Rate(burst=10, per_s=1 / 30)
#: Whatever the address: a password is guessed from many of them, too.
_FAILURES_OF_A_USER: Final = Rate(burst=30, per_s=1 / 10)
#: scrypt takes 32 MiB and a core each.
_AT_ONCE: Final = 2


class TooManyError(VoxgateError):
    """Somebody must wait."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many attempts")
        self.wait_s = wait_s


class RefusedError(VoxgateError):
    """Wrong user, password or token: which, nobody is told."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `who` as the audit log names it. `session` is None for tokens."""

    who: str
    role: Role
    address: str
    session: Session | None = None


class Doorman:
    """Stands at one door; lives in the server's loop."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.access = AccessFile(around.folder)
        self.audit = around.audit
        self.sessions = Sessions(around.random)
        self._failures = Attempts(_FAILURES)
        self._failures_of_users = Attempts(_FAILURES_OF_A_USER)
        self._hashing = asyncio.Semaphore(_AT_ONCE)
        self.failed = 0

    async def log_in(self, name: str, password: str, address: str) -> tuple[str, Session]:
        """A session and its key. Raises RefusedError, TooManyError."""
        self._try(address)
        if wait_s := self._failures_of_users.take(name[:64], self._now()):
            raise TooManyError(wait_s)
        user = self.access.now().user(name)
        async with self._hashing:
            kept = user.password if user else passwords.NOBODY
            good = await asyncio.to_thread(passwords.matches, password, kept)
        if user is None or not good:
            raise self._refused(address, name, "log-in")
        self._failures.forget(requester(address))
        self._failures_of_users.forget(name[:64])
        key, session = self.sessions.begin(user.name, user.role, self._now())
        self.audit.write(user.name, "session.begin", address=address)
        return key, session

    def by_session(self, key: str, address: str) -> Caller | None:
        """Who has the session of that key; None when it is over. A lost cookie is no attack."""
        session = self.sessions.find(key, self._now(), self._limits())
        if session is None or not self._holds(session):
            self.sessions.end(key)
            return None
        return Caller(session.user, session.role, address, session)

    def is_in(self, key: str) -> bool:
        """Whether that session holds, for a page that is only left open."""
        session = self.sessions.look(key, self._now(), self._limits())
        return session is not None and self._holds(session)

    def _limits(self) -> Limits:
        admin = self._around.config().admin
        minutes, hours = (admin.idle_minutes, admin.session_hours) if admin else (30, 12)
        return Limits(minutes * 60, hours * 3600)

    def _holds(self, session: Session) -> bool:
        user = self.access.now().user(session.user)
        return user is not None and user.role is session.role and user.changed <= session.began_s

    def by_token(self, token: str, address: str) -> Caller:
        """Whose token it is. Raises RefusedError, TooManyError."""
        kept = self.access.now().token(tokens.id_of(token) or "")
        if kept and tokens.matches(token, kept.digest) and (kept.until is None or self._now() < kept.until):
            return Caller(f"token:{kept.name}", kept.role, address)
        # After the comparison: a good token is not held up by whoever fails behind the same address.
        self._try(address)
        raise self._refused(address, kept.name if kept else "", "token")

    async def set_up(self, token: str, name: str, password: str, address: str) -> tuple[str, Session]:
        """Make the first administrator and log him in. Raises RefusedError, TooManyError, UsageError."""
        self._try(address)
        setup = self.access.now().setup
        if setup is None or not tokens.matches(token, setup.digest) or self._now() >= setup.until:
            raise self._refused(address, "", "set-up")
        require_name(name)
        passwords.require_good(password, name)
        await self.set_password(name, Role.ADMIN, password, first=True)
        self.audit.write(name, "user.set-up", name, address=address)
        return await self.log_in(name, password, address)

    async def set_password(self, name: str, role: Role, password: str, *, first: bool = False) -> None:
        """Make or change a user. Raises UsageError; with `first`, when somebody else was faster."""
        async with self._hashing:
            kept = await asyncio.to_thread(passwords.hashed, password, self._around.random)

        def change(access: Access) -> tuple[Access, None]:
            if first and access.setup is None:
                raise UsageError("there is an administrator already\n    log in")
            return access.with_user(User(name=name, role=role, password=kept, changed=self._now())), None

        self.access.change(change)
        self.sessions.end_of(name)

    def _try(self, address: str) -> None:
        """Counted before the answer is known: many tries at once are many tries."""
        if wait_s := self._failures.take(requester(address), self._now()):
            self._observe(address, "", Kind.TOO_FAST, "admin")
            raise TooManyError(wait_s)

    def _refused(self, address: str, user: str, what: str) -> RefusedError:
        self.failed += 1
        self._observe(address, user, Kind.AUTH_FAILURE, what)
        self.audit.write(user or "?", f"refused.{what}", address=address, result="refused")
        return RefusedError("the user, the password or the token is wrong")

    def observe(self, address: str, kind: Kind, detail: str) -> None:
        """Tell the guard of something else that is suspicious."""
        self._observe(address, "", kind, detail)

    def _observe(self, address: str, user: str, kind: Kind, detail: str) -> None:
        if source := requester_of(address):
            seen = Observation(self._around.clock.wall(), source, ServiceType.ADMIN, kind, "", user, detail)
            self._around.reports.report(seen)

    def _now(self) -> float:
        return self._around.clock.wall().timestamp()
