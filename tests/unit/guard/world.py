"""A guard with a clock that stands, a disk of its own, and walls that remember what they were told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from voxgate.errors import EngineError
from voxgate.guard.networks import Network, NetworkSet
from voxgate.guard.observation import Kind, Observation, ServiceType
from voxgate.guard.rules import Rules
from voxgate.guard.service import Guard
from voxgate.guard.store import Store
from voxgate.guard.walls import Held, Turn, Walls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ATTACKER = "203.0.113.9"


def net(text: str) -> Network:
    """A network."""
    return ip_network(text)


@dataclass
class FakeClock:
    """Stands until it is moved."""

    now: datetime = START

    def wall(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class FakeWall:
    """Holds what it is told, as the kernel would; `refuses` is what it says instead."""

    refuses: str = ""
    hosts: dict[Network, int | None] = field(default_factory=dict)
    networks: set[Network] = field(default_factory=set)
    white: set[Network] = field(default_factory=set)
    there: bool = False
    built: int = 0
    cut_off: list[tuple[set[Network], set[Network]]] = field(default_factory=list)

    async def build(self, held: Held) -> None:
        self._check()
        self.there, self.built = True, self.built + 1
        self.hosts = {one.network: one.timeout_s for one in held.elements if held.prefixes.is_host(one.network)}
        self.networks = {one.network for one in held.elements if not held.prefixes.is_host(one.network)}
        self.white = set(held.white)

    async def change(self, turn: Turn) -> None:
        self._check()
        for network in turn.remove:
            self.hosts.pop(network, None)
        self.hosts |= {one.network: one.timeout_s for one in turn.add}
        self.networks = self.networks if turn.networks is None else set(turn.networks)
        self.white = self.white if turn.white is None else set(turn.white)

    async def stands(self) -> bool:
        return self.there

    async def remove(self) -> None:
        self.there = False

    async def cut(self, networks: tuple[Network, ...], spare: tuple[Network, ...]) -> None:
        self._check()
        self.cut_off.append((set(networks), set(spare)))

    def _check(self) -> None:
        if self.refuses:
            raise EngineError("nftables", self.refuses)


def rules(**more: object) -> Rules:
    """The defaults, a PBX and a white network."""
    ours, white = NetworkSet([net("192.168.1.20/32")]), NetworkSet([net("198.51.100.0/24")])
    return Rules(**{"ours": ours, "white": white, **more})  # type: ignore[arg-type]


@dataclass
class World:
    """A guard that can be driven step by step."""

    path: Path
    rules: Rules = field(default_factory=rules)
    kernel: FakeWall = field(default_factory=FakeWall)
    engine: FakeWall = field(default_factory=FakeWall)
    clock: FakeClock = field(default_factory=FakeClock)
    registered: Callable[[Network], int] = lambda _: 0

    def __post_init__(self) -> None:
        self.guard = self.restarted()

    def restarted(self) -> Guard:
        """Another guard on the same disk."""
        walls = Walls(self.kernel, (self.engine,))
        self.guard = Guard(Store(self.path), walls, self.clock, self._phones)
        self.guard.follow(self.rules)
        return self.guard

    def _phones(self, network: Network) -> int:
        return self.registered(network)

    async def settle(self, turn: int = 0) -> None:
        """Walls and disk as the books say."""
        await self.guard.tick(turn)

    def attack(self, times: int = 21, source: str = ATTACKER, kind: Kind = Kind.AUTH_FAILURE, **more: object) -> None:
        """So many suspicious requests."""
        for _ in range(times):
            self.guard.report(seen(source, kind, self.clock.now, **more))


def seen(source: str = ATTACKER, kind: Kind = Kind.AUTH_FAILURE, at: datetime = START, **more: object) -> Observation:
    """An observation."""
    given = {"protocol": ServiceType.SIP, **more}
    return Observation(at=at, requester=ip_address(source), kind=kind, **given)  # type: ignore[arg-type]
