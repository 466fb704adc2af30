from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.unit.plan.world import desired, edited
from tests.unit.supervise.test_nodes import FakeClock, FakeRpc
from voxgate.engines.base import Action, Listener
from voxgate.errors import EngineError, PeerError
from voxgate.supervise.nodes import NodeWatch
from voxgate.supervise.observe import Observer
from voxgate.supervise.status import CertificateStatus, Status
from voxgate.supervise.supervisor import UnitStatus, fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.config.model import Config
    from voxgate.plan.desired import Desired

EXPIRES = datetime(2027, 1, 1, tzinfo=UTC)


@dataclass
class FakeShown:
    names: tuple[str, ...] = ("edge.example.com",)
    begins: datetime = EXPIRES - timedelta(days=90)
    expires: datetime = EXPIRES
    self_signed: bool = True


@dataclass
class FakeControl:
    """An engine that answers with its generation, or raises."""

    answer: int | Exception | None

    async def reload(self, action: Action, generation: int) -> None:
        raise AssertionError("status changes nothing")

    async def generation(self) -> int | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class World:
    """Two engines that run as wanted; tests change what they need."""

    desired: Desired = field(default_factory=lambda: desired(edited(), 7))
    kamailio: int | Exception | None = 7
    serving: bool = True
    on_disk: dict[tuple[str, str], bytes | None] = field(default_factory=dict)

    def snapshot(self) -> tuple[UnitStatus, ...]:
        return tuple(
            UnitStatus(
                state.name,
                "serving" if self.serving else "waiting",
                self.serving,
                100,
                EXPIRES,
                0,
                "",
                fingerprint(state.process),
                7,
            )
            for state in self.desired.engines
        )

    def read_back(self, wanted: Desired) -> Mapping[tuple[str, str], bytes | None]:
        assert wanted is self.desired
        return self.on_disk

    def certificate(self, config: Config) -> FakeShown:
        assert config is self.desired.config
        return FakeShown()

    def observe(self) -> Status:
        clock = FakeClock()
        controls = {"kamailio": FakeControl(self.kamailio), "rtpengine": FakeControl(None)}
        observer = Observer(
            clock, self, controls, NodeWatch(clock), FakeRpc(), self.read_back, self.certificate
        )  # fmt: skip
        return asyncio.run(observer.observe(self.desired, ("a warning",)))


def test_what_runs_as_wanted_is_shown_without_complaint() -> None:
    status = World().observe()
    assert (status.overall.value, status.reasons, status.generation) == ("ok", (), 7)
    assert [(engine.name, engine.generation) for engine in status.engines] == [("rtpengine", None), ("kamailio", 7)]
    assert status.certificate == CertificateStatus(("edge.example.com",), EXPIRES, True)
    assert (status.media_ports, status.warnings) == ("10000-20000", ("a warning",))


@pytest.mark.parametrize(
    ("world", "overall", "reason"),
    [
        pytest.param(World(kamailio=6), "degraded", "kamailio says generation 6, not 7", id="another generation"),
        pytest.param(
            World(on_disk={("kamailio", "policy.json"): b"edited"}),
            "degraded",
            "kamailio/policy.json was changed by hand; `voxgate apply` puts it right",
            id="an edited file",
        ),
        pytest.param(
            World(on_disk={("kamailio", "policy.json"): None}), "degraded", "kamailio/policy.json is gone", id="gone"
        ),
        pytest.param(World(serving=False), "down", "rtpengine is waiting", id="an engine that waits"),
    ],
)
def test_what_is_not_as_wanted_is_named(world: World, overall: str, reason: str) -> None:
    status = world.observe()
    assert status.overall.value == overall
    assert status.reasons[0].startswith(reason)


@pytest.mark.parametrize("error", [PeerError("no answer"), EngineError("kamailio", "refused")])
def test_an_engine_that_does_not_tell_its_generation_is_shown_without(error: Exception) -> None:
    assert [engine.generation for engine in World(kamailio=error).observe().engines] == [None, None]


def test_an_engine_that_does_not_serve_is_not_asked() -> None:
    world = World(serving=False, kamailio=AssertionError("was asked"))
    assert [engine.generation for engine in world.observe().engines] == [None, None]


def test_media_ports_stand_apart_from_the_listeners() -> None:
    world = World()
    relay, sip = world.desired.engines
    media = replace(relay, listeners=(Listener("udp", "192.168.1.10", 10000, "RTP and RTCP, up to 20000"),))
    world.desired = replace(world.desired, engines=(media, sip))
    assert {listener.purpose for listener in world.observe().listeners} == {"SIP"}


def test_without_tls_there_is_no_certificate() -> None:
    world = World(desired=desired(edited("listen.sip", {"udp": 5060}), 7))
    assert world.observe().certificate is None
