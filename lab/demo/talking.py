"""Claims about calls of real phones: each end plays its own tone, and what the other end recorded is the proof."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from lab.demo.claim import Outcome
from lab.demo.stage import BRANCH, HQ, TONES_HZ
from lab.hearing import End, two_way
from lab.phones.baresip import Baresip
from lab.phones.device import Account, Srtp, State
from lab.phones.linphone import Linphone

if TYPE_CHECKING:
    from lab.demo.stage import Stage
    from lab.phones.device import Device

TALK_S = 2.5
TONE_HZ = 440
"""What a phone plays; the second phone of a call plays `OTHER_HZ`."""
OTHER_HZ = 1250
HALL = "pbx-branch"
"""The PBX with one node: where two phones register, they find each other."""

Prove = Callable[["Stage"], Outcome]
_serial = count()


@dataclass(frozen=True, slots=True)
class Handset:
    """A phone to be started: which program, on which host, over which transport."""

    kind: type[Baresip | Linphone]
    host: str
    transport: str
    domain: str = BRANCH
    tone_hz: int = TONE_HZ
    srtp: Srtp = Srtp.NONE

    def __str__(self) -> str:
        return f"{self.kind.__name__.lower()}-{self.host}-{self.transport}-{self.srtp.value}"

    def open(self, stage: Stage, stack: ExitStack) -> Device:
        """Start and register it under a user name of its own."""
        device = self.make(stage)
        stack.enter_context(device)
        device.register()
        return device

    def make(self, stage: Stage) -> Baresip | Linphone:
        """It, not started yet."""
        number = next(_serial)
        account = Account(
            self.host,
            f"{self.host.removeprefix('phone-')}{number}",
            self.domain,
            stage.way(self.host, self.transport),
            self.tone_hz,
            stage.folder / f"phone{number}",
            ca=stage.ca,
            srtp=self.srtp,
            sip_port=5060 + 2 * number,
        )
        if self.kind is Baresip:
            return Baresip(stage.net, account, control=4444 + number)
        return Linphone(stage.net, account, rtp=7078 + 2 * number)


def calls(handset: Handset) -> Prove:
    """The phone registers and calls a number of its PBX."""

    def prove(stage: Stage) -> Outcome:
        with ExitStack() as stack:
            return _call(stage, handset.open(stage, stack), HALL)

    return prove


def is_called(handset: Handset) -> Prove:
    """The PBX calls the phone at what the phone registered: through the Path of the edge."""

    def prove(stage: Stage) -> Outcome:
        pbx = stage.pbxs[HALL]
        with ExitStack() as stack:
            device = handset.open(stage, stack)
            user = device.account.user
            path = pbx.wait("registered", user=user)["path"]
            if not path:
                return Outcome(False, f"the registration of {user} came without Path")
            pbx.command(call=user, talk_s=TALK_S)
            device.wait(State.TALKING, 10)
            device.wait(State.IDLE, 10)
            return judge(stage, device, HALL)

    return prove


def by_domain(stage: Stage) -> Outcome:
    """One phone of each domain calls the same number; the tone tells which PBX answered."""
    heard = {}
    for domain in (HQ, BRANCH):
        with ExitStack() as stack:
            device = Handset(Baresip, "phone-hotel", "udp", domain).open(stage, stack)
            device.dial("600")
            time.sleep(TALK_S / 2)
            device.hangup()
            heard[domain] = device.heard().tone_hz
    hq = {TONES_HZ["pbx-hq-a"], TONES_HZ["pbx-hq-b"]}
    held = heard[HQ] in hq and heard[BRANCH] == TONES_HZ[HALL]
    return Outcome(held, "; ".join(f"600 at {domain} plays {hz} Hz" for domain, hz in heard.items()))


def lan_without_hairpin(stage: Stage) -> Outcome:
    """A phone in the office never sends to the office's public address."""
    with ExitStack() as stack:
        outcome = _call(stage, Handset(Linphone, "phone-lan", "udp").open(stage, stack), HALL)
    packets = stage.net.hairpin_blocked()
    words = f"{outcome.words}; {packets} packets went to the public address"
    return Outcome(outcome.held and packets == 0, words)


def outside_to_lan(stage: Stage) -> Outcome:
    """A phone at home calls one in the office."""
    with ExitStack() as stack:
        office = Handset(Linphone, "phone-lan", "udp", tone_hz=OTHER_HZ).open(stage, stack)
        home = Handset(Baresip, "phone-home", "tls").open(stage, stack)
        home.dial(office.account.user)
        time.sleep(TALK_S)
        home.hangup()
        office.wait(State.IDLE, 5)
        verdict = two_way(
            End("the phone at home", OTHER_HZ, home.heard()), End("the phone in the office", TONE_HZ, office.heard())
        )
        return Outcome(bool(verdict), verdict.words.removeprefix("ok: "))


def _call(stage: Stage, device: Device, pbx: str) -> Outcome:
    device.dial("600")
    time.sleep(TALK_S)
    device.hangup()
    return judge(stage, device, pbx)


def judge(stage: Stage, device: Device, pbx: str) -> Outcome:
    """Whether the phone and its PBX heard each other."""
    heard_there = stage.pbxs[pbx].heard(device.account.user)
    verdict = two_way(
        End("the phone", TONES_HZ[pbx], device.heard()), End("the PBX", device.account.tone_hz, heard_there)
    )
    return Outcome(bool(verdict), verdict.words.removeprefix("ok: "))
