"""Who is logged in. Pure: time and chance are arguments.

A session's key is known to its browser alone; we keep its hash. Each log-in makes a new key, whatever cookie came
with it, so that nobody can give a victim a session he knows (session fixation).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.admin.roles import Role

#: Of one user; the oldest goes.
MOST_PER_USER: Final = 10
#: Of all; nobody has so many administrators.
MOST: Final = 200
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """One browser. `csrf` is in its pages and in each request of theirs that changes something. Times in seconds."""

    user: str
    role: Role
    csrf: str
    began_s: float
    seen_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lasts without a request, and at all."""

    idle_s: float
    longest_s: float


class Sessions:
    """All of them, by the hash of their keys."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._held: dict[str, Session] = {}

    def begin(self, user: str, role: Role, now_s: float) -> tuple[str, Session]:
        """A new session and its key."""
        own = [name for name, one in self._held.items() if one.user == user]
        for name in own[: max(0, len(own) - MOST_PER_USER + 1)]:
            del self._held[name]
        while len(self._held) >= MOST:
            del self._held[next(iter(self._held))]
        key = _text(self._random(_KEY_BYTES))
        session = Session(user, role, _text(self._random(_KEY_BYTES)), now_s, now_s)
        self._held[_name(key)] = session
        return key, session

    def find(self, key: str, now_s: float, limits: Limits) -> Session | None:
        """The session of that key, which was seen now; None when there is none or it is over."""
        session = self.look(key, now_s, limits)
        if session is None:
            return None
        session = replace(session, seen_s=now_s)
        self._held[_name(key)] = session
        return session

    def look(self, key: str, now_s: float, limits: Limits) -> Session | None:
        """The same, but nobody has done anything: a page that is left open does not keep a session alive."""
        name = _name(key)
        session = self._held.get(name)
        if session is None:
            return None
        if now_s - session.seen_s > limits.idle_s or now_s - session.began_s > limits.longest_s:
            del self._held[name]
            return None
        return session

    def end(self, key: str) -> None:
        """Log out."""
        self._held.pop(_name(key), None)

    def end_of(self, user: str) -> None:
        """Log a user out everywhere: removed, or with another password or role."""
        for name in [name for name, one in self._held.items() if one.user == user]:
            del self._held[name]

    def __len__(self) -> int:
        return len(self._held)


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that tells nothing."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _name(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
