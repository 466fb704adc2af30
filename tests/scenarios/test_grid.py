"""Every kind of phone calls a PBX, over every transport, in both networks; strict agents look at every message."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import TONES_HZ, Setting, Stage, node, stage
from lab.peers.agent import Script
from lab.topologies import BEHIND_NAT, DMZ
from tests.scenarios.scene import HOSTS, Party, Report, alone, at_once, check_clean, check_hears

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.topology import Topology

PBX = "pbx-branch"
TRANSPORTS = ("udp", "tcp", "tls")
SCRIPTS = {
    "600": Script("600", talk_s=1.5),
    "601": Script("601", hang_up="them"),
    "602": Script("602", talk_s=2.0),
}
"""600: the phone hangs up; 601: the PBX does; 602: the PBX sends a re-INVITE first."""


@dataclass
class Grid:
    """A network whose calls of one transport are made all at once, when the first of them is asked for."""

    stage: Stage
    reports: dict[str, dict[Any, Report]] = field(default_factory=dict)

    def report(self, transport: str, host: str, number: str) -> Report:
        if transport not in self.reports:
            self.reports[transport] = asyncio.run(
                at_once(
                    {
                        (place, called): alone(self.stage, Party(place, transport, user(place, transport, called)), it)
                        for place in HOSTS
                        for called, it in SCRIPTS.items()
                    }
                )
            )
        return self.reports[transport][host, number]


def user(host: str, transport: str, number: str) -> str:
    return f"{host.removeprefix('phone-')}-{transport}-{number}"


def setting(topology: Topology, **edge: bool) -> Setting:
    return Setting(topology, edge=edge, options={PBX: ("--hangup-after", "2.5", "--reinvite-after", "0.7")})


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def grid(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Grid]:
    with stage(setting(request.param), folders()) as made:
        yield Grid(made)


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def open_grid(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Grid]:
    with stage(setting(request.param, topology_hiding=False), folders()) as made:
        yield Grid(made)


@pytest.mark.parametrize("number", SCRIPTS)
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_phone_and_pbx_hear_each_other_and_see_only_addresses_of_their_side(
    grid: Grid, transport: str, host: str, number: str
) -> None:
    report = grid.report(transport, host, number)
    check_clean(report)
    call = check_hears(grid.stage, host, report, TONES_HZ[PBX], 1.2)
    assert call["ended_by"] == ("them" if number == "601" else "us")
    assert call["reinvites"] == (1 if number == "602" else 0)
    heard = grid.stage.pbxs[PBX].wait("heard", user=user(host, transport, number))
    assert heard["tone_hz"] == 440
    assert heard["loss_percent"] < 3
    assert heard["seconds"] >= 1.2
    assert set(heard["sources"]) == {grid.stage.way("phone-lan", "udp").host}


def test_nobody_needed_a_hairpin(grid: Grid) -> None:
    if grid.stage.net.topology is DMZ:
        pytest.skip("this network has no router that could")
    for transport in TRANSPORTS:
        grid.report(transport, "phone-lan", "600")
    assert grid.stage.net.hairpin_blocked() == 0


@pytest.mark.parametrize("number", SCRIPTS)
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_without_topology_hiding_only_via_and_contact_of_the_pbx_show(
    open_grid: Grid, transport: str, host: str, number: str
) -> None:
    report = open_grid.report(transport, host, number)
    pbx = node(open_grid.stage.net.topology, PBX)
    allowed = tuple(f"{pbx} in {name}" for name in ("Via", "Contact", "From", "To"))
    leaks = [text for text in report["violations"] if not text.startswith(allowed)]
    assert (report["error"], leaks) == ("", [])
    check_hears(open_grid.stage, host, report, TONES_HZ[PBX], 1.2)
