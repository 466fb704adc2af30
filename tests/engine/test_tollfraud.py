"""The toll-fraud guard of a running edge: alerts first, then refusals; minutes over a restart; running calls ended.

The numbers are those of phones that registered under them, so the calls that the PBX sends out have somewhere to go.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.office import MARKS, Config, Office, config, office

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lab.peers.phone import Phone

pytestmark = MARKS

LONDON, SATELLITE = "00442071234", "00881555"
#: The books are kept every two seconds, and Kamailio tells of calls as often.
TOLD_S = 60
DEAR: dict[str, Any] = {"dear": {"prefixes": ["00"]}}


def guarded(**fraud: object) -> Config:
    """The office with a guard for its PBX."""
    made = config()
    made["pbxs"]["hq"]["fraud"] = fraud
    return made


@asynccontextmanager
async def phones(place: Office, *users: str) -> AsyncIterator[list[Phone]]:
    """Registered phones."""
    async with AsyncExitStack() as stack:
        made = [await stack.enter_async_context(place.phone(user=user)) for user in users]
        for phone in made:
            assert (await phone.register()).code == 200
        yield made


async def until_alert(place: Office, kind: str, about: str) -> None:
    """Until `voxgate status` shows an alert."""
    for _ in range(round(TOLD_S / 0.3)):
        status = json.loads((await place.ask("status", "--json")).out)
        if any((alert["kind"], alert["about"]) == (kind, about) for alert in status["alerts"]):
            return
        await asyncio.sleep(0.3)
    pytest.fail(f"no alert {kind} {about}: {status['alerts']}")


async def reaches(phone: Phone, user: str) -> bool:
    """Whether a call comes through; it is ended."""
    call = await phone.dial(user)
    if call.ended_by:
        return False
    assert await call.bye() == 200
    return True


def test_a_denied_destination_is_told_first_and_refused_when_it_is_wanted_so() -> None:
    async def scene(place: Office) -> None:
        async with phones(place, "alice", LONDON, SATELLITE) as (alice, _, _):
            pid = await place.pid("kamailio")
            assert await reaches(alice, SATELLITE)
            await until_alert(place, "denied-destination", "to 008815")
            place.edge.write(guarded(denied=["00"], allowed=["0044"], mode="refuse"))
            assert (await place.ask("apply")).code == 0
            assert not await reaches(alice, SATELLITE)
            assert await reaches(alice, LONDON)
            assert await place.pid("kamailio") == pid

    with office(guarded(denied=["00"], allowed=["0044"])) as place:
        asyncio.run(scene(place))
        log = place.edge.text()
        assert "fraud_alert" in log
        assert "reason=fraud-denied-destination:hq" in log


def test_a_class_has_so_many_calls_at_once() -> None:
    async def scene(place: Office) -> None:
        async with phones(place, "alice", "bob", LONDON) as (alice, bob, _):
            call = await alice.dial(LONDON)
            assert call.ended_by == ""
            assert not await reaches(bob, LONDON)
            assert await reaches(bob, "600")
            await until_alert(place, "calls-at-once", "class dear")
            assert await call.bye() == 200
            assert await reaches(bob, LONDON)

    with office(guarded(mode="refuse", classes={"dear": {"prefixes": ["00"], "calls": 1}})) as place:
        asyncio.run(scene(place))
        assert "reason=class-calls-limit:hq/dear" in place.edge.text()


@pytest.mark.parametrize(("hours", "good"), [((-2, 2), False), ((2, 4), True)], ids=["night", "day"])
def test_at_night_a_class_may_not_be_called(hours: tuple[int, int], *, good: bool) -> None:
    now = datetime.now(UTC)
    start, end = (f"{now + timedelta(hours=hour):%H:%M}" for hour in hours)
    night = {"start": start, "end": end, "timezone": "Etc/UTC", "denied": ["dear"]}

    async def scene(place: Office) -> None:
        async with phones(place, "alice", LONDON) as (alice, _):
            assert await reaches(alice, LONDON) is good

    with office(guarded(mode="refuse", classes=DEAR, nights=[night])) as place:
        asyncio.run(scene(place))
        assert ("reason=fraud-night:hq" in place.edge.text()) is not good


def test_minutes_are_kept_over_restarts_and_above_them_running_calls_end() -> None:
    async def scene(place: Office) -> None:
        async with phones(place, "alice", LONDON) as (alice, _):
            call = await alice.dial(LONDON)
            assert call.ended_by == ""
            await until_alert(place, "new-destination", "to 0044")
            os.kill(await place.pid("kamailio"), signal.SIGKILL)
            await place.until_log("calls_adopted")
            async with asyncio.timeout(60):
                await call.ended.wait()
            assert call.ended_by == "them"
            await until_alert(place, "minutes-spent", "class dear")
            assert not await reaches(alice, LONDON)
            assert await reaches(alice, "600")

    classes = {"dear": {"prefixes": ["00"], "minutes_per_hour": 10}}
    made = guarded(mode="refuse", classes=classes, new_destination_digits=4, end_running=True)
    with office(made) as place:
        place.edge.stop()
        # Ten minutes less half a minute were spoken before.
        spoken = {str(int(time.time()) // 60 - 1): 570.0}
        books = {"minutes": {"hq/dear": spoken}, "alerts": [], "seen": {}}
        (place.folder / "state" / "fraud.json").write_text(json.dumps(books))
        place.edge.start()
        asyncio.run(scene(place))
        log = place.edge.text()
        assert "fraud_call_ended" in log
        assert "reason=fraud-minutes-spent:hq" in log
        place.edge.stop()
        kept = json.loads((place.folder / "state" / "fraud.json").read_text())
        assert sum(kept["minutes"]["hq/dear"].values()) >= 600
