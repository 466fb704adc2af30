"""What goes wrong for real, in one office at the same time, is explained right; what takes long runs side by side."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.switchboard import Switchboard
from lab.topologies import EDGE_LAN, EDGE_PUBLIC
from tests.engine.attackers import STRANGER, request
from tests.engine.odd_pbx import OddPbx, odd_pbx
from tests.engine.office import BRANCH, MARKS, Config, Office, config, office
from voxgate.errors import VoxgateError
from voxgate.wire.control import ask
from voxgate.wire.records_request import RecordsAction, RecordsRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

pytestmark = [*MARKS, pytest.mark.timeout(200)]

ODD, DEAF, SLOW = 5070, 5071, 5072
PROVIDER, NOBODY = "203.0.113.60", "203.0.113.61"
HOTEL, LOCKED, LAN = "203.0.113.88", "192.168.1.21", "192.168.1.50"
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
            "fraud": {"mode": "refuse", "denied": ["0170"]},
        },
        "deaf": at(LOCKED, DEAF, "deaf"),
        "slow": {
            **at(LAN, SLOW, "slow"),
            "limits": {"calls_per_second": 1},
        },
        "locked": {"names": ["locked.example.com"], "nodes": [LOCKED]},
    }
    made["trunks"] = {
        "carrier": trunk(PROVIDER, "0403"),
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
    call.voice.stream.sending = not silent
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
    return (await at.odd.invite("sip:alice@203.0.113.200", (EDGE_LAN, 5060)))[0]


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
        await asyncio.sleep(33)
        return call_id


async def too_fast(at: Scene) -> str:
    async with at.phone("slow.example.com") as phone, at.phone("slow.example.com") as other, AsyncExitStack() as stack:
        phones = [phone, other, await stack.enter_async_context(at.phone("slow.example.com"))]
        calls = await asyncio.gather(*(dialled(one, "600") for one in phones))
        refused = [call_id for call, call_id in calls if call.ended_by == "503"]
        await asyncio.gather(*(call.bye() for call, _ in calls if not call.ended_by))
        return refused[-1]


async def behind_a_hairpin(at: Scene) -> str:
    line = Line("alice", "odd.example.com", Hop("udp", EDGE_LAN, 5060), EDGE_PUBLIC, port=6060)
    async with Phone(line, at.place.net.maker("router")) as phone:
        call, call_id = await dialled(phone, "600")
        await asyncio.sleep(0.5)
        await call.bye()
        return call_id


async def badly_received(at: Scene) -> str:
    """The phone reports a fifth of the packets as lost (RTCP receiver reports, RFC 3550 section 6.4.2)."""
    async with at.phone("example.com") as phone:
        call, call_id = await dialled(phone, "600")
        stream = call.voice.stream
        for _ in range(100):
            if stream.packets and stream.remote:
                break
            await asyncio.sleep(0.05)
        host, port = stream.remote
        with at.place.net.socket("phone-home") as rtcp:
            rtcp.setblocking(False)
            rtcp.bind((stream.local[0], stream.local[1] + 1))
            for number in range(1, 16):
                heard = stream.packets[-1]
                block = struct.pack("!IIIIII", heard.ssrc, 51 << 24 | number * 10, heard.sequence, 800, 0, 0)
                rtcp.sendto(struct.pack("!BBHI", 0x81, 201, 7, stream._ssrc) + block, (host, port + 1))
                await asyncio.sleep(0.2)
        await call.bye()
        return call_id


async def distrusts_the_certificate(at: Scene) -> str:
    def shake() -> None:
        with at.place.net.socket("phone-hotel", kind=socket.SOCK_STREAM) as sock:
            sock.settimeout(10)
            sock.connect((EDGE_PUBLIC, 5061))
            with suppress(ssl.SSLError):
                ssl.create_default_context().wrap_socket(sock, server_hostname="edge.example.com")

    await asyncio.to_thread(shake)
    return HOTEL


async def never_answers_the_challenge(at: Scene) -> str:
    async with at.phone("locked.example.com", user="eve") as phone:
        assert (await phone.register()).code == 401
        return "eve"


SCENES: dict[str, tuple[Callable[[Scene], Awaitable[str]], str, str]] = {
    "no ACK reaches the callee": (talk("noack", 40), "ack-lost", "between the edge and the callee"),
    "no ACK leaves the caller": (no_ack_from_the_caller, "ack-lost", "between the caller and the edge"),
    "silence of both": (talk("601", silent=True), "no-audio", "neither side"),
    "silence until the edge ends it": (talk("602", 40, silent=True), "media-timeout", "`media.timeout_seconds`"),
    "the callee sends nothing": (talk("603"), "one-way-audio", f"0 from the callee ({BRANCH})"),
    "audio refused": (talk("port0", 0.5), "audio-refused", "port 0"),
    "encrypted answer to a plain offer": (talk("savp", 0.5), "srtp-mismatch", "answered with sdes"),
    "a change is refused": (changed("refuses"), "reinvite-refused", "488"),
    "both change at once": (changed("glares"), "glare", "491 Request Pending"),
    "nobody answers": (refusal("rings"), "no-answer", "rang for 11 s"),
    "no reply at all": (refusal("unheard", "deaf.example.com"), "no-reply", "not even that it is trying"),
    "nothing is acceptable": (refusal("x606"), "no-common-codec", "got 606"),
    "the PBX fails": (refusal("x500"), "server-error", "500"),
    "too many calls in a second": (too_fast, "rate-limit", "`pbxs.slow.limits.calls_per_second`"),
    "the provider refuses": (out("0403"), "trunk-refused", "the number shown is not yours"),
    "the trunk is full": (out("0702", 2), "trunk-limit", "trunk narrow"),
    "the trunk is down": (trunk_is_down, "trunk-down", "trunk dead"),
    "too dear": (out("0170123"), "toll-fraud", "PBX odd refused the call"),
    "a phone that nobody knows": (to_nobody, "phone-unknown", "no Path"),
    "round the router": (behind_a_hairpin, "hairpin", "split DNS"),
    "packets are lost": (badly_received, "bad-quality", "% lost"),
    "the certificate is not trusted": (distrusts_the_certificate, "tls-failed", "handshake"),
    "no password": (never_answers_the_challenge, "no-password", "never answered the challenge"),
}
#: One after the other from one address: what was seen last is told.
SEEN: dict[str, tuple[bytes, str]] = {
    "unknown-domain": (request(domain="nowhere.example"), "nowhere.example"),
    "scanner": (request("OPTIONS", "example.com", "User-Agent: friendly-scanner", number=3), "scanner"),
    "injection": (request(user="1'or'1'='1", number=4), "database"),
    "malformed": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "no SIP"),
}


async def seen(at: Scene) -> dict[str, str]:
    found = {}
    for cause, (packet, _) in SEEN.items():
        with at.place.net.socket("stranger") as sock:
            sock.sendto(packet, (EDGE_PUBLIC, 5060))
        found[cause] = await at.explained(STRANGER, cause)
    return found


async def played(place: Office) -> dict[str, str]:
    """All of them: what was said of each."""
    net = place.net
    async with AsyncExitStack() as stack:
        odd = await stack.enter_async_context(odd_pbx(net, "pbx-branch", BRANCH, ODD))
        for host, address, port in (("pbx-hq-b", LOCKED, DEAF), ("phone-lan", LAN, SLOW)):
            await stack.enter_async_context(odd_pbx(net, host, address, port))
        provider = await stack.enter_async_context(odd_pbx(net, "provider", PROVIDER, 5060))
        at = Scene(place, odd, provider)
        await ready(place)

        async def one(name: str) -> str:
            does, cause, _ = SCENES[name]
            try:
                return await at.explained(await does(at), cause)
            except Exception as error:  # noqa: BLE001 - one scene's failure is that scene's
                return f"{type(error).__name__}: {error}"

        async with asyncio.timeout(LONGEST_S):
            said, evidence = await asyncio.gather(asyncio.gather(*map(one, SCENES)), seen(at))
    return dict(zip(SCENES, said, strict=True)) | evidence


async def ready(place: Office) -> None:
    """Until the edge knows who is there."""
    for _ in range(100):
        nodes = json.loads((await place.ask("status", "--json")).out)["nodes"]
        states = {node["pbx"]: node["state"] for node in nodes}
        if all(states[name] == "up" for name in ("hq", "odd", "deaf", "slow", "locked")):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"nodes: {states}")


@pytest.fixture(scope="module")
def said() -> Iterator[dict[str, str]]:
    with office(crowded()) as place:
        users = place.folder / "users.txt"
        users.write_text("eve:s3cret\n")
        listen, options = (Hop("udp", LOCKED, 5060),), ("--users", str(users))
        with Switchboard(place.net, "pbx-hq-b", place.folder, tone_hz=500, listen=listen, options=options):
            yield asyncio.run(played(place))


@pytest.mark.parametrize("name", SCENES)
def test_what_went_wrong_is_explained(said: dict[str, str], name: str) -> None:
    assert SCENES[name][2] in said[name], said[name]


@pytest.mark.parametrize("cause", SEEN)
def test_what_somebody_did_is_explained(said: dict[str, str], cause: str) -> None:
    assert SEEN[cause][1] in said[cause], said[cause]
