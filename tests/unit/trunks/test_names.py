"""Names are looked up as long as their answers hold; what was known stays when DNS fails."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from voxgate.config.trunknames import Lookup, Target
from voxgate.errors import HostError, PeerError
from voxgate.trunks.locating import Located
from voxgate.trunks.names import Names, read_answers
from voxgate.trunks.naming import LEAST_S, LONGEST_RETRY_S, MOST_S, RETRY_S, Name, dumps, loads

if TYPE_CHECKING:
    from pathlib import Path

LOOKUP = Lookup("sip.carrier.example", ("udp",), 5060)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)


def target(last: int) -> Target:
    return Target(ip_address(f"198.51.100.{last}"), 5060, "udp")


@pytest.mark.parametrize(("ttl_s", "after_s"), [(0, LEAST_S), (60, 60), (2**31, MOST_S)])
def test_a_ttl_holds_within_bounds(ttl_s: int, after_s: float) -> None:
    assert Name(LOOKUP).found(Located((target(1),), ttl_s), 100, NOW).next_s == 100 + after_s


def test_what_was_known_stays_when_dns_fails_and_it_is_asked_less_and_less_often() -> None:
    name = Name(LOOKUP).found(Located((target(1),), 60), 0, NOW)
    pauses = []
    for _ in range(10):
        name = name.failed("no DNS server answered in time", 0)
        assert name.targets == (target(1),)
        pauses.append(name.next_s)
    assert (pauses[:3], pauses[-1]) == ([RETRY_S, 2 * RETRY_S, 4 * RETRY_S], LONGEST_RETRY_S)
    name = name.found(Located((target(1),), 60), 0, LATER)
    assert (name.reason, name.failures, name.since) == ("", 0, NOW)
    assert name.found(Located((target(2),), 60), 0, LATER).since == LATER


def test_an_answer_without_addresses_takes_nothing_away() -> None:
    name = Name(LOOKUP, (target(1),)).found(Located((), 60), 0, NOW)
    assert (name.targets, name.reason) == ((target(1),), "the name has no address")


def test_good_answers_outlive_a_restart() -> None:
    answers = {
        LOOKUP: (target(1), Target(ip_address("2001:db8::1"), 5061, "tls", 1, 7)),
        Lookup("b.example", ("tls",), None): (target(2),),
    }
    assert loads(dumps(answers)) == answers


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b'[{"name": "a"}]', b"\xff", b'[{"name":"a","transports":1,"port":2,"targets":3}]']
)
def test_a_broken_file_of_answers_is_no_answer(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "names.json").write_bytes(data)
    assert read_answers(tmp_path / "names.json") == {}
    assert read_answers(tmp_path / "none.json") == {}


class Clock:
    """Stands until it is moved."""

    now_s = 0.0

    def wall(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.now_s


class Dns:
    """Answers A with `addresses`; without any it is silent."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.was_silent = asyncio.Event()

    async def ask(self, _name: str, kind: str) -> tuple[list[Any], int]:
        if not self.addresses:
            self.was_silent.set()
            raise PeerError("no DNS server answered in time")

        class Record:
            def __init__(self, address: str) -> None:
                self.address = address

        return ([Record(address) for address in self.addresses] if kind == "A" else []), 60


def test_an_answer_that_changed_is_told_once_and_kept(tmp_path: Path) -> None:
    clock, dns, told = Clock(), Dns("198.51.100.1"), []

    async def scene() -> None:
        changed = asyncio.Event()

        async def tell() -> None:
            told.append(read_answers(path)[LOOKUP])
            changed.set()

        path = tmp_path / "names.json"
        names = Names(path, clock, tell)
        await names.first([LOOKUP, LOOKUP], dns)
        # An apply that waited for the answer needs no second one.
        assert read_answers(path) == {LOOKUP: (target(1),)}
        names.follow([LOOKUP], dns)
        task = asyncio.create_task(names.run())
        dns.addresses, clock.now_s = ("198.51.100.2",), 100
        names.follow([LOOKUP], dns)
        await asyncio.wait_for(changed.wait(), 5)
        dns.addresses, clock.now_s = (), 300
        names.follow([LOOKUP], dns)
        await dns.was_silent.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        assert names.snapshot()[LOOKUP].reason
        assert names.snapshot()[LOOKUP].targets == (target(2),)
        task.cancel()

    asyncio.run(scene())
    assert told == [(target(2),)]


def test_a_change_that_cannot_be_applied_ends_nothing(tmp_path: Path) -> None:
    clock, dns, tried = Clock(), Dns("198.51.100.1"), []

    async def scene() -> None:
        once, again = asyncio.Event(), asyncio.Event()

        async def fail() -> None:
            tried.append(1)
            (once if len(tried) == 1 else again).set()
            raise HostError("a certificate cannot be read", "see to it")

        names = Names(tmp_path / "names.json", clock, fail)
        names.follow([LOOKUP], dns)
        task = asyncio.create_task(names.run())
        await asyncio.wait_for(once.wait(), 5)
        dns.addresses, clock.now_s = ("198.51.100.2",), 100
        names.follow([LOOKUP], dns)
        await asyncio.wait_for(again.wait(), 5)
        task.cancel()

    asyncio.run(scene())


def test_a_dns_that_never_answers_holds_no_apply_up_for_long(tmp_path: Path) -> None:
    class Silent:
        async def ask(self, _name: str, _kind: str) -> tuple[list[Any], int]:
            await asyncio.Event().wait()
            raise AssertionError

    names = Names(tmp_path / "names.json", Clock(), _nobody, first_s=0.01)
    asyncio.run(asyncio.wait_for(names.first([LOOKUP], Silent()), 5))
    assert names.snapshot() == {}


async def _nobody() -> None:
    raise AssertionError("nothing has changed")
