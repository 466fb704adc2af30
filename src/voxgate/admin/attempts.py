"""How often somebody may do something. Pure: time is an argument. Bounded, whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

#: Requesters that are kept; the one that was seen the longest time ago goes first.
MOST: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    level: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, and then `per_s` each second."""

    burst: float
    per_s: float


class Attempts:
    """Leaky buckets by name."""

    def __init__(self, rate: Rate, most: int = MOST) -> None:
        self._rate = rate
        self._most = most
        self._buckets: dict[str, _Bucket] = {}

    def wait_s(self, name: str, now_s: float) -> float:
        """Seconds until `name` may try again; 0: now."""
        bucket = self._buckets.get(name)
        if bucket is None:
            return 0.0
        over = self._level(bucket, now_s) + 1 - self._rate.burst
        return max(0.0, over / self._rate.per_s)

    def count(self, name: str, now_s: float) -> None:
        """It was done once more."""
        bucket = self._buckets.pop(name, None)
        level = 1 + (self._level(bucket, now_s) if bucket else 0.0)
        self._buckets[name] = _Bucket(level, now_s)
        if len(self._buckets) > self._most:
            del self._buckets[next(iter(self._buckets))]

    def take(self, name: str, now_s: float) -> float:
        """`wait_s`, and counted if it is 0."""
        wait_s = self.wait_s(name, now_s)
        if not wait_s:
            self.count(name, now_s)
        return wait_s

    def forget(self, name: str) -> None:
        """It was no attempt after all."""
        self._buckets.pop(name, None)

    def _level(self, bucket: _Bucket, now_s: float) -> float:
        return max(0.0, bucket.level - (now_s - bucket.at_s) * self._rate.per_s)


def requester(address: str) -> str:
    """Whom attempts from `address` are counted for: an IPv6 /64 is one household."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "?"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)
