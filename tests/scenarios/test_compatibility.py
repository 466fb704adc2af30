"""Every feature for every combination of transports and NAT that `compatibility` lists."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.demo.stage import BRANCH, PORTS, Setting, Stage, node, stage
from lab.topologies import BEHIND_NAT
from tests.scenarios import relay, scene
from tests.scenarios.compatibility import ABOUT, NATS, PBXS, TRIED, Row, features_of, page
from tests.scenarios.features import AUDIBLE, FEATURES, PBX, Party
from tests.scenarios.scene import INTERNET6, OFFICE, at_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.peers.phone import Phone

log = logging.getLogger(__name__)
PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"


def marks(row: Row, feature: str) -> tuple[pytest.MarkDecorator, ...]:
    """Browsers are not concerned: with ICE, rtpengine knows its peer before any handshake."""
    deaf = row.nat == "symmetric" and row.media == "dtls" and row.client == "tls" and feature in AUDIBLE
    return (relay.BEHIND_A_CHANGED_PORT,) if deaf else ()


CASES = [
    pytest.param(row, feature, id=f"{row}-{feature.split(' (')[0].replace(' ', '_')}", marks=marks(row, feature))
    # One PBX after the other: each has a network of its own.
    for row in sorted(TRIED, key=lambda row: PBXS.index(row.pbx))
    for feature in features_of(row)
]


@dataclass
class Grid:
    """What became of each feature in each row, the empty string when it held; all rows with one PBX run at once.

    They run when the first of them is asked for, in a network with an edge of its own.
    """

    folders: Callable[[], Path]
    outcomes: dict[Row, dict[str, str]] = field(default_factory=dict)

    def outcome(self, row: Row, feature: str) -> str:
        if row not in self.outcomes:
            branch = {"names": [BRANCH], "nodes": [node(BEHIND_NAT, PBX)], "sip": {row.pbx: PORTS[row.pbx]}}
            rows = [one for one in TRIED if one.pbx == row.pbx]
            more = {"listen": {"sip": dict(PORTS)}}
            setting = Setting(BEHIND_NAT, pbxs={"branch": branch}, more=more, transports=(row.pbx,))
            with stage(setting, self.folders()) as made:
                self.outcomes |= asyncio.run(at_once({one: features(made, one) for one in rows}))
                assert not any(engine["restarts"] for engine in made.edge.status()["engines"])
        return self.outcomes[row][feature]


def caller(made: Stage, row: Row) -> Phone:
    """The phone of a row."""
    forbidden = tuple(ip_network(text) for text in (*OFFICE, *INTERNET6))
    # Browsers are Chromium: what tries a row of WebSocket here has no audio.
    setup = {"forbidden": forbidden, "srtp": row.media if row.client == "tls" else ""}
    return scene.phone(made, scene.Party(NATS[row.nat], row.client, str(row), BRANCH, setup))


async def features(made: Stage, row: Row) -> dict[str, str]:
    """One phone, all features, one after the other."""
    outcomes: dict[str, str] = {}
    async with caller(made, row) as phone:
        at = Party(phone, made.pbxs[PBX])
        for name in features_of(row):
            if name in AUDIBLE and outcomes.get("call out"):
                outcomes[name] = f"not tried: {outcomes['call out']}"
                continue
            try:
                await FEATURES[name](at)
                outcomes[name] = ""
            except Exception as error:
                log.exception("%s: %s", row, name)
                outcomes[name] = f"{type(error).__name__}: {error}"
    return outcomes


@pytest.fixture(scope="module")
def grid(folders: Callable[[], Path]) -> Grid:
    return Grid(folders)


@pytest.mark.parametrize(("row", "feature"), CASES)
def test_a_feature_holds(grid: Grid, row: Row, feature: str, record_property: Callable[[str, object], None]) -> None:
    record_property("compatibility", (tuple(row), feature))
    assert grid.outcome(row, feature) == ""


def test_every_pbx_and_nat_is_tried_and_every_feature_is_described() -> None:
    assert {row.pbx for row in TRIED} == set(PBXS)
    assert {row.nat for row in TRIED} == set(NATS)
    assert set(ABOUT) == set(FEATURES)


def test_the_page_says_what_is_tried() -> None:
    assert PAGE.read_text() == page(), "make docs"
