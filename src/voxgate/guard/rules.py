"""What the guard goes by, as one frozen value: made from the configuration and the network. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from voxgate.guard.networks import Network, NetworkSet, requester
from voxgate.guard.observation import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voxgate.config.guard import Guard
    from voxgate.guard.observation import Address, Observation

#: A further ban within this time is a repeated offence.
REMEMBERED: Final = timedelta(days=30)


class Standing(StrEnum):
    """Why somebody is not banned whatever he does."""

    NONE = "none"
    OURS = "ours"  # a PBX, a trunk, or the edge itself
    WHITE = "whitelisted"


@dataclass(frozen=True, slots=True)
class Rules:
    """One generation's rules. `ours` are PBXs, trunks and the edge's own addresses, `white` the file's whitelist."""

    enabled: bool = True
    threshold: int = 20
    ban: timedelta = timedelta(minutes=60)
    factor: int = 1
    longest: timedelta = timedelta(days=7)
    ipv4_prefix: int = 32
    ipv6_prefix: int = 64
    protect_registered: bool = True
    firewall: bool = True
    weights: Mapping[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 1))
    ours: NetworkSet = field(default_factory=NetworkSet)
    white: NetworkSet = field(default_factory=NetworkSet)

    def requester(self, address: Address) -> Network:
        """Whom `address` belongs to."""
        return requester(address, self.ipv4_prefix, self.ipv6_prefix)

    def weight(self, observation: Observation) -> int:
        """How much it counts. What anybody can forge counts nothing."""
        return self.weights[observation.kind] if observation.proven else 0

    def lasts(self, offence: int) -> timedelta:
        """How long the ban for somebody's `offence`, counted from 1, is."""
        times = int(self.factor ** min(offence - 1, 20))
        return min(self.ban * times, max(self.longest, self.ban))


def rules_of(guard: Guard, ours: Iterable[Network]) -> Rules:
    """The rules that a configuration gives."""
    return Rules(
        enabled=guard.enabled,
        threshold=guard.suspicious_per_minute,
        ban=timedelta(minutes=guard.blacklist_minutes),
        factor=guard.repeat.factor,
        longest=timedelta(minutes=guard.repeat.longest_minutes),
        ipv4_prefix=guard.ipv4_prefix,
        ipv6_prefix=guard.ipv6_prefix,
        protect_registered=guard.protect_registered,
        firewall=guard.firewall,
        weights={kind: int(getattr(guard.weights, kind.value)) for kind in Kind},
        ours=NetworkSet(ours),
        white=NetworkSet(guard.whitelist),
    )
