"""The claim about a node that plays dead in the middle of a series of calls."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.demo.claim import Outcome
from lab.demo.stage import HQ, TONES_HZ, node
from lab.peers.digest import DigestError
from lab.peers.endpoint import NoAnswerError
from lab.peers.phone import PEER_ERRORS, Line, Phone

if TYPE_CHECKING:
    from lab.demo.stage import Stage

CALLERS = 6
TALK_S = 0.5
PAUSE_S = 0.4
PHASE_S = 3.0
SPARED_S = 15.0
"""A node that is up takes calls again within this time."""
VICTIM = "pbx-hq-a"
OTHER = "pbx-hq-b"
CALL_ERRORS = (OSError, NoAnswerError, DigestError, *PEER_ERRORS)


@dataclass(frozen=True, slots=True)
class Try:
    """One call of the series: when it began (monotonic seconds), the tone it heard, why it was lost if it was."""

    began_s: float
    tone_hz: int | None
    why: str = ""


@dataclass(slots=True)
class Series:
    """Callers behind the NAT at home that call and call again until `over`."""

    stage: Stage
    tries: list[Try] = field(default_factory=list)
    over: bool = False

    async def run(self) -> None:
        """All callers at once."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(CALLERS):
                tasks.create_task(self._caller(number))

    def went_to(self, host: str, since_s: float) -> bool:
        """Did the PBX on `host` take a call that began since then?"""
        return any(one.tone_hz == TONES_HZ[host] and one.began_s >= since_s for one in self.tries)

    async def _caller(self, number: int) -> None:
        host = "phone-home"
        local = self.stage.net.host(host).ipv4()
        line = Line(f"series{number}", HQ, self.stage.way(host, "udp"), local, port=5200 + number)
        async with Phone(line, self.stage.net.maker(host)) as phone:
            await asyncio.sleep(number * (TALK_S + PAUSE_S) / CALLERS)
            while not self.over:
                self.tries.append(await self._call(phone))
                await asyncio.sleep(PAUSE_S)

    async def _call(self, phone: Phone) -> Try:
        began_s = time.monotonic()
        try:
            call = await phone.dial("600", timeout_s=10)
        except CALL_ERRORS as exc:
            return Try(began_s, None, f"{type(exc).__name__}: {exc}")
        if call.ended.is_set():
            return Try(began_s, None, f"refused with {call.ended_by}")
        await asyncio.sleep(TALK_S)
        heard = await asyncio.to_thread(call.voice.stream.heard)
        try:
            await call.bye()
        except NoAnswerError as exc:
            return Try(began_s, heard.tone_hz, str(exc))
        return Try(began_s, heard.tone_hz, "" if heard.tone_hz else "no audio")


@dataclass(frozen=True, slots=True)
class Times:
    """Monotonic seconds: the node went deaf, the edge noticed, the node hears again, the edge noticed that."""

    deaf_s: float
    down_s: float
    cured_s: float
    up_s: float


def failover(stage: Stage) -> Outcome:
    """A node stops answering without a word, and comes back; calls go on all the time."""
    return asyncio.run(_play(stage))


async def _play(stage: Stage) -> Outcome:
    series = Series(stage)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(series.run())
        try:
            times = await asyncio.to_thread(_kill_and_cure, stage, series)
        finally:
            series.over = True
    return judge(series.tries, times)


def _kill_and_cure(stage: Stage, series: Series) -> Times:
    address = node(stage.net.topology, VICTIM)
    victim = stage.pbxs[VICTIM]
    time.sleep(PHASE_S)
    victim.command(deaf=True)
    deaf_s = time.monotonic()
    stage.edge.wait_for_node(address, "down")
    down_s = time.monotonic()
    time.sleep(PHASE_S)
    victim.command(deaf=False)
    cured_s = time.monotonic()
    stage.edge.wait_for_node(address, "up")
    up_s = time.monotonic()
    # Requests that it failed make the edge spare a node for some seconds, whatever the health check says.
    while time.monotonic() < up_s + SPARED_S and not series.went_to(VICTIM, up_s):
        time.sleep(0.1)
    time.sleep(PHASE_S)
    return Times(deaf_s, down_s, cured_s, up_s)


def judge(tries: list[Try], times: Times) -> Outcome:
    """Both nodes answer before and after, only the living one while the edge knows; nothing is lost then."""
    # A call that still talked when the node went deaf cannot say goodbye: that is no fault of the edge.
    longest_s = TALK_S + 0.5
    before = [one for one in tries if one.began_s < times.deaf_s - longest_s]
    unnoticed = [one for one in tries if times.deaf_s <= one.began_s < times.down_s]
    noticed = [one for one in tries if times.down_s <= one.began_s < times.cured_s]
    after = [one for one in tries if times.up_s <= one.began_s]
    both = {TONES_HZ[VICTIM], TONES_HZ[OTHER]}
    faults = [f"{one.why or one.tone_hz}" for one in (*before, *noticed, *after) if one.why]
    if {one.tone_hz for one in before} != both:
        faults.append("before, not both nodes took calls")
    if {one.tone_hz for one in noticed} != {TONES_HZ[OTHER]}:
        faults.append("the node that was down took calls, or there were none")
    if {one.tone_hz for one in after} != both:
        faults.append("afterwards, not both nodes took calls")
    lost = sum(1 for one in unnoticed if one.tone_hz is None)
    words = (
        f"noticed after {times.down_s - times.deaf_s:.1f} s ({len(unnoticed)} calls meanwhile, {lost} lost); "
        f"then {len(noticed)} calls, none lost; {len(after)} after its return, to both nodes"
    )
    return Outcome(not faults, words if not faults else f"{faults[0]} ({len(faults)} faults)")
