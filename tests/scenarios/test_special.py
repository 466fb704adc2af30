"""What real networks do to SIP now and then: long routes, long calls, long messages, repetitions, collisions, forks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from lab.demo.stage import BRANCH, Setting, Stage, stage
from lab.peers import features
from lab.peers.message import Request
from lab.topologies import BEHIND_NAT
from tests.scenarios import scene
from tests.scenarios.features import PBX, Party, hears, until
from tests.scenarios.scene import at_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from lab.peers.address import Hop
    from lab.peers.flows import Flow
    from lab.peers.message import Response
    from lab.peers.phone import Phone

LONG_S: Final = 36.0
"""Longer than a 2xx without its ACK is repeated (64 * T1 = 32 s), after which a call ends."""
SIZES: Final = (1_400, 3_000, 9_000)
"""Octets: above the 1,300 of RFC 3261 section 18.1.1, above an Ethernet frame, many fragments."""
PLACES: Final = (("phone-home", "udp"), ("phone-hotel", "udp"), ("phone-home", "tls"))


@dataclass(slots=True)
class Lossy:
    """A flow that says everything twice, and loses the first `acks` ACKs."""

    flow: Flow
    acks: int = 2
    local: Hop = field(init=False)
    peer: Hop | None = field(init=False)

    def __post_init__(self) -> None:
        """It looks like the flow it stands for."""
        self.local, self.peer = self.flow.local, self.flow.peer

    def send(self, message: Request | Response, to: Hop) -> None:
        """Twice, or not at all."""
        if isinstance(message, Request) and message.method == "ACK" and self.acks:
            self.acks -= 1
            return
        self.flow.send(message, to)
        self.flow.send(message, to)

    def close(self) -> None:
        """Close the flow."""
        self.flow.close()


async def four_record_routes(at: Party, made: Stage) -> None:
    call = await at.phone.dial("609")
    assert call.dialog is not None
    # Topology hiding keeps the PBX's three from the phone; the PBX must find them in each request again.
    assert not any("proxy=" in route for route in call.dialog.routes)
    await hears(call)
    assert (await call.ask("OPTIONS")).code == 200
    assert await call.bye() == 200
    for method in ("ACK", "OPTIONS", "BYE"):
        line = await asyncio.to_thread(partial(at.pbx.wait, "routed", 15, user=at.user, method=method))
        assert [route.partition("proxy=")[2][:1] for route in line["routes"]] == ["a", "b", "c"]


async def long_call(at: Party, made: Stage) -> None:
    call = await at.phone.dial("600")
    await call_lasts(call.ended)
    await hears(call)
    assert await call.bye() == 200


async def long_call_in(at: Party, made: Stage) -> None:
    at.pbx.command(call=at.user, talk_s=LONG_S + 20)
    async with asyncio.timeout(15):
        call = await at.phone.incoming.get()
    await call_lasts(call.ended)
    await hears(call)
    assert await call.bye() == 200


async def call_lasts(ended: asyncio.Event) -> None:
    """Until the call is longer than 35 s; AssertionError when it ends before."""
    try:
        async with asyncio.timeout(LONG_S):
            await ended.wait()
    except TimeoutError:
        return
    raise AssertionError("the call ended")


async def large_messages(at: Party, made: Stage) -> None:
    for size in SIZES:
        text = f"{at.user} {'x' * size}"
        assert await features.message(at.phone, "600", text) == 202
        await at.journal("message", text=text)
        at.pbx.command(send="MESSAGE", to=at.user, text=text)
        came = f"message {text}"
        await until(partial(at.phone.events.__contains__, came), f"{size} octets do not reach the phone")


async def large_invite(at: Party, made: Stage) -> None:
    for size in SIZES:
        call, invite = await at.phone.prepare("600")
        await at.phone.place(call, invite.having(("X-Padding", "x" * size)))
        assert call.dialog is not None, f"{size} octets: {call.ended_by}"
        await hears(call, 0.3)
        assert await call.bye() == 200


async def repetitions(at: Party, made: Stage) -> None:
    assert at.phone._flow is not None
    lossy = at.phone._flow = Lossy(at.phone._flow)
    call = await at.phone.dial("600")
    # Both ACKs that are lost are asked for again by the PBX's 200.
    await until(lambda: lossy.acks == 0, "the 200 is not repeated")
    await hears(call)
    assert await call.bye() == 200
    await at.journal("heard")
    assert len(at.pbx.events("invite", **{"from": at.user})) == 1


async def many_ringings(at: Party, made: Stage) -> None:
    call, early = await features.dial(at.phone, "608")
    assert (sorted(early.codes), len(early.tags)) == ([180, 183], 2)
    await hears(call)
    assert await call.bye() == 200


async def collisions(at: Party, made: Stage) -> None:
    """The same From tag and CSeq in calls of two phones, to each of which the PBX gives its own To tag."""
    other = Party(replaced(made, at, "other"), at.pbx)
    async with other.phone as phone:
        assert (await phone.register()).code == 200
        calls = []
        for one in (at.phone, phone):
            call, invite = await one.prepare("600")
            sender = f"<sip:{one.line.user}@{BRANCH}>;tag=collides"
            headers = tuple((name, sender if name == "From" else value) for name, value in invite.headers)
            calls.append((one, call, replace(invite, headers=headers)))
        finals = await asyncio.gather(*(one.place(call, invite) for one, call, invite in calls))
        assert [final.code for final in finals] == [200, 200]
        assert await calls[0][1].bye() == 200
        await hears(calls[1][1])
        assert await calls[1][1].bye() == 200


async def fork(at: Party, made: Stage) -> None:
    other = Party(replaced(made, at, "quick"), at.pbx)
    at.phone.line = replace(at.phone.line, ring_s=None)
    async with other.phone as phone:
        assert (await phone.register()).code == 200
        at.pbx.command(fork=[at.user, other.user])
        async with asyncio.timeout(15):
            call = await phone.incoming.get()
            lost = await at.phone.incoming.get()
        assert lost.ended_by == "cancelled"
        assert (await at.journal("forked off"))["final"] == 487
        await hears(call)
        async with asyncio.timeout(15):
            await call.ended.wait()
        heard = await other.journal("heard")
        assert heard["tone_hz"] == phone.line.tone_hz


def replaced(made: Stage, at: Party, name: str) -> Phone:
    """Another phone beside this one."""
    host = next(host for host, _ in PLACES if made.net.host(host).ipv4() == at.phone.line.local)
    return scene.phone(made, scene.Party(host, at.phone.line.edge.transport, f"{at.user}-{name}", BRANCH))


CASES: Mapping[str, Callable[[Party, Stage], Awaitable[None]]] = {
    "four Record-Routes": four_record_routes,
    "a call of 36 s": long_call,
    "a call of 36 s from the PBX": long_call_in,
    "large messages": large_messages,
    "large INVITE": large_invite,
    "repeated requests and lost ACKs": repetitions,
    "two To tags before the answer": many_ringings,
    "tag and CSeq collisions": collisions,
    "a forked INVITE": fork,
}


async def outcome(made: Stage, name: str, host: str, transport: str) -> str:
    """The empty string when it held."""
    user = f"{name.replace(' ', '')}-{host}-{transport}"
    try:
        async with scene.phone(made, scene.Party(host, transport, user, BRANCH)) as phone:
            assert (await phone.register()).code == 200
            at = Party(phone, made.pbxs[PBX])
            await CASES[name](at, made)
            assert phone.witness.violations == []
    except Exception as error:  # noqa: BLE001 - it is told by the test of this case
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.fixture(scope="module")
def outcomes(folders: Callable[[], Path]) -> dict[tuple[str, str, str], str]:
    """All of them at once: it takes as long as the longest call."""
    with stage(Setting(BEHIND_NAT), folders()) as made:
        keys = [(name, *place) for name, place in product(CASES, PLACES)]
        found = asyncio.run(at_once({key: outcome(made, *key) for key in keys}))
        assert [engine["restarts"] for engine in made.edge.status()["engines"]] == [0, 0]
        return found


@pytest.mark.parametrize("place", PLACES, ids="-".join)
@pytest.mark.parametrize("name", CASES)
def test_the_edge_bears_it(outcomes: dict[tuple[str, str, str], str], name: str, place: tuple[str, str]) -> None:
    assert outcomes[(name, *place)] == ""
