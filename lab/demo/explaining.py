"""The claim that a call is explained in words: a phone that is heard by nobody, and why."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final

from lab.demo.claim import Outcome
from lab.demo.stage import HQ
from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.topologies import EDGE_PUBLIC

if TYPE_CHECKING:
    from lab.demo.stage import Stage

TITLE: Final = "a call with audio in one direction is explained in words, with the side that sent none"
PROOF: Final = "a phone behind NAT calls and is silent; `voxgate explain` is asked for its Call-ID"
_HOST: Final = "phone-hotel"
_PORT, _TALK_S, _ANSWER_S = 5390, 2.4, 10.0


def silent_phone(stage: Stage) -> Outcome:
    """Its router is in order, its microphone is not."""
    call_id = asyncio.run(_called(stage))
    told: dict[str, Any] = {"findings": [{"name": "nothing"}], "text": ""}
    deadline = time.monotonic() + _ANSWER_S
    # The record is complete a moment after the BYE.
    while told["findings"][0]["name"] != "one-way-audio" and time.monotonic() < deadline:
        answer = stage.edge.command("explain", call_id, "--json")
        told = json.loads(answer.out) if answer.code == 0 else told
        time.sleep(0.2)
    words = told["text"].partition(". ")[0]
    return Outcome("0 from the caller" in words, words or "not explained")


async def _called(stage: Stage) -> str:
    """A call with the PBX's own voice; its Call-ID."""
    local = stage.net.host(_HOST).ipv4()
    line = Line("silent", HQ, Hop("udp", EDGE_PUBLIC, 5060), local, port=_PORT)
    async with Phone(line, stage.net.maker(_HOST)) as phone:
        call, invite = await phone.prepare("600")
        call.voice.stream.mute()
        await phone.place(call, invite)
        await asyncio.sleep(_TALK_S)
        await call.bye()
    return invite.call_id
