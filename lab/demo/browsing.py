"""Claims about a browser: a page in Chromium with JsSIP, over WebSocket on port 443 and WebRTC."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from lab.demo.claim import Outcome
from lab.demo.stage import BRANCH, EDGE_NAME, TONES_HZ
from lab.hearing import End, two_way
from lab.phones.chromium import Chromium
from lab.phones.device import Account, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.demo.stage import Stage
    from lab.phones.chromium import Ice

    Servers = Callable[[Stage, str], Ice]

PBX = "pbx-branch"
TONE_HZ = 440
TALK_S = 2.5
#: A browser takes its time to start beside all the other phones.
START_S = 60
LOSS_LIMIT_PERCENT = 20
_serial = count()


@contextmanager
def page(stage: Stage, host: str, ice: Servers | None = None) -> Iterator[Chromium]:
    """A registered page on `host`; `ice` gives its STUN and TURN servers."""
    number = next(_serial)
    user = f"browser{number}"
    account = Account(host, user, BRANCH, stage.way(host, "wss"), TONE_HZ, stage.folder / user)
    servers = ice(stage, user) if ice else None
    with Chromium(stage.net, account, stage.identity, edge_name=EDGE_NAME, ice=servers) as opened:
        opened.register(START_S)
        yield opened


def calls(host: str, ice: Servers | None = None) -> Callable[[Stage], Outcome]:
    """The page registers and calls a number of its PBX."""

    def prove(stage: Stage) -> Outcome:
        with page(stage, host, ice) as opened:
            opened.dial("600")
            opened.talk(TALK_S)
            opened.hangup()
            return _judge(stage, opened)

    return prove


def is_called(host: str) -> Callable[[Stage], Outcome]:
    """The PBX calls the page along the Path that it registered with."""

    def prove(stage: Stage) -> Outcome:
        with page(stage, host) as opened:
            # Until ICE and DTLS are through, there is nothing to hear.
            stage.pbxs[PBX].command(call=opened.account.user, talk_s=TALK_S + 2)
            opened.wait(State.TALKING, 20)
            opened.wait(State.IDLE, 20)
            return _judge(stage, opened)

    return prove


def _judge(stage: Stage, opened: Chromium) -> Outcome:
    there = stage.pbxs[PBX].heard(opened.account.user)
    ends = End("the browser", TONES_HZ[PBX], opened.heard()), End("the PBX", TONE_HZ, there)
    # A browser makes up sound until the stream has settled.
    verdict = two_way(*ends, loss_limit_percent=LOSS_LIMIT_PERCENT)
    return Outcome(bool(verdict), verdict.words.removeprefix("ok: "))
