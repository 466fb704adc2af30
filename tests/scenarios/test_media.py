"""Audio that the edge relays: which ports, which mark, and what happens to a call whose audio stops."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import TONES_HZ, Setting, Stage, stage
from lab.peers.agent import Script
from lab.topologies import BEHIND_NAT, DMZ
from tests.scenarios.scene import Party, alone, check_clean, check_hears, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.peers.call import Call

PBX = "pbx-branch"
FIRST, LAST = 12_000, 12_099
TIMEOUT_S = 10
PARTIES = (("phone-home", "tls"), ("phone-lan", "udp"), ("phone-six", "tcp"))
COUNTERS = ("marked", "unmarked", "stray")
COUNT = f"""
table inet watch {{
  counter marked {{ }}
  counter unmarked {{ }}
  counter stray {{ }}
  chain in {{ type filter hook input priority 0;
    udp sport 5060 accept;
    meta l4proto udp ip dscp ef counter name marked;
    meta l4proto udp ip6 dscp ef counter name marked;
    meta l4proto udp ip dscp != ef counter name unmarked;
    meta l4proto udp ip6 dscp != ef counter name unmarked;
    meta l4proto udp udp sport != {FIRST}-{LAST} counter name stray;
  }}
}}
"""
DROP = f"""
table inet cut {{
  chain in {{ type filter hook input priority 0; udp dport {FIRST}-{LAST} drop; }}
}}
"""


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Stage]:
    media = {"ports": f"{FIRST}-{LAST}", "timeout_seconds": TIMEOUT_S}
    with stage(Setting(request.param, more={"media": media}), folders()) as made:
        yield made


def nft(stage: Stage, host: str, rules: str) -> None:
    done = stage.net.run(host, ["nft", "-f", "-"], stdin=rules)
    assert done.code == 0, done.err


def counted(stage: Stage, host: str) -> dict[str, int]:
    done = stage.net.run(host, ["nft", "-j", "list", "counters", "table", "inet", "watch"])
    found = [item["counter"] for item in json.loads(done.out)["nftables"] if "counter" in item]
    return {item["name"]: item["packets"] for item in found}


@pytest.mark.parametrize(("host", "transport"), PARTIES, ids=str)
def test_audio_is_marked_ef_and_comes_from_the_configured_ports(office: Stage, host: str, transport: str) -> None:
    nft(office, host, COUNT)
    nft(office, PBX, COUNT)
    try:
        report = asyncio.run(alone(office, Party(host, transport, f"marked-{host}"), Script("600", talk_s=2)))
        seen = {place: counted(office, place) for place in (host, PBX)}
    finally:
        for place in (host, PBX):
            nft(office, place, "delete table inet watch")
    check_clean(report)
    check_hears(office, host, report, TONES_HZ[PBX], 1.0)
    for place, packets in seen.items():
        assert packets["marked"] >= 50, place
        assert (packets["unmarked"], packets["stray"]) == (0, 0), place


@dataclass(frozen=True)
class Ended:
    """How a call ended for the phone: who ended it, how long after the audio stopped, what the phone complained of."""

    by: str
    after_s: float
    violations: list[str]


@pytest.fixture(scope="module")
def starved(office: Stage) -> dict[str, Ended]:
    """Calls in both directions from several sides; then no audio reaches the edge any more."""
    return asyncio.run(_starve(office))


async def _starve(office: Stage) -> dict[str, Ended]:
    ends: dict[str, Ended] = {}
    cut = asyncio.Event()
    talking = asyncio.Barrier(2 * len(PARTIES) + 1)

    async def one(host: str, transport: str, *, called: bool) -> None:
        user = f"{'called' if called else 'calls'}-{host}"
        async with phone(office, Party(host, transport, user)) as opened:
            assert (await opened.register()).code == 200
            call: Call
            if called:
                office.pbxs[PBX].command(call=user, talk_s=60)
                call = await opened.incoming.get()
            else:
                call = await opened.dial("600")
            await talking.wait()
            await cut.wait()
            began_s = time.monotonic()
            async with asyncio.timeout(2 * TIMEOUT_S + 40):
                await call.ended.wait()
            ends[user] = Ended(call.ended_by, time.monotonic() - began_s, opened.witness.violations)

    async def cutter() -> None:
        await talking.wait()
        await asyncio.sleep(1)
        await asyncio.to_thread(nft, office, "edge", DROP)
        cut.set()

    async with asyncio.TaskGroup() as tasks:
        for host, transport in PARTIES:
            tasks.create_task(one(host, transport, called=False))
            tasks.create_task(one(host, transport, called=True))
        tasks.create_task(cutter())
    await asyncio.to_thread(nft, office, "edge", "delete table inet cut")
    return ends


@pytest.mark.parametrize("way", ["calls", "called"])
@pytest.mark.parametrize("host", [host for host, _ in PARTIES])
def test_a_call_without_audio_is_ended_on_both_sides(
    office: Stage, starved: dict[str, Ended], host: str, way: str
) -> None:
    user = f"{way}-{host}"
    end = starved[user]
    assert end.by == "them"
    assert end.violations == []
    assert end.after_s >= TIMEOUT_S - 1
    heard: dict[str, Any] = office.pbxs[PBX].wait("heard", user=user)
    assert heard["ended_by"] == "them"


def test_calls_that_go_on_are_not_ended(office: Stage) -> None:
    script = Script("600", talk_s=TIMEOUT_S + 3)
    report = asyncio.run(alone(office, Party("phone-hotel", "udp", "talkative"), script))
    check_clean(report)
    assert check_hears(office, "phone-hotel", report, TONES_HZ[PBX], TIMEOUT_S)["ended_by"] == "us"
