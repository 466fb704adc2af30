"""What a phone and a PBX do with each other through the edge, feature by feature. Each returns when it held."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from lab.demo.stage import TONES_HZ
from lab.peers import features
from lab.peers.rtp import assemble
from lab.peers.sdp import Direction
from lab.tones import listen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from lab.peers.call import Call
    from lab.peers.phone import Phone
    from lab.switchboard import Switchboard

PBX: Final = "pbx-branch"
PATIENCE_S: Final = 30.0
SHORT_S: Final = 1.2
REPEATED_S: Final = 3.0
"""How long the PBX talks to a phone, and to one whose handshake may overtake its answer. Where rtpengine does not know

yet where the phone is, the phone has to begin again, and does after a second (RFC 6347 section 4.2.4.1).
"""


@dataclass(frozen=True, slots=True)
class Party:
    """A registered phone and the PBX it belongs to."""

    phone: Phone
    pbx: Switchboard

    @property
    def user(self) -> str:
        """The phone's user, which is on no other phone."""
        return self.phone.line.user

    async def journal(self, name: str, **facts: object) -> dict[str, Any]:
        """The PBX's newest line of that name about this user, awaited."""
        facts = {"user": self.user, **facts}
        return await asyncio.to_thread(lambda: self.pbx.wait(name, PATIENCE_S, 0, **facts))


async def until(holds: Callable[[], bool], what: str) -> None:
    """Until it holds; AssertionError when it does not in time."""
    for _ in range(round(PATIENCE_S / 0.05)):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(what)


async def hears(call: Call, seconds: float = 0.6) -> None:
    """From now on, the PBX's tone is heard and nothing else."""
    stream = call.voice.stream
    since = len(stream.packets)
    await until(lambda: len(stream.packets) - since >= seconds * 50, "no audio")
    heard = await asyncio.to_thread(listen, assemble(stream.packets[since:]))
    assert (heard.tone_hz, heard.others_hz) == (TONES_HZ[PBX], ()), heard


async def hears_nothing(call: Call) -> None:
    """Half a second without audio comes, after what was on its way."""
    packets = call.voice.stream.packets
    clock = asyncio.get_running_loop().time
    await until(lambda: clock() - packets[-1].arrival_s > 0.5, "audio does not stop")


async def dialled(at: Party, number: str = "600") -> Call:
    """An answered call to one of the PBX's numbers."""
    call = await at.phone.dial(number)
    assert call.dialog is not None, f"{number}: {call.ended_by}"
    return call


async def register(at: Party) -> None:
    answer = await at.phone.register()
    assert answer.code == 200
    await at.journal("registered")


async def call_out(at: Party) -> None:
    call = await dialled(at)
    await hears(call)
    assert set(call.voice.stream.sources) == {at.phone.line.edge.host}
    assert await call.bye() == 200
    heard = await at.journal("heard")
    assert (heard["tone_hz"], heard["ended_by"]) == (at.phone.line.tone_hz, "them")


async def call_in(at: Party) -> None:
    at.pbx.command(call=at.user, talk_s=REPEATED_S if at.phone.line.srtp == "dtls" else SHORT_S)
    async with asyncio.timeout(PATIENCE_S):
        call = await at.phone.incoming.get()
        await hears(call)
        await call.ended.wait()
    assert call.ended_by == "them"
    assert (await at.journal("dialled"))["code"] == 200


async def hold(at: Party) -> None:
    call = await dialled(at)
    await hears(call)
    assert await call.reinvite(Direction.SEND) == 200
    await hears_nothing(call)
    assert await call.reinvite(Direction.BOTH) == 200
    await hears(call)
    assert await call.bye() == 200


async def transfer(at: Party) -> None:
    call = await dialled(at)
    target = f"<sip:{at.user}-target@{at.phone.line.domain}>"
    assert (await call.ask("REFER", ("Refer-To", target))).code == 202
    await until(lambda: "notify SIP/2.0 200 OK" in at.phone.events, "no NOTIFY of the transfer")
    done = await asyncio.to_thread(lambda: at.pbx.wait("transferred", PATIENCE_S, 0, target=target))
    assert done["code"] == 200
    assert await call.bye() == 200


async def cancel(at: Party) -> None:
    call, invite = await at.phone.prepare("603")
    placed = asyncio.create_task(at.phone.place(call, invite))
    ringing = at.phone.events.count("provisional 180")
    await until(lambda: at.phone.events.count("provisional 180") > ringing, "it does not ring")
    assert call.outgoing is not None
    assert (await at.phone.endpoint.cancel(call.outgoing)).code == 200
    assert (await placed).code == 487
    await at.journal("heard", ended_by="cancelled")


