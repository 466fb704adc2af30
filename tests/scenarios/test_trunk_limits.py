"""Limits of a trunk, and the toll-fraud guard over the calls that a PBX sends to providers."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import pytest

from lab.demo.stage import BRANCH, Setting, Stage, stage
from lab.topologies import BEHIND_NAT, EDGE_LAN
from tests.scenarios.scene import Party
from tests.scenarios.scene import phone as phone_of
from tests.scenarios.trunk_office import CARRIER, CARRIER_PORT, PORTS, REFUSES_PORT, carrier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.peers.call import Call
    from lab.peers.phone import Phone

OTHER_PORT = REFUSES_PORT
SLOW_PORT = 5072


def setting() -> Setting:
    """Two trunks for `branch`: the first takes one call, the second any number. Numbers abroad are watched."""
    here = BEHIND_NAT.host(CARRIER).ipv4()
    common = {"server": here, "keepalive": False}
    trunks = {
        "narrow": {
            **common,
            "pbxs": ["branch"],
            "addresses": [here],
            "dids": {"0555.": "branch"},
            "limits": {"calls": 1},
        },
        "wide": {**common, "pbxs": ["branch"], "port": OTHER_PORT, "priority": 2},
        "slow": {
            **common,
            "pbxs": ["branch"],
            "port": SLOW_PORT,
            "prefixes": ["0777"],
            "limits": {"calls_per_second": 2},
        },
    }
    dear = {"prefixes": ["00"], "calls": 1}
    fraud = {"mode": "refuse", "denied": ["0177"], "allowed": ["112", "0777"], "calls": 2, "classes": {"dear": dear}}
    fraud |= {"minutes_per_hour": 10}
    branch = {"names": [BRANCH], "nodes": [BEHIND_NAT.host("pbx-branch").ipv4()], "fraud": fraud}
    options = {"pbx-branch": ("--answers", r"0555\d+", "--trunk", f"sip:{EDGE_LAN}")}
    more = {"health": {"interval_seconds": 600}, "trunks": trunks}
    return Setting(BEHIND_NAT, pbxs={"branch": branch}, more=more, options=options)


@pytest.fixture(scope="module")
def office(folders: Callable[[], Path]) -> Iterator[Stage]:
    with stage(setting(), folders()) as made:
        yield made


class Scene:
    """A phone of the branch, and both providers."""

    def __init__(self, office: Stage) -> None:
        self.office = office
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        party = Party("phone-lan", "udp", f"u{next(PORTS)}", BRANCH)
        self.phone: Phone = await self._stack.enter_async_context(phone_of(self.office, party))
        self.narrow: Phone = await self._stack.enter_async_context(carrier(self.office, CARRIER_PORT))
        self.wide: Phone = await self._stack.enter_async_context(carrier(self.office, OTHER_PORT))
        assert (await self.phone.register()).code == 200
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def hung_up(self, *calls: Call) -> None:
        """Hang up; over when the providers have heard of it, because the PBX tells them by itself."""
        # Calls of the providers themselves that were refused have ended too.
        before = self._over()
        assert [await call.bye() for call in calls] == [200 for _ in calls]
        for _ in range(200):
            if self._over() >= before + len(calls):
                return
            await asyncio.sleep(0.05)
        pytest.fail("a provider heard no BYE")

    def _over(self) -> int:
        return sum(bool(call.ended_by) for phone in (self.narrow, self.wide) for call in phone.calls)

    async def calls(self, number: str, through: Phone) -> Call:
        """A call out that arrives at this provider."""
        before = len(through.calls)
        call = await self.phone.dial(number)
        assert call.ended_by == ""
        assert len(through.calls) == before + 1
        return call


def test_a_call_out_takes_the_next_trunk_when_the_first_is_full_and_a_call_in_is_refused(office: Stage) -> None:
    async def scene() -> None:
        async with Scene(office) as on:
            first = await on.calls("0301234", on.narrow)
            second = await on.calls("0301235", on.wide)
            assert (await on.narrow.dial("0555123")).ended_by == "486"
            for _ in range(40):
                told = await asyncio.to_thread(office.edge.status)
                if [(one["name"], one["calls"]) for one in told["limits"]] == [("narrow", 1), ("slow", 0)]:
                    break
                await asyncio.sleep(0.3)
            else:
                pytest.fail(json.dumps(told["limits"]))
            await on.hung_up(first)
            third = await on.calls("0301236", on.narrow)
            await on.hung_up(second, third)
            inward = await on.narrow.dial("0555123")
            assert inward.ended_by == ""
            # A call in holds the trunk's place as well.
            fourth = await on.calls("0301237", on.wide)
            await on.hung_up(fourth)
            assert await inward.bye() == 200

    asyncio.run(scene())
    assert "reason=trunk-calls-limit:narrow" in office.edge.text()


def test_a_refused_call_out_leaves_no_place_taken(office: Stage) -> None:
    async def scene() -> None:
        async with Scene(office) as on:
            on.narrow.line = replace(on.narrow.line, refuse=486)
            for _ in range(3):
                assert (await on.phone.dial("0301234")).ended_by == "486"
            assert len(on.narrow.calls) == 3

    asyncio.run(scene())


def test_the_guard_watches_the_numbers_that_go_to_providers(office: Stage) -> None:
    async def scene() -> None:
        async with Scene(office) as on:
            assert (await on.phone.dial("0177123")).ended_by == "403"
            call = await on.calls("0044207", on.narrow)
            # 503 to the PBX; what the PBX makes of it reaches the phone as 500 (RFC 3261 section 16.7, step 6).
            assert (await on.phone.dial("0044208")).ended_by == "500"
            other = await on.calls("0301234", on.wide)
            await on.hung_up(call, other)

    asyncio.run(scene())
    assert "reason=fraud-denied-destination:branch" in office.edge.text()
    assert "reason=class-calls-limit:branch/dear" in office.edge.text()


def test_all_calls_through_trunks_have_a_budget_and_emergency_numbers_none(office: Stage) -> None:
    async def scene() -> None:
        async with Scene(office) as on:
            first = await on.calls("0301234", on.narrow)
            second = await on.calls("0301235", on.wide)
            assert (await on.phone.dial("0301236")).ended_by == "500"
            emergency = await on.calls("112", on.wide)
            # A call inside is no call through a trunk.
            inside = await on.phone.dial("600")
            assert inside.ended_by == ""
            await on.hung_up(first)
            assert await inside.bye() == 200
            third = await on.calls("0301236", on.narrow)
            await on.hung_up(second, third, emergency)

    asyncio.run(scene())
    assert "reason=class-calls-limit:branch/*" in office.edge.text()


def test_a_trunk_that_is_called_too_fast_is_followed_by_the_next(office: Stage) -> None:
    async def scene() -> None:
        async with Scene(office) as on, carrier(office, SLOW_PORT, refuse=486) as slow:
            on.narrow.line = replace(on.narrow.line, refuse=480)
            ended = await asyncio.gather(*(on.phone.dial(f"0777{number}") for number in range(8)))
            took = [call.ended_by for call in ended]
            # Two at once, and one more for each half second that this takes.
            assert (len(slow.calls), len(on.narrow.calls)) == (took.count("486"), took.count("480"))
            assert len(slow.calls) >= 2
            assert len(on.narrow.calls) >= 1
            assert len(slow.calls) + len(on.narrow.calls) + len(on.wide.calls) <= 8

    asyncio.run(scene())


def test_the_minutes_of_all_calls_have_an_end(office: Stage) -> None:
    """Last in this file: what is spent stays spent."""
    edge = office.edge
    edge.stop()
    # Ten minutes less three seconds were spoken before, by calls of no class.
    books = {"minutes": {"branch/*": {str(int(time.time()) // 60 - 1): 597.0}}, "alerts": [], "seen": {}}
    (edge.folder / "state" / "fraud.json").write_text(json.dumps(books))
    edge.start()

    async def scene() -> None:
        async with Scene(office) as on:
            call = await on.calls("0301234", on.narrow)
            for _ in range(100):
                if any(one["kind"] == "minutes-spent" for one in (await asyncio.to_thread(edge.status))["alerts"]):
                    break
                await asyncio.sleep(0.3)
            else:
                pytest.fail(edge.text()[-2000:])
            # The call that runs may end as it likes: nobody has asked for more.
            await on.hung_up(call)
            assert (await on.phone.dial("0301235")).ended_by == "403"
            emergency = await on.calls("112", on.narrow)
            inside = await on.phone.dial("600")
            assert inside.ended_by == ""
            await on.hung_up(emergency)
            assert await inside.bye() == 200

    asyncio.run(scene())
    assert "reason=fraud-minutes-spent:branch" in edge.text()
