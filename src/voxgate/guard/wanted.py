"""What the walls are to hold, from bans, feeds and rules; and what of it has changed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.guard.networks import NetworkSet
from voxgate.guard.rules import Rules
from voxgate.guard.walls import Held, Turn
from voxgate.wire.nft import Element, Prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from voxgate.guard.bans import BanBook
    from voxgate.guard.networks import Network


class Wanted:
    """Remembers what was touched since it was last asked."""

    def __init__(self, book: BanBook) -> None:
        self._book = book
        self._rules = Rules(enabled=False)
        self._feeds: dict[str, frozenset[Network]] = {}
        self._touched: set[Network] = set()
        self._newcomers: set[Network] = set()
        self._networks_touched = False
        self._white_touched = False

    @property
    def feeds(self) -> Mapping[str, frozenset[Network]]:
        """What each feed holds."""
        return self._feeds

    def follow(self, rules: Rules) -> None:
        """Other rules: ask for the whole afterwards."""
        self._rules = rules

    def touch(self, network: Network) -> None:
        """A ban of this network has come or gone."""
        self._newcomers.add(network)
        if self._prefixes().is_host(network):
            self._touched.add(network)
        else:
            self._networks_touched = True

    def touch_white(self) -> None:
        """What is allowed has changed."""
        self._white_touched = True

    def feed(self, name: str, networks: frozenset[Network]) -> None:
        """What a feed holds now."""
        former = self._feeds.get(name, frozenset())
        self._feeds[name] = networks
        for network in former ^ networks:
            self.touch(network)

    def drop_feeds(self, but: Iterable[str]) -> None:
        """Feeds that are no longer wanted."""
        for name in set(self._feeds) - set(but):
            self.feed(name, frozenset())
            del self._feeds[name]

    def whole(self, now: datetime) -> Held:
        """All of it."""
        self._forget()
        hosts = {element.network: element for element in self._elements(now)}
        return Held(tuple(hosts.values()), self._white(), self._prefixes())

    def turn(self, now: datetime) -> Turn | None:
        """What is different since the last time; None: nothing."""
        if not (self._touched or self._networks_touched or self._white_touched):
            return None
        elements = {network: self._element(network, now) for network in self._touched}
        turn = Turn(
            tuple(element for element in elements.values() if element),
            tuple(network for network, element in elements.items() if element is None),
            self._networks(now) if self._networks_touched else None,
            self._white() if self._white_touched else None,
        )
        self._forget()
        return turn

    def newly_shut_out(self, now: datetime) -> tuple[tuple[Network, ...], tuple[Network, ...]]:
        """Who is shut out since the last time, and who of those is allowed all the same."""
        newcomers, self._newcomers = self._newcomers, set()
        white = self._white() if newcomers else ()
        allowed = NetworkSet(white)
        out = tuple(one for one in newcomers if self._element(one, now) and not allowed.holding(one))
        covers = NetworkSet(out).holding
        return out, tuple(one for one in white if covers(one))

    def _forget(self) -> None:
        self._touched = set()
        self._networks_touched = self._white_touched = False

    def _element(self, network: Network, now: datetime) -> Element | None:
        if any(network in held for held in self._feeds.values()):
            return Element(network)
        ban = self._book.ban_of(network)
        if ban is None or ban.network != network or not ban.holds(now):
            return None
        return Element(network, None if ban.until is None else _seconds(ban.until, now))

    def _elements(self, now: datetime) -> Iterator[Element]:
        for ban in self._book.bans():
            if ban.holds(now):
                yield Element(ban.network, None if ban.until is None else _seconds(ban.until, now))
        for held in self._feeds.values():
            yield from map(Element, held)

    def _networks(self, now: datetime) -> tuple[Network, ...]:
        is_host = self._prefixes().is_host
        return tuple(dict.fromkeys(one.network for one in self._elements(now) if not is_host(one.network)))

    def _white(self) -> tuple[Network, ...]:
        rules = self._rules
        return (*rules.ours, *rules.white, *(one.network for one in self._book.allowed()))

    def _prefixes(self) -> Prefixes:
        return Prefixes(self._rules.ipv4_prefix, self._rules.ipv6_prefix)


def _seconds(until: datetime, now: datetime) -> int:
    return max(1, round((until - now).total_seconds()))
