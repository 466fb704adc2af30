"""Providers: accounts at them, names that DNS must be asked for, and whether they answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from voxgate.config.trunknames import lookups_of
from voxgate.daemon.part import Part
from voxgate.engines.sip_policy import policy_of
from voxgate.engines.trunk_accounts import accounts_of
from voxgate.supervise.nodes import addresses_of
from voxgate.supervise.trunk_status import NameStatus, Registered, TrunkStatus
from voxgate.trunks.names import Names
from voxgate.trunks.registrar import Registrar
from voxgate.wire.dns import DnsClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from voxgate.config.model import Config
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.supervise.nodes import NodeWatch


class Trunks:
    """Everything that the edge itself does for trunks. `refresh` applies what runs again, with DNS as it is now."""

    def __init__(self, answers: Path, clock: Clock, watch: NodeWatch, refresh: Callable[[], Awaitable[object]]) -> None:
        self._clock = clock
        self._watch = watch
        self._registrar = Registrar(clock)
        self._names = Names(answers, clock, refresh)
        self._desired: Desired | None = None

    def part(self) -> Part:
        """Its part of the edge."""
        return Part(serve=(self._registrar.run, self._names.run), applied=self._applied)

    async def prepare(self, config: Config) -> None:
        """Look up the names that are new in `config`."""
        await self._names.first((lookup for _, lookup in lookups_of(config)), _asker(config))

    async def leave(self, desired: Desired) -> None:
        """Take back the registrations that `desired` has no more, as long as Kamailio knows their trunks."""
        await self._registrar.leave(accounts_of(desired.config, desired.network))

    def status(self) -> tuple[TrunkStatus, ...]:
        """Each trunk, for `voxgate status`."""
        desired = self._desired
        if desired is None:
            return ()
        policy = policy_of(desired.config, desired.network, desired.generation, media=True)
        registered = self._registered()
        names = self._named(desired.config)
        return tuple(
            TrunkStatus(name, addresses, names.get(name, ()), registered.get(name))
            for name, addresses in addresses_of(policy, self._watch).items()
        )

    def _applied(self, desired: Desired) -> None:
        self._desired = desired
        self._registrar.follow(accounts_of(desired.config, desired.network))
        self._names.follow((lookup for _, lookup in lookups_of(desired.config)), _asker(desired.config))

    def _registered(self) -> dict[str, Registered]:
        now = self._clock.wall()
        return {
            one.account.trunk: Registered(
                one.phase.value,
                one.reason,
                None if one.until_s is None else now + timedelta(seconds=one.until_s - now_s),
            )
            for one, now_s in self._registrar.snapshot()
        }

    def _named(self, config: Config) -> dict[str, tuple[NameStatus, ...]]:
        known = self._names.snapshot()
        found: dict[str, tuple[NameStatus, ...]] = {}
        for owner, lookup in lookups_of(config):
            if name := known.get(lookup):
                told = NameStatus(lookup.name, len(name.targets), name.since, name.reason)
                found[owner] = (*found.get(owner, ()), told)
        return found


def _asker(config: Config) -> DnsClient:
    return DnsClient([str(address) for address in config.edge.dns_servers])
