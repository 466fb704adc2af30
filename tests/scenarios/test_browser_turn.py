"""Chromium calls through TURN alone, over UDP, TCP and TLS, where nothing else gets through."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import TYPE_CHECKING

import pytest

from lab import tls
from lab.demo.relayed import TURN, relay_only
from lab.demo.stage import BRANCH, EDGE_NAME, HQ, PORTS, TONES_HZ, Setting, configuration, stage
from lab.phones.chromium import Chromium
from lab.phones.device import Account, State
from lab.topologies import BEHIND_NAT, DMZ, EDGE_PUBLIC
from tests.scenarios.test_browser import BROWSER_HZ, PBX, SOON_S, START_S, check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.demo.stage import Stage
    from lab.topology import Topology

MORE = {"listen": {"sip": PORTS}, "turn": TURN}
#: What is left of UDP: nothing, or what goes to the TURN server.
WALL = """
table inet wall {
  chain output {
    type filter hook output priority 0; policy accept;
    oifname "lo" accept
    udp dport { %s } accept
    meta l4proto udp counter drop
  }
}
"""
_serial = count()


@contextmanager
def office(topology: Topology, folder: Path) -> Iterator[Stage]:
    with stage(Setting(topology, more=MORE), folder) as made:
        yield made


@contextmanager
def browser(place: Stage, host: str, transport: str) -> Iterator[Chromium]:
    """A registered page that may use nothing but the TURN server, over that transport."""
    user = f"turn{next(_serial)}"
    account = Account(host, user, BRANCH, place.way(host, "wss"), BROWSER_HZ, place.folder / user)
    ice = relay_only(place, host, transport, user)
    # The port of nobody stands for no port at all.
    rules = WALL % ("3478" if transport == "udp" else "1")
    with ExitStack() as stack:
        assert place.net.run(host, ["nft", "-f", "-"], stdin=rules).code == 0
        stack.callback(place.net.run, host, ["nft", "delete", "table", "inet", "wall"])
        made = Chromium(place.net, account, place.identity, edge_name=EDGE_NAME, ice=ice)
        page = stack.enter_context(made)
        page.register(START_S)
        yield page


@pytest.fixture(scope="module")
def behind_nat(folders: Callable[[], Path]) -> Iterator[Stage]:
    with office(BEHIND_NAT, folders()) as made:
        yield made


@pytest.fixture(scope="module")
def dmz(folders: Callable[[], Path]) -> Iterator[Stage]:
    with office(DMZ, folders()) as made:
        yield made


@pytest.mark.parametrize(
    ("place", "host", "transport"),
    [
        ("behind_nat", "phone-home", "udp"),
        ("behind_nat", "phone-hotel", "tcp"),
        ("behind_nat", "phone-home", "tls"),
        ("behind_nat", "phone-six", "udp"),
        ("dmz", "phone-hotel", "udp"),
        ("dmz", "phone-six", "tls"),
    ],
)
def test_a_browser_that_has_turn_alone_calls_and_is_called(
    request: pytest.FixtureRequest, place: str, host: str, transport: str
) -> None:
    made: Stage = request.getfixturevalue(place)
    pbx = made.pbxs[PBX]
    with browser(made, host, transport) as page:
        user = page.account.user
        page.dial("600", SOON_S)
        page.talk(1.5)
        page.hangup(SOON_S)
        check(page.heard(), TONES_HZ[PBX], 1.0)
        check(pbx.heard(user, SOON_S), BROWSER_HZ, 1.0)
        pbx.command(call=user, talk_s=4)
        page.wait(State.TALKING, SOON_S)
        page.wait(State.IDLE, SOON_S)
        check(page.heard(), TONES_HZ[PBX], 1.0)
        check(pbx.heard(user, SOON_S, after=1), BROWSER_HZ, 1.0)


def test_a_call_over_turn_and_tls_goes_on_when_the_certificate_is_renewed(behind_nat: Stage) -> None:
    place = behind_nat
    with browser(place, "phone-home", "tls") as page:
        page.dial("600", SOON_S)
        page.talk(1)
        pid = place.edge.engine("coturn")["pid"]
        renewed = tls.authority().issue(place.folder, EDGE_NAME, HQ, BRANCH, EDGE_PUBLIC, stem="renewed")
        done = place.edge.apply(configuration(Setting(BEHIND_NAT, more=MORE), renewed))
        assert done.code == 0, done.err + done.out
        time.sleep(2)
        page.hangup(SOON_S)
        check(page.heard(), TONES_HZ[PBX], 2.5)
        assert place.edge.engine("coturn")["pid"] == pid
