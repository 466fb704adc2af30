"""The claim that nobody outside can listen: an encrypted call, and a tap on the phone's wire."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lab.demo.claim import Outcome
from lab.demo.talking import HALL, TALK_S, Handset, judge
from lab.phones.baresip import Baresip
from lab.phones.device import Srtp
from lab.wiretap import Wiretap

if TYPE_CHECKING:
    from lab.demo.stage import Stage

PHONE = Handset(Baresip, "phone-six", "tls", srtp=Srtp.SDES)


def secret(stage: Stage) -> Outcome:
    """Both hear each other, the PBX without encryption; whoever takes the packets outside for G.711 hears nothing."""
    with ExitStack() as stack:
        taps = {
            host: stack.enter_context(Wiretap(stage.net, host, stage.folder / f"secret-{host}.pcap"))
            for host in (PHONE.host, HALL)
        }
        device = PHONE.open(stage, stack)
        device.dial("600")
        time.sleep(TALK_S)
        device.hangup()
        outcome = judge(stage, device, HALL)
        edge = stage.way("phone-lan", "udp").host
        outside = [heard.tone_hz for heard in taps[PHONE.host].audible().values()]
        inside = [
            heard.tone_hz for places, heard in taps[HALL].audible().items() if edge in (places[0][0], places[1][0])
        ]
    quiet = len(outside) > 1 and not any(outside)
    words = f"{outcome.words}; on the wire {'nothing' if quiet else 'something'} can be heard outside"
    return Outcome(outcome.held and quiet and device.account.tone_hz in inside, words)
