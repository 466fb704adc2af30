"""What goes wrong for real is explained right, and what passed can be looked at without anybody's secrets."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lab.peers.address import Hop
from lab.switchboard import Switchboard
from tests.engine.office import BRANCH, BRANCH_TONE_HZ, HQ, MARKS, Config, Office, config, office, until
from voxgate.wire import hep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from lab.peers.phone import Phone

pytestmark = MARKS

HOME = "203.0.113.77"
CAROL = "s3cr3t-of-carol"


def crowded(**sections: object) -> Config:
    """`hq` answers; `branch` asks for passwords; `small` has one place; nothing is at `gone`."""
    made = config(**{"records": {"trace": {"messages_per_second": 5000}}, **sections})
    made["pbxs"]["branch"] = {"names": ["branch.example.com"], "nodes": [BRANCH]}
    made["pbxs"]["small"] = {
        "names": ["small.example.com"],
        "nodes": [HQ],
        "sip": {"tcp": 5060},
        "limits": {"calls": 1},
    }
    made["pbxs"]["gone"] = {"names": ["gone.example.com"], "nodes": ["192.168.1.99"]}
    return made


@pytest.fixture(scope="module")
def place() -> Iterator[Office]:
    with office(crowded()) as running:
        users = running.folder / "users.txt"
        users.write_text(f"carol:{CAROL}\n")
        options = ("--users", str(users), "--realm", "branch.example.com")
        listen = (Hop("udp", BRANCH, 5060),)
        folder = running.folder
        with Switchboard(running.net, "pbx-branch", folder, tone_hz=BRANCH_TONE_HZ, listen=listen, options=options):
            asyncio.run(until_nodes(running))
            yield running


async def until_nodes(place: Office) -> None:
    """Until the edge knows who is there."""
    for _ in range(100):
        nodes = json.loads((await place.ask("status", "--json")).out)["nodes"]
        states = {node["pbx"]: node["state"] for node in nodes}
        if (states["hq"], states["branch"], states["small"], states["gone"]) == ("up", "up", "up", "down"):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"nodes: {states}")


async def explained(place: Office, subject: str, cause: str) -> str:
    """The paragraph, once its first finding is this one."""
    told: dict[str, Any] = {}
    for _ in range(60):
        answer = await place.ask("explain", subject, "--json")
        assert answer.code == 0, answer.err
        told = json.loads(answer.out)
        if told["findings"][0]["name"] == cause:
            text: str = told["text"]
            return text
        await asyncio.sleep(0.1)
    pytest.fail(f"not {cause}: {told}")


async def dialled(phone: Phone, user: str, rewritten: tuple[bytes, bytes] = (b"", b"")) -> tuple[Any, str]:
    """A call and its Call-ID; `rewritten` in its SDP, as a router would do it."""
    call, invite = await phone.prepare(user)
    if rewritten[0]:
        invite = replace(invite, body=invite.body.replace(*rewritten))
    await phone.place(call, invite)
    return call, invite.call_id


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (403, "forbidden"),
        (480, "not-registered"),
        (484, "incomplete"),
        (486, "busy"),
        (488, "no-common-codec"),
        (500, "server-error"),
        (603, "declined"),
        (407, "password-in-call"),
    ],
)
def test_what_the_pbx_answers_is_explained(place: Office, code: int, cause: str) -> None:
    async def scene() -> str:
        async with place.phone() as phone:
            await phone.register()
            place.pbx.command(reply=code)
            try:
                _, call_id = await dialled(phone, "600")
            finally:
                place.pbx.command(reply=None)
            return await explained(place, call_id, cause)

    assert asyncio.run(scene()).endswith(".")


async def unknown_number(place: Office, phone: Phone) -> str:
    return (await dialled(phone, "nobody"))[1]


async def cancelled(place: Office, phone: Phone) -> str:
    call, invite = await phone.prepare("603")
    phone.events.clear()
    placed = asyncio.create_task(phone.place(call, invite))
    await until(lambda: "provisional 180" in phone.events, 40)
    assert call.outgoing is not None
    await phone.endpoint.cancel(call.outgoing)
    await placed
    return invite.call_id


async def good(place: Office, phone: Phone) -> str:
    call, call_id = await dialled(phone, "600")
    await asyncio.sleep(0.5)
    await call.bye()
    return call_id


async def one_way(place: Office, phone: Phone) -> str:
    call, invite = await phone.prepare("600")
    call.voice.stream.mute()
    await phone.place(call, invite)
    await asyncio.sleep(2.3)
    await call.bye()
    return invite.call_id


async def on_hold(place: Office, phone: Phone) -> str:
    call, invite = await phone.prepare("600")
    call.voice.stream.mute()
    invite = replace(invite, body=invite.body.replace(b"a=sendrecv", b"a=recvonly"))
    await phone.place(call, invite)
    await asyncio.sleep(2.3)
    await call.bye()
    return invite.call_id


async def alg(place: Office, phone: Phone) -> str:
    call, call_id = await dialled(phone, "600", (b"10.0.0.50", HOME.encode()))
    await asyncio.sleep(0.3)
    await call.bye()
    return call_id


async def registered_user(place: Office, phone: Phone) -> str:
    return "alice@example.com"


async def nobody(place: Office, phone: Phone) -> str:
    return "mallory"


@pytest.mark.parametrize(
    ("does", "cause", "words"),
    [
        (good, "good", "Nothing is wrong"),
        (unknown_number, "unknown-number", "PBX hq knows no such number: nobody"),
        (cancelled, "cancelled", "hung up while it rang"),
        (one_way, "one-way-audio", "0 from the caller (203.0.113.77), so the callee heard nothing"),
        (on_hold, "one-way-audio", "a=recvonly"),
        (alg, "sip-alg", "SDP name the public address 203.0.113.77"),
        (registered_user, "registered", "203.0.113.77"),
        (nobody, "unregistered", "not registered"),
    ],
)
def test_what_a_phone_meets_is_explained(
    place: Office, does: Callable[[Office, Phone], Awaitable[str]], cause: str, words: str
) -> None:
    async def scene() -> str:
        async with place.phone() as phone:
            assert (await phone.register()).code == 200
            return await explained(place, await does(place, phone), cause)

    assert words in asyncio.run(scene())


def test_what_the_edge_refuses_is_explained(place: Office) -> None:
    async def scene() -> tuple[str, str]:
        gone, small = place.phone(domain="gone.example.com"), place.phone(domain="small.example.com")
        async with gone as first, small as second:
            _, refused = await dialled(first, "600")
            running, _ = await dialled(second, "600")
            _, full = await dialled(second, "600")
            await running.bye()
            return await explained(place, refused, "pbx-down"), await explained(place, full, "calls-limit")

    down, full = asyncio.run(scene())
    assert "PBX gone: no node of it answers" in down
    assert "`pbxs.small.limits.calls`" in full


def test_a_phone_whose_connection_is_gone_is_explained(place: Office) -> None:
    async def scene() -> str:
        async with place.phone("tcp", user="dave") as phone:
            assert (await phone.register()).code == 200
        place.pbx.command(call="dave", talk_s=1)
        for _ in range(50):
            found = json.loads((await place.ask("cdr", "--number", "dave", "--json")).out)["records"]
            if found:
                return await explained(place, str(found[0]["id"]), "phone-gone")
            await asyncio.sleep(0.1)
        pytest.fail("no record")

    assert "connection" in asyncio.run(scene())


def test_who_cannot_log_in_or_is_shut_out_is_explained_and_no_secret_is_shown(place: Office) -> None:
    async def scene() -> tuple[str, ...]:
        carol = place.phone(user="carol", domain="branch.example.com")
        carol.line = replace(carol.line, password="wrong-" + CAROL)
        async with carol as phone:
            assert (await phone.register()).code in {401, 403}
            wrong = await explained(place, "carol", "wrong-password")
        async with place.phone(user="carol", domain="nowhere.example") as phone:
            task = asyncio.create_task(phone.register())
            unknown = await explained(place, HOME, "unknown-domain")
            task.cancel()
        assert (await place.ask("ban", HOME, "--for", "1m", "--note", "a test")).code == 0
        shut = await explained(place, HOME, "banned")
        await place.ask("unban", HOME)
        return wrong, unknown, shut

    wrong, unknown, shut = asyncio.run(scene())
    assert "user or password" in wrong
    assert "nowhere.example" in unknown
    assert "a test" in shut


def test_a_trace_shows_both_sides_decrypted_and_without_secrets(place: Office) -> None:
    async def scene() -> tuple[str, str, dict[str, Any]]:
        carol = place.phone("tls", user="carol", domain="branch.example.com")
        carol.line = replace(carol.line, password=CAROL)
        async with carol as phone:
            assert (await phone.register()).code == 200
            call, call_id = await dialled(phone, "600")
            assert call.ended_by == ""
            await call.bye()
            await explained(place, call_id, "good")
            full = (await place.ask("trace", phone._register_id, "--full")).out
            data = json.loads((await place.ask("trace", call_id, "--json")).out)
            return (await place.ask("trace", call_id)).out, full, data

    ladder, full, data = asyncio.run(scene())
    assert ladder.splitlines()[1].split()[1:] == ["edge", "branch", f"{BRANCH}:5060"]
    assert ladder.splitlines()[1].split()[0].startswith(HOME)
    assert ladder.count("INVITE (SDP)") >= 2
    assert {one["title"] for one in data["messages"]} >= {"INVITE (SDP)", "200 OK (SDP)", "ACK", "BYE"}
    assert 'response="***"' in full
    assert CAROL not in full
    missing = place.edge.command("trace", "no-such-call")
    assert missing.code == 1


def test_homer_gets_what_is_traced_and_a_policy_that_refuses_is_explained(place: Office) -> None:
    trace = {"homer": {"address": "192.168.1.10", "port": 9060, "capture_id": 7}, "messages_per_second": 5000}

    async def scene() -> tuple[str, hep.Packet]:
        with place.net.socket("edge", kind=socket.SOCK_DGRAM) as homer:
            homer.bind(("192.168.1.10", 9060))
            homer.settimeout(5)
            made = crowded(records={"trace": trace}, media={"srtp": "required"})
            assert (await asyncio.to_thread(place.edge.apply, made)).code == 0
            async with place.phone() as phone:
                _, call_id = await dialled(phone, "600")
                words = await explained(place, call_id, "srtp-policy")
                packet = hep.decode(await asyncio.to_thread(homer.recv, 65_535))
                return words, packet

    words, packet = asyncio.run(scene())
    assert "encrypted audio is required" in words
    assert (packet.capture_id, packet.source, packet.target) == (7, HOME, "192.168.1.10")
    assert packet.payload.startswith((b"INVITE", b"REGISTER"))
