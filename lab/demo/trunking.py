"""The claim about a SIP provider: it calls a number of the office, and a phone of the office calls out through it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lab.demo import administering, gatekeeping, phonebook, webpages
from lab.demo.claim import Outcome
from lab.demo.relayed import TURN
from lab.demo.stage import BRANCH, EVERY_TRANSPORT, TONES_HZ, Setting
from lab.hearing import End, two_way
from lab.peers.address import Hop
from lab.peers.agent import FAILURES, Script, perform
from lab.peers.phone import Line, Phone
from lab.tones import Heard
from lab.topologies import BEHIND_NAT, EDGE_LAN, EDGE_PUBLIC

if TYPE_CHECKING:
    from lab.demo.stage import Stage

HALL = "pbx-branch"
HOST, PORT, TONE_HZ = "provider", 5066, 980
PHONE_HZ = 1430
NUMBER, DIALLED = "+49555159412", "0301234"
TALK_S = 2.0

SETTING = Setting(
    BEHIND_NAT,
    pbxs=webpages.beside(phonebook.beside(gatekeeping.pbxs())),
    more={
        "listen": {
            **EVERY_TRANSPORT["listen"],
            "h323": gatekeeping.PORTS,
            "ldap": phonebook.PORTS,
            "http": webpages.PORTS,
        },
        "guard": {},
        "admin": {"listen": administering.LISTEN},
        "turn": TURN,
        "trunks": {
            "carrier": {
                "addresses": [BEHIND_NAT.host(HOST).ipv4()],
                "port": PORT,
                # It is there during its own claim only.
                "keepalive": False,
                "dids": {"05551594XX": "branch"},
                "numbers": {"e164": {"country": "49"}},
                "pbxs": ["branch"],
            }
        },
    },
    options={HALL: ("--answers", r"0555\d+", "--trunk", f"sip:{EDGE_LAN}")},
)


def both_ways(stage: Stage) -> Outcome:
    """A call in and a call out, one after the other."""
    try:
        return asyncio.run(_play(stage))
    except FAILURES as exc:
        return Outcome(False, f"{type(exc).__name__}: {exc}")


async def _play(stage: Stage) -> Outcome:
    there, edge = stage.net.host(HOST).ipv4(), Hop("udp", EDGE_PUBLIC, 5060)
    provider = Line("provider", EDGE_PUBLIC, edge, there, port=PORT, tone_hz=TONE_HZ)
    here = stage.net.host("phone-lan").ipv4()
    desk = Line("desk", BRANCH, stage.way("phone-lan", "udp"), here, port=5068, tone_hz=PHONE_HZ)
    # A provider calls from any port; the event loop may not have closed this one when the next is opened.
    async with Phone(replace(provider, port=PORT + 1), stage.net.maker(HOST)) as carrier:
        called = await perform(carrier, Script(call=NUMBER, talk_s=TALK_S, register=False))
    async with Phone(provider, stage.net.maker(HOST)) as carrier, Phone(desk, stage.net.maker("phone-lan")) as phone:
        waits = asyncio.create_task(perform(carrier, Script(hang_up="them", register=False, run_s=15)))
        dialled = await perform(phone, Script(call=DIALLED, talk_s=TALK_S))
        taken = await waits
    at_pbx = await asyncio.to_thread(stage.pbxs[HALL].heard, "provider")
    calls = (
        two_way(End("the provider", TONES_HZ[HALL], _heard(called)), End("the PBX", TONE_HZ, at_pbx)),
        two_way(End("the phone", TONE_HZ, _heard(dialled)), End("the provider", PHONE_HZ, _heard(taken))),
    )
    return Outcome(
        all(calls), "; ".join(f"{way}: {call.words}" for way, call in zip(("in", "out"), calls, strict=True))
    )


def _heard(report: dict[str, Any]) -> Heard:
    """What the one call of a report heard."""
    call = (report["calls"] or [{"tone_hz": None, "seconds": 0.0, "loss_percent": 0.0}])[0]
    return Heard(call["tone_hz"], call["seconds"], call["loss_percent"])
