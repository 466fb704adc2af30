"""Phones register through the edge, and the PBX reaches them where they are, along the Path that the edge added."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import TONES_HZ, Setting, Stage, stage
from lab.peers.agent import Script
from lab.topologies import BEHIND_NAT, DMZ
from tests.scenarios.scene import HOSTS, Party, alone, at_once, check_clean, check_hears, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.tones import Heard

PBX = "pbx-branch"
SECRET = "s3cret-of-the-lab"  # noqa: S105 - known to nobody but this test
TRANSPORTS = ("udp", "tcp", "tls")
NATS = {"phone-home": "203.0.113.77", "phone-hotel": "203.0.113.88"}
"""The outside address of the NAT a phone is behind."""


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Stage]:
    folder = folders()
    users = folder / "users"
    people = [f"{host.removeprefix('phone-')}-{way}" for host in HOSTS for way in TRANSPORTS]
    users.write_text("".join(f"{user}:{SECRET}\n" for user in people))
    options = {PBX: ("--users", str(users), "--realm", "branch.example.com")}
    with stage(Setting(request.param, options=options), folder) as made:
        yield made


def seen_as(office: Stage, host: str) -> str:
    """The address of a phone's flow, as it stands in a URI."""
    if host == "phone-six":
        return f"[{office.net.host(host).ipv6()}]"
    return NATS.get(host) or office.net.host(host).ipv4()


def party(host: str, transport: str, password: str = SECRET) -> Party:
    return Party(host, transport, f"{host.removeprefix('phone-')}-{transport}", setup={"password": password})


@dataclass(frozen=True)
class Reached:
    """The PBX's call as the phone had it: what it heard and from whom, who hung up, what it complained of."""

    heard: Heard
    ended_by: str
    sources: set[str]
    violations: list[str]


async def reached(office: Stage, who: Party) -> Reached:
    """The phone registers and is called by the PBX."""
    async with phone(office, who) as opened:
        assert (await opened.register()).code == 200
        office.pbxs[PBX].command(call=who.user, talk_s=2)
        async with asyncio.timeout(8):
            call = await opened.incoming.get()
            await call.ended.wait()
        heard = await asyncio.to_thread(call.voice.stream.heard)
        return Reached(heard, call.ended_by, set(call.voice.stream.sources), opened.witness.violations)


@pytest.fixture(scope="module")
def outcomes(office: Stage) -> dict[Any, Reached]:
    """All kinds of phones at once."""
    jobs = {(host, way): reached(office, party(host, way)) for host in HOSTS for way in TRANSPORTS}
    return asyncio.run(at_once(jobs))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_pbx_reaches_a_registered_phone_through_its_own_flow(
    office: Stage, outcomes: dict[Any, Reached], transport: str, host: str
) -> None:
    outcome = outcomes[host, transport]
    assert (outcome.heard.tone_hz, outcome.ended_by, outcome.violations) == (TONES_HZ[PBX], "them", [])
    assert outcome.heard.loss_percent < 3
    assert outcome.heard.seconds >= 1.0
    assert outcome.sources == {office.way(host, "udp").host}
    user = party(host, transport).user
    assert office.pbxs[PBX].wait("dialled", user=user)["code"] == 200
    heard = office.pbxs[PBX].wait("heard", user=user)
    assert (heard["tone_hz"], set(heard["sources"])) == (440, {office.way("phone-lan", "udp").host})
    assert heard["loss_percent"] < 3


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("outcomes")
def test_the_path_holds_the_inside_address_and_the_phones_flow(office: Stage, transport: str, host: str) -> None:
    # This PBX answers 420 to a Path without `Supported: path`, and the phones do not write that: the edge does.
    (path,) = office.pbxs[PBX].events("registered", user=party(host, transport).user)[-1]["path"]
    inside = office.way("phone-lan", "udp").host
    assert path.startswith(f"<sip:{inside}:5060;transport=udp;lr;received=sip:{seen_as(office, host)}:")
    assert path.endswith(f"%3Btransport%3D{transport}>")


@pytest.mark.parametrize("host", ["phone-home", "phone-lan", "phone-six"])
def test_a_wrong_password_does_not_register(office: Stage, host: str) -> None:
    who = party(host, "udp", password="guessed")  # noqa: S106 - wrong on purpose
    report = asyncio.run(alone(office, who, Script("600")))
    assert (report["error"], report["violations"]) == ("REGISTER 401", [])


def test_a_call_with_digest_passes(office: Stage) -> None:
    report = asyncio.run(alone(office, party("phone-hotel", "tls"), Script("600", talk_s=2)))
    check_clean(report)
    check_hears(office, "phone-hotel", report, TONES_HZ[PBX], 1.0)


def test_a_phone_that_left_is_not_reached_any_more(office: Stage) -> None:
    who = party("phone-home", "tcp")
    pbx = office.pbxs[PBX]

    async def play() -> list[int]:
        async with phone(office, who) as opened:
            return [(await opened.register()).code, (await opened.register(expires_s=0)).code]

    before = len(pbx.events("refused", user=who.user))
    assert asyncio.run(play()) == [200, 200]
    pbx.command(call=who.user)
    assert pbx.wait("refused", after=before, user=who.user)["code"] == 404
