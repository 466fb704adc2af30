"""A page in Chromium calls and is called, by WebSocket and WebRTC, wherever it is: both ends hear the other's tone."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Self

import pytest

from lab.demo.stage import BRANCH, EDGE_NAME, EVERY_TRANSPORT, TONES_HZ, Setting, stage
from lab.peers.agent import Script, perform
from lab.phones.chromium import Chromium
from lab.phones.device import Account, State
from lab.topologies import BEHIND_NAT, DMZ
from tests.scenarios.scene import Party, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.demo.stage import Stage
    from lab.tones import Heard
    from lab.topology import Topology

PBX = "pbx-branch"
BROWSER_HZ, OTHER_HZ = 440, 1250
#: A browser takes its time to start, and CI's machines are slow.
START_S = 60
SOON_S = 60
_serial = count()


@pytest.fixture(scope="module")
def offices(folders: Callable[[], Path]) -> Iterator[Callable[[Topology], Stage]]:
    """One running office for each network, built when it is first asked for."""
    with _Offices(folders) as made:
        yield made.of


class _Offices:
    def __init__(self, folders: Callable[[], Path]) -> None:
        self._folders = folders
        self._open: dict[str, tuple[Stage, Callable[[], object]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _stage, close in self._open.values():
            close()

    def of(self, topology: Topology) -> Stage:
        if topology.name not in self._open:
            options = {PBX: ("--hangup-after", "4", "--reinvite-after", "1.2")}
            block = stage(Setting(topology, more=EVERY_TRANSPORT, options=options), self._folders())
            self._open[topology.name] = (block.__enter__(), lambda: block.__exit__(None, None, None))
        return self._open[topology.name][0]


@contextmanager
def browser(office: Stage, host: str, tone_hz: int = BROWSER_HZ) -> Iterator[Chromium]:
    """A registered browser phone on `host`."""
    number = next(_serial)
    user = f"web{number}-{host}"
    account = Account(host, user, BRANCH, office.way(host, "wss"), tone_hz, office.folder / f"browser{number}")
    with Chromium(office.net, account, office.identity, edge_name=EDGE_NAME) as made:
        made.register(START_S)
        yield made


def check(heard: Heard, tone_hz: int, seconds: float) -> None:
    """That tone, for so long. What a browser makes up at the beginning of a call counts as missing."""
    assert (heard.tone_hz, heard.others_hz) == (tone_hz, ()), heard
    assert heard.seconds >= seconds, heard
    assert heard.loss_percent < 20, heard


@pytest.mark.parametrize(
    ("topology", "host"),
    [(BEHIND_NAT, "phone-home"), (BEHIND_NAT, "phone-six"), (BEHIND_NAT, "phone-lan"), (DMZ, "phone-hotel")],
    ids=["home NAT", "IPv6", "the office's own network", "DMZ and symmetric NAT"],
)
def test_a_browser_and_the_pbx_hear_each_other_whoever_calls(
    offices: Callable[[Topology], Stage], topology: Topology, host: str
) -> None:
    office = offices(topology)
    pbx = office.pbxs[PBX]
    with browser(office, host) as page:
        user = page.account.user
        page.dial("600", SOON_S)
        page.talk(2)
        page.hangup(SOON_S)
        check(page.heard(), TONES_HZ[PBX], 1.2)
        check(pbx.heard(user, SOON_S), BROWSER_HZ, 1.2)
        assert pbx.events("heard", user=user)[0]["ended_by"] == "them"

        pbx.command(call=user, talk_s=4)
        page.wait(State.TALKING, SOON_S)
        page.wait(State.IDLE, SOON_S)
        check(page.heard(), TONES_HZ[PBX], 1.2)
        check(pbx.heard(user, SOON_S, after=1), BROWSER_HZ, 1.2)
        sources = set(pbx.events("heard", user=user)[1]["sources"])
        assert sources == {office.way("phone-lan", "udp").host}


def test_hold_and_a_new_offer_of_either_side_go_through(offices: Callable[[Topology], Stage]) -> None:
    office = offices(BEHIND_NAT)
    pbx = office.pbxs[PBX]
    with browser(office, "phone-home") as page:
        user = page.account.user
        page.dial("602", SOON_S)
        # The PBX renegotiates in between.
        page.await_event("reinvited", SOON_S)
        time.sleep(1.5)
        page.hangup(SOON_S)
        check(page.heard(), TONES_HZ[PBX], 1.5)
        check(pbx.heard(user, SOON_S), BROWSER_HZ, 1.5)

        page.dial("600", SOON_S)
        page.talk(1)
        page.command("hold")
        time.sleep(2)
        page.command("resume")
        time.sleep(1.5)
        page.hangup(SOON_S)
        held = page.heard()
        assert held.tone_hz == TONES_HZ[PBX]
        # Silence for as long as it was on hold, less what the way takes.
        assert held.loss_percent > 20, held
        assert pbx.wait("heard", SOON_S, after=1, user=user)["reinvites"] == 2

        page.dial("601", SOON_S)
        page.wait(State.IDLE, SOON_S)
        check(pbx.heard(user, SOON_S, after=2), BROWSER_HZ, 1.2)


def test_a_browser_and_a_phone_with_plain_rtp_hear_each_other(offices: Callable[[Topology], Stage]) -> None:
    office = offices(BEHIND_NAT)

    async def desk(page: Chromium) -> dict[str, Any]:
        async with phone(office, Party("phone-lan", "udp", "desk", setup={"tone_hz": OTHER_HZ})) as opened:
            assert (await opened.register()).code == 200
            playing = asyncio.create_task(perform(opened, Script(hang_up="them", register=False)))
            await asyncio.to_thread(page.dial, "desk", SOON_S)
            await asyncio.to_thread(page.talk, 2)
            await asyncio.to_thread(page.hangup, SOON_S)
            return await playing

    with browser(office, "phone-hotel") as page:
        report = asyncio.run(desk(page))
        check(page.heard(), OTHER_HZ, 1.2)
    assert (report["error"], report["violations"]) == ("", [])
    (call,) = report["calls"]
    assert (call["tone_hz"], call["others_hz"]) == (BROWSER_HZ, ())


def test_two_browsers_hear_each_other(offices: Callable[[Topology], Stage]) -> None:
    office = offices(BEHIND_NAT)
    with browser(office, "phone-home") as caller, browser(office, "phone-six", OTHER_HZ) as callee:
        caller.dial(callee.account.user, SOON_S)
        callee.talk(0)
        caller.talk(2)
        caller.hangup(SOON_S)
        callee.wait(State.IDLE, SOON_S)
        check(caller.heard(), OTHER_HZ, 1.2)
        check(callee.heard(), BROWSER_HZ, 1.2)


def test_a_browser_comes_back_by_itself_after_a_restart_of_kamailio(offices: Callable[[Topology], Stage]) -> None:
    office = offices(BEHIND_NAT)
    with browser(office, "phone-home") as page:
        page.events.clear()
        office.net.run("edge", ["kill", "-9", str(office.edge.engine("kamailio")["pid"])])
        page.await_event("disconnected", SOON_S)
        page.await_event("registered", START_S)
        page.dial("600", SOON_S)
        page.talk(1.5)
        page.hangup(SOON_S)
        check(page.heard(), TONES_HZ[PBX], 0.8)
