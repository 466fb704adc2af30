"""Scenes in which something goes wrong for real: an office with odd PBXs and providers, and who calls through it."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.topologies import EDGE_LAN, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.babble import NO_SIP, NO_TLS, babble, old_tls
from tests.engine.odd_pbx import OddPbx, odd_pbx
from tests.engine.office import BRANCH, Config, Office, config
from voxgate.errors import VoxgateError
from voxgate.wire.control import ask
from voxgate.wire.records_request import RecordsAction, RecordsRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ODD, DEAF, SLOW = 5070, 5071, 5072
PROVIDER, NOBODY = "203.0.113.60", "203.0.113.61"
LOCKED, LAN = "192.168.1.21", "192.168.1.50"
HAIRPIN = (
    "flush|chain|inet|filter|input",
    "add|chain|ip|nat|out|{ type nat hook output priority -100; }",
    f"add|rule|ip|nat|out|ip daddr {EDGE_PUBLIC} udp dport 5060 dnat to {EDGE_LAN}",
)
#: The slowest scene takes 32 s, and one more for the record to be complete.
LONGEST_S: Final = 90.0
WEIGHTS = (
    "unknown_name",
    "not_allowed",
    "network_not_allowed",
    "malformed",
    "bad_tls",
    "scanner",
    "injection",
    "too_fast",
)


def at(address: str, port: int, name: str) -> Config:
    return {"names": [f"{name}.example.com"], "nodes": [address], "sip": {"udp": port}}


def trunk(address: str, prefix: str, **keys: Any) -> Config:
    return {"pbxs": ["odd"], "keepalive": False, "addresses": [address], "prefixes": [prefix], **keys}


def crowded() -> Config:
    made = config(
        records={"trace": {"messages_per_second": 10_000, "megabytes": 64}},
        media={"timeout_seconds": 10},
        guard={"weights": dict.fromkeys(WEIGHTS, 0)},
    )
    made["pbxs"] |= {
        "odd": {
            **at(BRANCH, ODD, "odd"),
            "fraud": {"mode": "refuse", "denied": ["0411"]},
        },
        "deaf": at(LOCKED, DEAF, "deaf"),
        "slow": {
            **at(LAN, SLOW, "slow"),
            "limits": {"calls_per_second": 1},
        },
        "locked": {"names": ["locked.example.com"], "nodes": [LOCKED]},
    }
    made["trunks"] = {
        "carrier": trunk(PROVIDER, "04"),
        "narrow": trunk(PROVIDER, "0702", limits={"calls": 1}),
        "dead": trunk(NOBODY, "0701", keepalive=True),
    }
    return made


@dataclass
class Scene:
    """The office with who answers oddly in it."""

    place: Office
    odd: OddPbx
    provider: OddPbx

    def phone(self, domain: str = "odd.example.com", **setup: Any) -> Phone:
        made = self.place.phone(domain=domain)
        made.line = replace(made.line, **setup)
        return made

    async def explained(self, subject: str, cause: str) -> str:
        """The paragraph, once its first finding is this one."""
        told: dict[str, Any] = {}
        for _ in range(100):
            with suppress(VoxgateError):
                told = await asyncio.to_thread(self._ask, subject)
            if told and told["findings"][0]["name"] == cause:
                return str(told["text"])
            await asyncio.sleep(0.2)
        return f"not {cause}: {told}"

    def _ask(self, subject: str) -> dict[str, Any]:
        question = RecordsRequest(RecordsAction.EXPLAIN, subject=subject)
        found: Any = ask(self.place.folder / "run/control.sock", question, lambda _: None)
        data: dict[str, Any] = found["data"]
        return data


async def dialled(phone: Phone, user: str, *, silent: bool = False) -> tuple[Any, str]:
    """A call and its Call-ID; `silent`: our side sends no audio."""
    call, invite = await phone.prepare(user)
    if silent:
        call.voice.stream.mute()
    await phone.place(call, invite)
    return call, invite.call_id


def refusal(number: str, domain: str = "odd.example.com") -> Callable[[Scene], Awaitable[str]]:
    """Who dials it is refused."""

    async def scene(at: Scene) -> str:
        async with at.phone(domain) as phone:
            return (await dialled(phone, number))[1]

    return scene


def talk(number: str, seconds: float = 2.5, *, silent: bool = False) -> Callable[[Scene], Awaitable[str]]:
    """Who dials it talks for a while."""

    async def scene(at: Scene) -> str:
        async with at.phone() as phone:
            call, call_id = await dialled(phone, number, silent=silent)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await call.ended.wait()
            await call.bye()
            return call_id

    return scene


def changed(number: str) -> Callable[[Scene], Awaitable[str]]:
    """A call that its caller wants to change."""

    async def scene(at: Scene) -> str:
        async with at.phone() as phone:
            call, call_id = await dialled(phone, number)
            await call.reinvite()
            await call.bye()
            return call_id

    return scene


def out(number: str, times: int = 1) -> Callable[[Scene], Awaitable[str]]:
    """The PBX calls through a trunk; the last of so many calls."""

    async def scene(at: Scene) -> str:
        for _ in range(times):
            call_id, _ = await at.odd.invite(f"sip:{number}@{EDGE_LAN}", (EDGE_LAN, 5060))
        return call_id

    return scene


async def to_nobody(at: Scene) -> str:
    return (await at.odd.invite("sip:alice@203.0.113.200;alias=nonsense", (EDGE_LAN, 5060)))[0]


async def trunk_is_down(at: Scene) -> str:
    for _ in range(100):
        call_id, final = await at.odd.invite(f"sip:0701@{EDGE_LAN}", (EDGE_LAN, 5060))
        found = await asyncio.to_thread(at._ask, call_id)
        if found["findings"][0]["name"] == "trunk-down":
            return call_id
        await asyncio.sleep(0.5)
    pytest.fail(f"the trunk is not down: {final}")


async def no_ack_from_the_caller(at: Scene) -> str:
    async with odd_pbx(at.place.net, "phone-home", "10.0.0.50", 5990) as phone:
        call_id, final = await phone.invite("sip:600@odd.example.com", (EDGE_PUBLIC, 5060), ack=False)
        assert final.code == 200
        relay = re.search(rb"m=audio (\d+)", final.body)
        assert relay
        with at.place.net.socket("phone-home") as voice:
            voice.bind(("10.0.0.50", 40_000))
            for number in range(66):
                head = struct.pack("!BBHII", 0x80, 0, number, number * 160, 7)
                voice.sendto(head + bytes(160), (EDGE_PUBLIC, int(relay[1])))
                await asyncio.sleep(0.5)
        return call_id


async def too_fast(at: Scene) -> str:
    async with at.phone("slow.example.com") as phone, at.phone("slow.example.com") as other, AsyncExitStack() as stack:
        phones = [phone, other, await stack.enter_async_context(at.phone("slow.example.com"))]
        calls = await asyncio.gather(*(dialled(one, "600") for one in phones))
        refused = [call_id for call, call_id in calls if call.ended_by == "503"]
        await asyncio.gather(*(call.bye() for call, _ in calls if not call.ended_by))
        return refused[-1]


async def behind_a_hairpin(at: Scene) -> str:
    # A router that rewrites what a phone of its LAN sends to the public address: for the edge the router itself calls.
    line = Line("alice", "odd.example.com", Hop("udp", EDGE_LAN, 5060), EDGE_PUBLIC, port=6060)
    async with Phone(line, at.place.net.maker("router")) as phone:
        call, call_id = await dialled(phone, "600")
        await asyncio.sleep(0.5)
        await call.bye()
        return call_id


def connected(at: Scene, host: str, where: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    sock = at.place.net.socket(host, family, socket.SOCK_STREAM)
    sock.settimeout(10)
    sock.connect(where)
    return sock


async def no_tls(at: Scene) -> str:
    await asyncio.to_thread(babble, lambda: connected(at, "phone-hotel", (EDGE_PUBLIC, 5061)), NO_TLS[:1], 1)
    return "203.0.113.88"


async def old_phone(at: Scene) -> str:
    await asyncio.to_thread(old_tls, lambda: connected(at, "stranger", (EDGE_PUBLIC_SIX, 5061)), 1)
    return "2001:db8:f::99"


async def no_sip(at: Scene) -> str:
    await asyncio.to_thread(babble, lambda: connected(at, "phone-six", (EDGE_PUBLIC_SIX, 5060)), NO_SIP[:1], 1)
    return "2001:db8:2::50"


async def never_answers_the_challenge(at: Scene) -> str:
    async with at.phone("locked.example.com", user="eve") as phone:
        assert (await phone.register()).code == 401
        return "eve"
