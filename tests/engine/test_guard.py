"""The guard of a running edge: real packets of real attackers, and of honest neighbours."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.engine.office import MARKS, Office, office
from tests.engine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

#: Where phones at home come from, as the edge sees them.
HOME = "203.0.113.77"


def banned(place: Office) -> list[str]:
    """The networks that are banned."""
    return [ban["network"] for ban in json.loads(place.edge.command("bans", "--json").out)["bans"]]


def registers(place: Office, transport: str = "udp") -> bool:
    """Whether a phone at home gets an answer."""

    async def once() -> bool:
        try:
            async with asyncio.timeout(3), place.phone(transport) as phone:
                return (await phone.register()).code == 200
        except (TimeoutError, OSError):
            return False

    return asyncio.run(once())


@pytest.fixture(scope="module")
def place() -> Iterator[Office]:
    with office() as made:
        yield made


def test_a_ban_by_hand_shuts_out_every_protocol_and_ends_by_hand(place: Office) -> None:
    assert registers(place)
    assert place.edge.command("ban", HOME, "--for", "5m", "--note", "test").code == 0
    until(lambda: not registers(place))
    assert not registers(place, "tcp")
    assert place.edge.command("unban", HOME).code == 0
    until(lambda: registers(place))


def test_the_white_list_wins_at_once_over_a_wider_ban(place: Office) -> None:
    assert place.edge.command("ban", "203.0.113.64/27").code == 0
    until(lambda: not registers(place))
    assert place.edge.command("allow", HOME).code == 0
    until(lambda: registers(place))
    assert place.edge.command("allow", "--remove", HOME).code == 0
    until(lambda: not registers(place))
    assert place.edge.command("unban", "203.0.113.64/27").code == 0
    until(lambda: registers(place))


def test_a_ban_outlives_a_killed_voxgate_and_a_flushed_firewall(place: Office) -> None:
    assert place.edge.command("ban", HOME, "--for", "1h").code == 0
    until(lambda: not registers(place))
    os.kill(place.edge.pid, signal.SIGKILL)
    # As if the machine had started anew: the kernel has forgotten everything.
    place.edge.stop()
    assert place.net.run("edge", ["nft", "flush", "ruleset"]).code == 0
    place.edge.start()
    until(lambda: not registers(place))
    assert banned(place) == [f"{HOME}/32"]
    # Only who made its table anew can shut anybody out after this; when that is, the guard's next look decides.
    assert place.net.run("edge", ["nft", "flush", "ruleset"]).code == 0
    until(lambda: not registers(place), 30)
    assert place.edge.command("unban", HOME).code == 0
    until(lambda: registers(place))
    assert place.edge.status()["guard"] == [{"enforced_by": "kernel", "reason": "", "bans": 0}]
