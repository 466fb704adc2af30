"""A PBX with two nodes: who takes which request, and what happens when a node fails. Real SIP, real nodes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.demo.stage import HQ, TONES_HZ, Setting, Stage, node, stage
from lab.peers.agent import Script
from lab.topologies import BEHIND_NAT
from tests.scenarios.scene import Party, alone, check_clean, phone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

A, B = "pbx-hq-a", "pbx-hq-b"
NODES = [node(BEHIND_NAT, host) for host in (A, B)]
Apply = Callable[["Mapping[str, Any]"], None]
REFUSES = BEHIND_NAT.host("phone-lan").ipv4()
"""A host on which nothing listens: it refuses TCP connections."""
SILENT_S = 5.0
"""How long a node may be silent before the next one is tried: much longer than a call here takes."""


def of_hq(**changes: Any) -> dict[str, Any]:
    return {"hq": {"names": [HQ], "nodes": NODES, **changes}}


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    with stage(Setting(BEHIND_NAT, transports=("udp", "tcp")), folders()) as made:
        yield made


@pytest.fixture
def apply(office: Stage) -> Apply:
    """Lays a PBX over the configuration and applies it."""

    def do(pbxs: Mapping[str, Any]) -> None:
        config = yaml.safe_load(office.edge.file.read_text())
        config["pbxs"] = {**config["pbxs"], **pbxs}
        done = office.edge.apply(config, "--yes")
        assert done.code == 0, done.out + done.err

    return do


def calls(office: Stage, count: int, users: int = 1) -> Counter[str]:
    """So many refused calls, one after the other; how many INVITEs each node got."""
    before = {host: len(office.pbxs[host].events("invite")) for host in (A, B)}
    for host in (A, B):
        office.pbxs[host].command(reply=486)

    async def play() -> None:
        for number in range(users):
            async with phone(office, Party("phone-lan", "udp", f"counted{number}", HQ)) as opened:
                for _ in range(count // users):
                    assert (await opened.dial("600")).ended_by == "486"

    try:
        asyncio.run(play())
    finally:
        for host in (A, B):
            office.pbxs[host].command(reply=None)
    return Counter({host: len(office.pbxs[host].events("invite")) - before[host] for host in (A, B)})


def ranked(first: str = A) -> list[dict[str, Any]]:
    return [{"address": node(BEHIND_NAT, host), "priority": 1 if host == first else 2} for host in (A, B)]


def weighted(a: int, b: int) -> list[dict[str, Any]]:
    return [{"address": address, "weight": weight} for address, weight in zip(NODES, (a, b), strict=True)]


@pytest.mark.parametrize(("first", "other"), [(A, B), (B, A)])
def test_by_priority_the_first_node_takes_all(office: Stage, apply: Apply, first: str, other: str) -> None:
    apply(of_hq(nodes=ranked(first), balance="priority"))
    assert calls(office, 10) == {first: 10, other: 0}


def test_round_robin_takes_turns(office: Stage, apply: Apply) -> None:
    apply(of_hq(balance="round-robin"))
    assert calls(office, 12) == {A: 6, B: 6}


@pytest.mark.parametrize(
    ("weights", "least", "most"),
    [
        # Five standard deviations around the share: one run in a million lies outside.
        pytest.param((80, 20), 64, 100, id="80-20"),
        pytest.param((20, 80), 1, 36, id="20-80"),
        pytest.param((50, 50), 28, 72, id="50-50"),
        pytest.param((0, 10), 0, 0, id="0-10"),
    ],
)
def test_weights_are_shares(office: Stage, apply: Apply, weights: tuple[int, int], least: int, most: int) -> None:
    apply(of_hq(nodes=weighted(*weights), balance="weight"))
    got = calls(office, 100 if least else 20)
    assert least <= got[A] <= most
    assert got.total() == (100 if least else 20)


def test_a_users_registration_and_calls_meet_on_one_node(office: Stage, apply: Apply) -> None:
    apply(of_hq(balance="hash-user"))
    users = [f"hashed{number}" for number in range(12)]

    async def play() -> None:
        for number, user in enumerate(users):
            host, way = (("phone-home", "udp"), ("phone-lan", "tcp"), ("phone-hotel", "tls"))[number % 3]
            async with phone(office, Party(host, way, user, HQ)) as opened:
                assert (await opened.register()).code == 200
                for _ in range(2):
                    call = await opened.dial("600")
                    await call.bye()

    asyncio.run(play())
    met = {}
    for user in users:
        places = {host for host in (A, B) if office.pbxs[host].events("registered", user=user)}
        assert {host for host in (A, B) if office.pbxs[host].events("invite", **{"from": user})} == places
        (met[user],) = places
    assert set(met.values()) == {A, B}


def call(office: Stage, user: str, host: str = "phone-home") -> tuple[int | None, str, float]:
    """One call to 600: the tone it heard, who or what ended it, seconds it took all in all."""
    began_s = time.monotonic()
    report = asyncio.run(alone(office, Party(host, "udp", user, HQ), Script("600", talk_s=0.6, register=False)))
    check_clean(report)
    (made,) = report["calls"]
    return made["tone_hz"], made["ended_by"], time.monotonic() - began_s


@pytest.fixture
def by_priority(office: Stage, apply: Apply) -> Iterator[Stage]:
    """Node a first, then b; both well again at the end."""
    apply(of_hq(nodes=ranked(), balance="priority", failover={"timeout_seconds": SILENT_S}))
    yield office
    for host in (A, B):
        office.pbxs[host].command(deaf=False)
        office.pbxs[host].command(reply=None)
    for address in NODES:
        office.edge.wait_for_node(address, "up")


def test_a_listed_answer_leads_to_the_next_node(by_priority: Stage) -> None:
    by_priority.pbxs[A].command(reply=503)
    tone_hz, ended_by, took_s = call(by_priority, "moved")
    assert (tone_hz, ended_by) == (TONES_HZ[B], "us")
    assert took_s < SILENT_S
    assert by_priority.pbxs[A].events("invite", **{"from": "moved"})


@pytest.mark.parametrize("code", [480, 500, 603])
def test_any_other_answer_reaches_the_caller(by_priority: Stage, code: int) -> None:
    by_priority.pbxs[A].command(reply=code)
    assert call(by_priority, f"told{code}")[1] == str(code)
    assert not by_priority.pbxs[B].events("invite", **{"from": f"told{code}"})


def test_the_last_listed_answer_reaches_the_caller(by_priority: Stage) -> None:
    for host in (A, B):
        by_priority.pbxs[host].command(reply=503)
    # A proxy turns a 503 into 500: 503 would speak for the proxy itself (RFC 3261 section 16.7 step 6).
    assert call(by_priority, "unlucky")[1] == "500"


def test_a_silent_node_is_passed_over_and_gets_calls_again_when_it_is_back(by_priority: Stage) -> None:
    by_priority.pbxs[A].command(deaf=True)
    tone_hz, ended_by, took_s = call(by_priority, "patient")
    assert (tone_hz, ended_by) == (TONES_HZ[B], "us")
    assert took_s >= SILENT_S
    tone_hz, ended_by, took_s = call(by_priority, "quick")
    assert (tone_hz, ended_by) == (TONES_HZ[B], "us")
    assert took_s < SILENT_S, "what the first call learned helps the next"
    by_priority.edge.wait_for_node(NODES[0], "down")
    assert call(by_priority, "later")[0] == TONES_HZ[B]
    by_priority.pbxs[A].command(deaf=False)
    by_priority.edge.wait_for_node(NODES[0], "up")
    deadline = time.monotonic() + 10
    while call(by_priority, "back")[0] != TONES_HZ[A]:
        assert time.monotonic() < deadline, "the node is up and gets no calls"


def test_when_no_node_answers_the_caller_is_told_so(by_priority: Stage) -> None:
    for host in (A, B):
        by_priority.pbxs[host].command(deaf=True)
    for address in NODES:
        by_priority.edge.wait_for_node(address, "down")
    assert call(by_priority, "hopeless")[1] == "503"
    by_priority.pbxs[A].command(deaf=False)
    by_priority.edge.wait_for_node(NODES[0], "up")
    deadline = time.monotonic() + 10
    while call(by_priority, "hopeful")[0] != TONES_HZ[A]:
        assert time.monotonic() < deadline, "the node is up and gets no calls"


def test_a_node_that_refuses_connections_is_passed_over_at_once(folders: Callable[[], Path]) -> None:
    nodes = [{"address": REFUSES, "priority": 1}, {"address": NODES[1], "priority": 2}]
    failover = {"timeout_seconds": SILENT_S}
    pbxs = of_hq(nodes=nodes, balance="priority", sip={"tcp": 5060}, failover=failover)
    # So rare health checks that the call finds out first.
    setting = Setting(BEHIND_NAT, pbxs=pbxs, more={"health": {"interval_seconds": 600}}, transports=("tcp",))
    with stage(setting, folders()) as made:
        tone_hz, ended_by, took_s = call(made, "refused")
    assert (tone_hz, ended_by) == (TONES_HZ[B], "us")
    assert took_s < SILENT_S