async def session_timer(at: Party) -> None:
    call = await dialled(at, "604")
    assert (await call.ask("UPDATE", ("Session-Expires", "1800;refresher=uac"))).code == 200
    assert (await at.journal("updated"))["code"] == 200
    await hears(call, 0.3)
    assert await call.bye() == 200


async def prack(at: Party) -> None:
    call, early = await features.dial(at.phone, "605", reliable=True)
    assert (early.pracked, 183 in early.codes, call.ended_by) == ([200], True, "")
    await hears(call, 0.3)
    assert await call.bye() == 200


async def early_media(at: Party) -> None:
    call, early = await features.dial(at.phone, "605")
    heard = await asyncio.to_thread(listen, assemble(early.packets))
    assert (heard.tone_hz, len(early.packets) >= 20) == (TONES_HZ[PBX], True), "heard before the answer"
    await hears(call, 0.3)
    assert await call.bye() == 200


async def dtmf(at: Party) -> None:
    call = await dialled(at)
    await hears(call, 0.3)
    call.voice.stream.press("18*#")
    await until(lambda: not call.voice.stream.pressing, "the keys are not sent")
    # The last packets are on their way, and may overtake nothing: some more audio follows them.
    await hears(call, 0.3)
    assert await call.bye() == 200
    await at.journal("heard", digits="18*#")


async def fax(at: Party) -> None:
    call = await dialled(at, "607")
    assert (await at.journal("fax"))["code"] == 200
    stream = call.voice.stream
    assert stream.fax
    await until(lambda: stream.udptl >= 20, "no T.38 packets")
    assert await call.bye() == 200
    await until(lambda: any(line["udptl"] >= 10 for line in at.pbx.events("heard", user=at.user)), "the PBX got none")


async def message(at: Party) -> None:
    assert await features.message(at.phone, "600", f"from {at.user}") == 202
    await at.journal("message", text=f"from {at.user}")
    at.pbx.command(send="MESSAGE", to=at.user, text=f"to {at.user}")
    await until(lambda: f"message to {at.user}" in at.phone.events, "no MESSAGE")
    assert (await at.journal("sent", method="MESSAGE"))["code"] == 200


async def _subscribed(at: Party, package: str, content: str) -> None:
    async with features.Subscription(at.phone, at.user, package) as made:
        notify = await made.next()
        assert (notify.get("Event"), notify.get("Subscription-State")[:6]) == (package, "active")
        assert content in notify.body.decode()
        assert await made.end() == 200
        assert (await made.next()).get("Subscription-State")[:10] == "terminated"
    assert (await at.journal("notified", package=package))["code"] == 200


async def busy_lamp(at: Party) -> None:
    await _subscribed(at, "dialog", 'dialog-info state="full"')


async def waiting_messages(at: Party) -> None:
    await _subscribed(at, "message-summary", "Messages-Waiting: yes")
    at.pbx.command(send="NOTIFY", to=at.user, text="Messages-Waiting: no")
    await until(lambda: "notify Messages-Waiting: no" in at.phone.events, "no unsolicited NOTIFY")
    assert (await at.journal("sent", method="NOTIFY"))["code"] == 200


async def own_side(at: Party) -> None:
    """All along, no message showed an address of another side, and nothing led away from the phone's flow."""
    assert not at.phone.witness.violations, at.phone.witness.violations


FEATURES: Mapping[str, Callable[[Party], Awaitable[None]]] = MappingProxyType(
    {
        "REGISTER": register,
        "call out": call_out,
        "call in": call_in,
        "hold and resume (re-INVITE)": hold,
        "transfer (REFER)": transfer,
        "CANCEL": cancel,
        "session timer (UPDATE)": session_timer,
        "PRACK (100rel)": prack,
        "early media": early_media,
        "DTMF (RFC 4733)": dtmf,
        "fax (T.38 re-INVITE)": fax,
        "MESSAGE": message,
        "busy lamp (SUBSCRIBE, NOTIFY)": busy_lamp,
        "message waiting (MWI)": waiting_messages,
        "only addresses of its own side": own_side,
    }
)
"""In this order: the first one must hold for the others to have a chance, the last one looks back."""
AUDIBLE: Final = frozenset(
    {
        "call out",
        "call in",
        "hold and resume (re-INVITE)",
        "session timer (UPDATE)",
        "PRACK (100rel)",
        "early media",
        "DTMF (RFC 4733)",
    }
)
"""Those that need audio from the edge."""
