"""What `voxgate status` shows of trunks: whether they answer, their names in DNS, their registration. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from voxgate.supervise.panel import section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Address:
    """Where calls out go: `state` is up, down, unknown, or empty where the provider is not asked."""

    transport: str
    address: str
    port: int
    state: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class NameStatus:
    """A name that DNS is asked for; `reason` says why the last question failed, `addresses` are of the last answer."""

    name: str
    addresses: int
    since: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration: `state` is starting, registered, refused or unreachable; `until` is its granted end."""

    state: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class TrunkStatus:
    """One trunk; `registered` is None where the edge does not register."""

    name: str
    addresses: tuple[Address, ...]
    names: tuple[NameStatus, ...] = ()
    registered: Registered | None = None

    def to_json(self) -> dict[str, object]:
        """Times as RFC 3339 UTC; null where there is no registration."""
        account = self.registered
        return {
            "name": self.name,
            "registration": account.state if account else None,
            "reason": account.reason if account else "",
            "until": _time(account.until) if account else None,
            "addresses": [
                {
                    "transport": one.transport,
                    "address": one.address,
                    "port": one.port,
                    "state": one.state or None,
                    "since": _time(one.since),
                }
                for one in self.addresses
            ],
            "names": [
                {"name": one.name, "addresses": one.addresses, "since": _time(one.since), "reason": one.reason}
                for one in self.names
            ],
        }

    def flaws(self) -> Iterator[str]:
        """What is not as configured."""
        down = sum(one.state == "down" for one in self.addresses)
        if down:
            count = len(self.addresses)
            yield f"trunk {self.name}: {'all' if down == count else down} of {count} addresses down"
        for name in self.names:
            if name.reason:
                kept = f"the last answer is kept ({name.addresses})" if name.addresses else "no address is known"
                yield f"trunk {self.name}: {name.name}: {name.reason}; {kept}"
        if self.registered and self.registered.state in {"refused", "unreachable"}:
            yield f"trunk {self.name} is not registered: {self.registered.reason or self.registered.state}"


def flaws(trunks: Iterable[TrunkStatus]) -> list[str]:
    """Trunks that are not as configured."""
    return [flaw for trunk in trunks for flaw in trunk.flaws()]


def tables(trunks: Iterable[TrunkStatus]) -> list[str]:
    """The same for people."""
    health: list[tuple[str, ...]] = []
    names: list[tuple[str, ...]] = []
    accounts: list[tuple[str, ...]] = []
    for trunk in trunks:
        for one in trunk.addresses:
            where = f"[{one.address}]" if ":" in one.address else one.address
            state = one.state or "not asked"
            health.append((trunk.name, f"{one.transport} {where}:{one.port}", state, _time(one.since) or "-"))
        for name in trunk.names:
            since = _time(name.since) or "-"
            names.append((trunk.name, name.name, str(name.addresses), since, name.reason or "-"))
        if account := trunk.registered:
            accounts.append((trunk.name, account.state, _time(account.until) or "-", account.reason or "-"))
    return [
        *section(("trunk", "address", "state", "since"), health),
        *section(("trunk", "name", "addresses", "since", "because"), names),
        *section(("trunk", "registration", "until", "because"), accounts),
    ]


def _time(time: datetime | None) -> str | None:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else None
