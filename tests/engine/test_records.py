"""Call records of a running edge: every attempt, answered or not, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lab.topologies import EDGE_PUBLIC
from tests.engine.office import HQ, HQ_TONE_HZ, MARKS, Office, config, hears, office, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.peers.phone import Phone

pytestmark = MARKS

Record = dict[str, Any]


@pytest.fixture(scope="module")
def place() -> Iterator[Office]:
    with office() as running:
        lines = str(running.folder / "cdr.jsonl")
        assert running.edge.apply(config(records={"json_lines": lines})).code == 0
        yield running


async def records(place: Office, *words: str) -> list[Record]:
    """What `voxgate cdr` lists."""
    answer = await place.ask("cdr", "--json", *words)
    assert answer.code == 0, answer.err
    found: list[Record] = json.loads(answer.out)["records"]
    return found


async def record_of(place: Office, call_id: str, state: str = "ended") -> Record:
    """The record of a call, once it is in this state."""
    for _ in range(100):
        for found in await records(place, "--call", call_id):
            if found["state"] == state:
                return found
        await asyncio.sleep(0.1)
    pytest.fail(f"no record in state {state}: {await records(place, '--call', call_id)}")


async def dialled(phone: Phone, user: str) -> str:
    """A call that is not answered; its Call-ID."""
    call, invite = await phone.prepare(user)
    await phone.place(call, invite)
    assert call.ended_by
    return invite.call_id


async def cancelled(phone: Phone, user: str) -> str:
    """A call that is given up while it rings; its Call-ID."""
    call, invite = await phone.prepare(user)
    phone.events.clear()
    placed = asyncio.create_task(phone.place(call, invite))
    await until(lambda: "provisional 180" in phone.events, 40)
    assert call.outgoing is not None
    await phone.endpoint.cancel(call.outgoing)
    await placed
    return invite.call_id


def test_an_answered_call_is_recorded_with_both_directions_and_who_hung_up(place: Office) -> None:
    async def scene() -> Record:
        async with place.phone("tls") as phone:
            await phone.register()
            call, invite = await phone.prepare("600")
            await phone.place(call, invite)
            await hears(call, HQ_TONE_HZ)
            assert (await record_of(place, invite.call_id, "answered"))["answer"]
            assert await call.bye() == 200
            return await record_of(place, invite.call_id)

    found = asyncio.run(scene())
    assert (found["direction"], found["pbx"], found["caller"], found["callee"]) == ("in", "hq", "alice", "600")
    assert (found["sip_code"], found["q850"], found["hung_up"], found["codecs"]) == (200, 16, "caller", ["PCMU"])
    assert (found["transport"], found["callee_address"]) == ("tls", HQ)
    assert min(found["from_caller"]["packets"], found["from_callee"]["packets"]) >= 40
    assert (found["encryption_caller"], found["encryption_callee"]) == ("none", "none")
    assert 0 < found["billable_s"] <= found["duration_s"]
    lines = [json.loads(line) for line in (place.folder / "cdr.jsonl").read_text().splitlines()]
    assert [line["call_id"] for line in lines].count(found["call_id"]) == 1


def test_bodies_that_are_missing_or_as_long_as_those_of_browsers_are_recorded_without_a_complaint(
    place: Office,
) -> None:
    padding = b"".join(b"a=x-padding:%03d-%s\r\n" % (number, b"x" * 80) for number in range(90))

    async def scene() -> list[Record]:
        async with place.phone("tls") as phone:
            await phone.register()
            late, offerless = await phone.prepare("600", late_offer=True)
            await phone.place(late, offerless)
            assert await late.bye() == 200
            talking, invite = await phone.prepare("600")
            await phone.place(talking, replace(invite, body=invite.body + padding))
            assert await talking.bye() == 200
            return [await record_of(place, one.call_id) for one in (offerless, invite)]

    late, long = asyncio.run(scene())
    assert (late["sip_code"], late["answer"] is None) == (200, False)
    assert (long["sip_code"], long["codecs"]) == (200, ["PCMU"])
    assert "substr" not in place.edge.text()
    assert "buffer overflow" not in place.edge.text()


def test_attempts_that_nobody_answered_are_recorded_with_their_reason(place: Office) -> None:
    async def scene() -> list[Record]:
        async with place.phone() as phone:
            await phone.register()
            ids = [await dialled(phone, "nobody"), await cancelled(phone, "603")]
            return [await record_of(place, one) for one in ids]

    unknown, given_up = asyncio.run(scene())
    assert (unknown["sip_code"], unknown["q850"], unknown["hung_up"], unknown["answer"]) == (404, 1, "callee", None)
    assert (given_up["sip_code"], given_up["hung_up"], given_up["reason"]) == (487, "caller", "cancelled")


def test_a_call_to_a_phone_is_a_record_of_its_own_and_hostile_text_is_shown_as_text(place: Office) -> None:
    async def scene() -> list[Record]:
        evil = place.phone(user="bob")
        evil.line = replace(evil.line, headers=(("User-Agent", "<script>\x1b[2J'; DROP TABLE cdr"),))
        async with place.phone() as alice, evil as bob:
            await alice.register()
            await bob.register()
            call = await bob.prepare("alice")
            await bob.place(*call)
            assert await call[0].bye() == 200
            for _ in range(50):
                found = await records(place, "--number", "alice", "--since", "1h", "--direction", "out")
                if found and found[0]["state"] == "ended":
                    return [found[0], await record_of(place, call[1].call_id)]
                await asyncio.sleep(0.1)
            pytest.fail("no record of the second leg")

    out, into = asyncio.run(scene())
    assert (out["pbx"], out["hung_up"], out["sip_code"]) == ("hq", "caller", 200)
    assert out["call_id"] != into["call_id"]
    assert into["user_agent"] == "<script>?[2J'; DROP TABLE cdr"
    table = place.edge.command("cdr", "--number", "bob").out
    assert "\x1b" not in table
    assert EDGE_PUBLIC not in table


def test_nothing_is_lost_when_kamailio_is_killed_and_when_the_edge_itself_is(place: Office) -> None:
    async def scene() -> tuple[Record, Record, str]:
        async with place.phone() as phone:
            await phone.register()
            talking, invite = await phone.prepare("600")
            await phone.place(talking, invite)
            ringing, second = await phone.prepare("603")
            phone.events.clear()
            placed = asyncio.create_task(phone.place(ringing, second))
            await until(lambda: "provisional 180" in phone.events, 40)
            await record_of(place, second.call_id, "open")
            os.kill(await place.pid("kamailio"), signal.SIGKILL)
            lost = await record_of(place, second.call_id)
            placed.cancel()
            await place.until_log("engine_returned unit=kamailio")
            assert await talking.bye() == 200
            kept = await record_of(place, invite.call_id)
            last, third = await phone.prepare("600")
            await phone.place(last, third)
            await record_of(place, third.call_id, "answered")
            return lost, kept, third.call_id

    lost, kept, third = asyncio.run(scene())
    assert (lost["reason"], lost["hung_up"], lost["answer"]) == ("kamailio-restarted", "edge", None)
    assert (kept["reason"], kept["hung_up"], kept["sip_code"]) == ("", "caller", 200)
    os.kill(place.edge.pid, signal.SIGKILL)
    place.edge.stop()
    place.edge.start()
    left = asyncio.run(record_of(place, third))
    assert (left["reason"], left["hung_up"], left["sip_code"]) == ("edge-restarted", "edge", 200)
