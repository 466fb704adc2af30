"""Strict phones in a lab network: who must never see which address, calls between them, what became of these."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from lab.demo.stage import BRANCH, Stage
from lab.peers.agent import Script, perform
from lab.peers.phone import Line, Phone

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

Report = dict[str, Any]
K = TypeVar("K")
V = TypeVar("V")

OFFICE = ("192.168.0.0/16", "172.16.0.0/12", "fd00::/8")
"""Networks of PBXs and LAN phones, which nobody outside may see; the edge's inside addresses are among them."""
INTERNET4 = ("203.0.113.0/24", "10.0.0.0/8")
"""Public IPv4 addresses, the edge's too, and what NATs hide."""
INTERNET6 = ("2001:db8::/32",)
FORBIDDEN = {
    "phone-home": (*OFFICE, *INTERNET6, "10.0.1.0/24"),
    "phone-hotel": (*OFFICE, *INTERNET6, "10.0.0.0/24"),
    "phone-six": (*OFFICE, *INTERNET4),
    "phone-lan": (*INTERNET4, *INTERNET6),
}
"""By the host a phone is on: no address of another side is to stand in anything it receives."""
HOSTS = tuple(FORBIDDEN)
_ports = count(20_500, 2)


@dataclass(frozen=True, slots=True)
class Party:
    """A phone of a scene: where it is, how it reaches the edge, who it is; `setup` goes into its `Line`."""

    host: str
    transport: str
    user: str
    domain: str = BRANCH
    setup: Mapping[str, Any] = field(default_factory=dict)


def phone(stage: Stage, party: Party) -> Phone:
    """The strict phone, not opened yet."""
    host = stage.net.host(party.host)
    line = Line(
        party.user,
        party.domain,
        stage.way(party.host, party.transport),
        host.ipv6() if party.host == "phone-six" else host.ipv4(),
        port=next(_ports),
        ca=stage.ca,
        forbidden=tuple(ip_network(text) for text in FORBIDDEN.get(party.host, ())),
    )
    return Phone(replace(line, **party.setup), stage.net.maker(party.host))


async def alone(stage: Stage, party: Party, script: Script) -> Report:
    """One phone plays a script; its report."""
    async with phone(stage, party) as opened:
        return await perform(opened, script)


async def together(stage: Stage, caller: Party, callee: Party, script: Script, theirs: Script) -> tuple[Report, Report]:
    """Both register, then each plays its script; both reports."""
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(phone(stage, party)) for party in (caller, callee)]
        for opened in phones:
            answer = await opened.register()
            assert answer.code == 200, f"REGISTER of {opened.line.user}: {answer.code}"
        scripts = (replace(script, call=callee.user, register=False), replace(theirs, register=False))
        first, second = await asyncio.gather(*map(perform, phones, scripts))
    return first, second


async def at_once(jobs: Mapping[K, Coroutine[Any, Any, V]]) -> dict[K, V]:
    """Run many scenes together: a grid of calls takes as long as its longest."""
    return dict(zip(jobs, await asyncio.gather(*jobs.values()), strict=True))


def edge_seen(stage: Stage, host: str) -> str:
    """The only address a phone on `host` may get audio from."""
    return stage.way(host, "udp").host


def check_clean(report: Report) -> None:
    """It ended without error, saw no address of another side, and never had to leave its flow."""
    assert (report["error"], report["violations"]) == ("", [])


def check_hears(stage: Stage, host: str, report: Report, tone_hz: int, shortest_s: float) -> Report:
    """Its one call heard that tone, from the edge alone, with less than 3 % missing; gives the call."""
    (call,) = report["calls"]
    assert call["answered"]
    assert (call["tone_hz"], call["others_hz"]) == (tone_hz, ())
    assert call["loss_percent"] < 3
    assert call["seconds"] >= shortest_s, call
    assert set(call["sources"]) == {edge_seen(stage, host)}
    made: Report = call
    return made
