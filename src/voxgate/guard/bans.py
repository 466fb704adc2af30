"""Who is shut out and who never is. Pure; time is an argument.

A ban comes from the guard itself, from a person's hand, or from a feed. Whatever is allowed wins over all of them.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.guard.networks import Network, NetworkSet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from voxgate.guard.observation import Address

GUARD: Final = "guard"
HAND: Final = "hand"
#: Bans at the same time; beyond them the guard's own oldest one goes.
MOST_BANS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Ban:
    """One ban. `until` None: for good. `origin` is `guard` or `hand`; `offence` counts a requester's bans from 1."""

    network: Network
    origin: str
    since: datetime
    until: datetime | None
    note: str = ""
    offence: int = 1

    def holds(self, now: datetime) -> bool:
        """Whether it is not over."""
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True)
class Allowed:
    """A network that a person allowed."""

    network: Network
    since: datetime
    note: str = ""


class BanBook:
    """All bans and all that is allowed by hand."""

    def __init__(self, most: int = MOST_BANS) -> None:
        self._most = most
        self._bans: dict[Network, Ban] = {}
        self._banned = NetworkSet()
        self._ends: list[tuple[float, int, Network]] = []
        self._puts = 0
        self._allowed: dict[Network, Allowed] = {}
        self._white = NetworkSet()

    def __len__(self) -> int:
        return len(self._bans)

    def put(self, ban: Ban) -> tuple[Network, ...]:
        """Hold this ban, instead of another one of the same network; gives the networks that had to make room."""
        self._bans.pop(ban.network, None)
        self._bans[ban.network] = ban
        self._banned.add(ban.network)
        if ban.until:
            self._puts += 1
            heapq.heappush(self._ends, (ban.until.timestamp(), self._puts, ban.network))
        gone = []
        while len(self._bans) > self._most:
            oldest = next((one.network for one in self._bans.values() if one.origin == GUARD), None)
            gone.append(oldest or next(iter(self._bans)))
            self.lift(gone[-1])
        return tuple(gone)

    def lift(self, network: Network) -> Ban | None:
        """Forget the ban of exactly this network."""
        self._banned.discard(network)
        return self._bans.pop(network, None)

    def expire(self, now: datetime) -> tuple[Ban, ...]:
        """Forget what is over; gives it."""
        over = []
        while self._ends and self._ends[0][0] <= now.timestamp():
            network = heapq.heappop(self._ends)[2]
            ban = self._bans.get(network)
            # It may have been lifted or made longer.
            if ban and not ban.holds(now):
                self.lift(network)
                over.append(ban)
        return tuple(over)

    def allow(self, allowed: Allowed) -> tuple[Ban, ...]:
        """Hold it allowed; bans inside it are lifted, and given."""
        self._allowed[allowed.network] = allowed
        self._white.add(allowed.network)
        covers = NetworkSet((allowed.network,)).holding
        inside = [network for network in self._bans if covers(network)]
        return tuple(ban for network in inside if (ban := self.lift(network)))

    def disallow(self, network: Network) -> Allowed | None:
        """Allow it no more."""
        self._white.discard(network)
        return self._allowed.pop(network, None)

    def ban_of(self, what: Address | Network) -> Ban | None:
        """The ban that holds an address or the whole of a network."""
        network = self._banned.holding(what)
        return self._bans.get(network) if network else None

    def is_allowed(self, what: Address | Network) -> bool:
        """Whether a person allowed it."""
        return self._white.holding(what) is not None

    def bans(self) -> tuple[Ban, ...]:
        """All of them, the oldest first."""
        return tuple(self._bans.values())

    def allowed(self) -> tuple[Allowed, ...]:
        """All that is allowed by hand."""
        return tuple(self._allowed.values())


def restored(bans: Iterable[Ban], allowed: Iterable[Allowed], now: datetime) -> BanBook:
    """The book as it was written, without what is over."""
    book = BanBook()
    for one in allowed:
        book.allow(one)
    for ban in bans:
        if ban.holds(now):
            book.put(ban)
    return book
