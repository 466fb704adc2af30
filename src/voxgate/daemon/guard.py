"""The guard: its books, its walls, its feeds, and what Kamailio tells it."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from voxgate.daemon.part import Part
from voxgate.engines.haproxy.engine import BANNED, RUNTIME_SOCKET
from voxgate.engines.sip_policy import policy_of
from voxgate.guard.desk import Desk, enforcement
from voxgate.guard.engine_walls import HaproxyWall, KamailioWall
from voxgate.guard.feeds import Feeds
from voxgate.guard.observation import Kind, Observation, ServiceType, requester_of
from voxgate.guard.rules import rules_of
from voxgate.guard.service import Guard
from voxgate.guard.sip_lines import SipLines
from voxgate.guard.store import Store
from voxgate.guard.walls import Kernel, Walls
from voxgate.supervise.control import Told
from voxgate.supervise.guard_panel import guard_panels
from voxgate.wire.haproxy_runtime import RuntimeClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate.daemon.sip import Signalling
    from voxgate.engines.base import Places
    from voxgate.guard.networks import Network
    from voxgate.host.clock import Clock
    from voxgate.plan.desired import Desired
    from voxgate.supervise.panel import Panel
    from voxgate.wire.guard_request import GuardRequest

HAPROXY = "haproxy"
#: An address whose first phone has just registered may wait so long for its protection.
COUNT_AGAIN_S = 2.0
KAMAILIO = "kamailio"


class Watch:
    """The guard, wired. `reports` is what every other area tells what it saw."""

    def __init__(self, places: Places, clock: Clock, sip: Signalling) -> None:
        self._clock = clock
        self._registrations = sip.registrations
        haproxy = places.engine(HAPROXY)
        engines = (KamailioWall(sip.rpc), HaproxyWall(RuntimeClient(haproxy / RUNTIME_SOCKET), haproxy / BANNED))
        self.reports = Guard(Store(places.state / "guard.db"), Walls(Kernel(), engines), clock, self._registered)
        self._feeds = Feeds(places.state / "feeds", clock, self.reports.take_feed)
        self._desk = Desk(self.reports)
        self._lines = SipLines()
        self._phones: Counter[Network] = Counter()
        self._counted_s = -COUNT_AGAIN_S

    def part(self) -> Part:
        """Its part of the edge."""
        return Part(
            serve=(self.reports.serve, self._feeds.serve),
            applied=self._applied,
            panels=self._panels,
            ears={KAMAILIO: self._heard_from_kamailio},
            returned=self._returned,
        )

    async def _returned(self, name: str) -> None:
        if name in {HAPROXY, KAMAILIO}:
            self.reports.engine_returned()

    def ears(self) -> Mapping[str, Callable[[dict[str, Any]], None]]:
        """What the guard wants to hear of Kamailio."""
        return {"suspicious": self._told_by_kamailio}

    async def asked(self, request: GuardRequest) -> Told:
        """The answer to a verb of the command line."""
        return Told(*await self._desk.ask(request))

    def _applied(self, desired: Desired) -> None:
        guard = desired.config.guard
        self.reports.follow(rules_of(guard, ours(desired)))
        self.reports.wanted.drop_feeds(guard.feeds)
        self._feeds.follow(guard.feeds)

    def _panels(self, _: Desired) -> tuple[Panel, ...]:
        guard = self.reports
        return guard_panels(enforcement(guard), len(guard.book), guard.findings.alerts(), self._feeds.states())

    def _registered(self, requester: Network) -> int:
        """How many phones are registered from there. Counted anew now and then: many may be banned in one moment."""
        if self._clock.monotonic() - self._counted_s >= COUNT_AGAIN_S:
            self._counted_s = self._clock.monotonic()
            seen = (requester_of(one.address) for one in self._registrations.book.listed(self._clock.wall()))
            self._phones = Counter(self.reports.rules.requester(address) for address in seen if address is not None)
        return self._phones[requester]

    def _heard_from_kamailio(self, raw: bytes) -> bool:
        """A line of its log, which is to be written in any case."""
        if (seen := self._lines.feed(raw, self._clock.wall())) is not None:
            self.reports.report(seen)
        return True

    def _told_by_kamailio(self, event: dict[str, Any]) -> None:
        match event:
            case {
                "kind": str(kind),
                "source": str(source),
                "name": str(name),
                "user": str(user),
                "detail": str(detail),
                "proven": bool(proven),
            } if kind in set(Kind) and (requester := requester_of(source)):
                now = self._clock.wall()
                self.reports.report(
                    Observation(now, requester, ServiceType.SIP, Kind(kind), name, user, detail, proven)
                )


def ours(desired: Desired) -> frozenset[Network]:
    """PBXs, trunks and the edge itself: never banned."""
    policy = policy_of(desired.config, desired.network, desired.generation, media=True)
    addresses = {node.address for pbx in policy.pbxs.values() for node in (*pbx.plain, *pbx.secure)}
    addresses |= {str(node.address) for pbx in desired.config.pbxs.values() for node in pbx.nodes}
    addresses |= {address for view in policy.sides.values() for address in (view.shown, view.local)}
    sources = {source for trunk in policy.trunks.values() for source in trunk.sources}
    sources |= {hop.address for trunk in policy.trunks.values() for hop in trunk.hops}
    return frozenset(map(ip_network, {*addresses, *sources, "127.0.0.0/8", "::1/128"}))
