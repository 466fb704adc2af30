"""What `voxgate pbx-config --for asterisk` says, word for word in a real Asterisk behind the edge.

It needs a root file system with Asterisk: `tests/setup/asterisk-root` makes it.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from lab.asterisk import ROOT, Asterisk
from lab.edge import Edge
from lab.net import Net
from lab.peers.address import Hop
from lab.peers.phone import Line, Phone
from lab.sites import BEHIND_ROUTER
from lab.switchboard import Switchboard
from lab.topologies import EDGE_PUBLIC
from tests.engine.office import hears, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.procs import Completed

pytestmark = pytest.mark.skipif(
    not (ROOT / "usr/sbin/asterisk").exists(), reason="no Asterisk: tests/setup/asterisk-root makes one"
)

PBX, EDGE, PROVIDER = "192.168.1.20", "192.168.1.10", "203.0.113.99"
HOME_HZ, LAN_HZ, PBX_HZ, PROVIDER_HZ = 440, 1250, 620, 890
CONFIG = {
    "edge": {"domain": "proxy.example.com", "public_address": EDGE_PUBLIC},
    "pbxs": {"hq": {"names": ["example.com"], "nodes": [PBX]}},
    "trunks": {"carrier": {"addresses": [PROVIDER], "dids": {"0555XX": "hq"}, "pbxs": ["hq"], "prefixes": ["0"]}},
}
#: What a PBX has anyway; `{...}` is where the edge's settings go.
PJSIP = """\
[global]
type = global
{global}
[udp]
type = transport
protocol = udp
bind = 192.168.1.20:5060
external_signaling_address = 203.0.113.45
external_media_address = 203.0.113.45
{transport}
[edge-only]
type = acl
deny = 0.0.0.0/0
{acl}
"""
EXTENSION = """\
[{user}]
type = aor
{aor}
[{user}]
type = auth
username = {user}
password = secret-{user}
[{user}]
type = endpoint
context = phones
disallow = all
allow = ulaw,alaw
auth = {user}
aors = {user}
{endpoint}
"""
TRUNK = """\
[carrier]
type = aor
{trunk_aor}
[carrier]
type = endpoint
context = from-carrier
disallow = all
allow = ulaw,alaw
aors = carrier
direct_media = no
{trunk}
[carrier]
type = identify
endpoint = carrier
{identify}
"""
EXTENSIONS = """\
[phones]
exten => 600,1,Answer()
 same => n,Playtones(620)
 same => n,Wait(8)
 same => n,Hangup()
exten => _0X.,1,Dial(PJSIP/${EXTEN}@carrier,10)
exten => _[a-z].,1,Dial(PJSIP/${EXTEN},10)
[from-carrier]
exten => _0555XX,1,Dial(PJSIP/alice,10)
"""
#: Part of `where` -> the place above that it stands for.
PLACES = {
    "type global": "global",
    "type transport": "transport",
    "type acl": "acl",
    "type aor of phones": "aor",
    "type endpoint of phones": "endpoint",
    "type endpoint of the trunk": "trunk",
    "type aor of the trunk": "trunk_aor",
    "type identify": "identify",
}


@dataclass(frozen=True, slots=True)
class Place:
    """The office with its Asterisk and a provider."""

    net: Net
    edge: Edge
    pbx: Asterisk
    provider: Switchboard

    def phone(self, user: str, host: str, tone_hz: int, address: str, password: str = "") -> Phone:
        local, way = self.net.host(host).ipv4(), Hop("udp", address, 5060)
        line = Line(user, "example.com", way, local, tone_hz=tone_hz, password=password or f"secret-{user}")
        return Phone(line, self.net.maker(host))

    def alice(self) -> Phone:
        return self.phone("alice", "phone-home", HOME_HZ, EDGE_PUBLIC)

    def bob(self) -> Phone:
        return self.phone("bob", "phone-lan", LAN_HZ, EDGE)


def advice(done: Completed) -> dict[str, str]:
    """The printed settings by place; each of `PLACES` is there."""
    assert done.code == 0, done.err
    found: dict[str, str] = {}
    for setting in json.loads(done.out)["settings"]:
        for words, place in PLACES.items():
            if words in setting["where"]:
                found[place] = setting["value"]
    assert set(found) == set(PLACES.values())
    return found


def files(told: dict[str, str]) -> dict[str, str]:
    users = "".join(EXTENSION.format(user=user, **told) for user in ("alice", "bob"))
    pjsip = PJSIP.format(**told) + users + TRUNK.format(**told)
    return {"pjsip.conf": pjsip, "extensions.conf": EXTENSIONS, "rtp.conf": "[general]\nrtpstart=22000\nrtpend=22100\n"}


@pytest.fixture(scope="module")
def place(folders: Callable[[], Path]) -> Iterator[Place]:
    folder = folders()
    with ExitStack() as stack:
        net = stack.enter_context(Net(BEHIND_ROUTER.topology))
        provider = Switchboard(
            net, "stranger", folder, tone_hz=PROVIDER_HZ, listen=[Hop("udp", PROVIDER, 5060)],
            options=["--answers", r"0\d+"],
        )  # fmt: skip
        stack.enter_context(provider)
        edge = stack.enter_context(Edge(net, folder, CONFIG))
        told = advice(edge.command("pbx-config", "hq", "--for", "asterisk", "--file", str(edge.file), "--json"))
        pbx = stack.enter_context(Asterisk(net, "pbx-hq", files(told)))
        yield Place(net, edge, pbx, provider)


def run(scene: Any) -> None:
    asyncio.run(asyncio.wait_for(scene, 60))


def test_phones_register_by_path_and_call_each_other(place: Place) -> None:
    async def scene() -> None:
        async with place.alice() as alice, place.bob() as bob:
            assert [(await one.register()).code for one in (alice, bob)] == [200, 200]
            contacts = await asyncio.to_thread(place.pbx.command, "pjsip show contacts")
            assert contacts.out.count("Contact:  alice/") == 1
            call = await alice.dial("bob")
            answered = await asyncio.wait_for(bob.incoming.get(), 10)
            await hears(call, LAN_HZ)
            await hears(answered, HOME_HZ)
            await call.bye()
            await asyncio.wait_for(answered.ended.wait(), 10)
            # The PBX's own address is shown to nobody outside, its public one to nobody at all.
            assert set(call.voice.stream.sources) == {EDGE_PUBLIC}
            assert set(answered.voice.stream.sources) == {EDGE}

    run(scene())


def test_the_pbx_plays_and_hangs_up(place: Place) -> None:
    async def scene() -> None:
        async with place.alice() as alice:
            assert (await alice.register()).code == 200
            call = await alice.dial("600")
            await hears(call, PBX_HZ)
            await asyncio.to_thread(place.pbx.command, "channel request hangup all")
            await asyncio.wait_for(call.ended.wait(), 10)

    run(scene())


def test_a_wrong_password_is_refused_by_the_pbx_and_others_go_on(place: Place) -> None:
    async def scene() -> None:
        for _ in range(12):
            async with place.phone("bob", "phone-home", HOME_HZ, EDGE_PUBLIC, "guess") as liar:
                assert (await liar.register()).code == 401
        async with place.bob() as bob:
            assert (await bob.register()).code == 200

    run(scene())


def test_calls_go_out_and_come_in_through_the_trunk(place: Place) -> None:
    async def scene() -> None:
        async with place.alice() as alice:
            assert (await alice.register()).code == 200
            call = await alice.dial("0301234")
            await hears(call, PROVIDER_HZ)
            await call.bye()
            # Calls in: even from somebody whose number is the name of an extension.
            for number, port in (("0171555", 5070), ("bob", 5072)):
                way = Hop("udp", EDGE_PUBLIC, 5060)
                line = Line(number, EDGE_PUBLIC, way, PROVIDER, port=port, tone_hz=LAN_HZ)
                async with Phone(line, place.net.maker("stranger")) as caller:
                    placed = await caller.dial("055500")
                    answered = await asyncio.wait_for(alice.incoming.get(), 10)
                    await hears(answered, LAN_HZ)
                    await hears(placed, HOME_HZ)
                    await placed.bye()
                    await until(answered.ended.is_set, 10)

    run(scene())


def test_a_phone_is_no_trunk(place: Place) -> None:
    """Phones come from the edge's address, too: without a password nobody gets in, whatever he says of himself."""

    async def scene() -> None:
        for user in ("nobody", "alice", "carrier"):
            line = Line(user, "example.com", Hop("udp", EDGE_PUBLIC, 5060), "10.0.0.50", port=5080,
                        headers=(("X-Voxgate-Trunk", "carrier"),))  # fmt: skip
            async with Phone(line, place.net.maker("phone-home")) as stranger:
                for number in ("055500", "600", "0301234"):
                    call = await stranger.dial(number)
                    assert call.ended_by in {"401", "403"}, (user, number, call.ended_by)

    run(scene())
