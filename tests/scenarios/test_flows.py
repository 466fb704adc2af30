"""Flows of registered phones: who is listed, what a forged header is worth, what keeps a NAT open, what 430 is for."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo.stage import BRANCH, TONES_HZ, Setting, Stage, stage
from lab.peers.agent import Script
from lab.topologies import BEHIND_NAT, DMZ
from tests.scenarios.scene import Party, alone, at_once, check_clean, check_hears, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PBX = "pbx-branch"
TRANSPORTS = ("udp", "tcp", "tls")
HOSTS = ("phone-home", "phone-hotel", "phone-six", "phone-lan")
NATS = {"phone-home": "203.0.113.77", "phone-hotel": "203.0.113.88"}
FORGED = (("X-Forwarded-For", "192.0.2.66"), ("x-forwarded-for", "192.0.2.67, 192.0.2.68"))


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Stage]:
    with stage(Setting(request.param), folders()) as made:
        yield made


def source(office: Stage, host: str) -> str:
    """The address that a phone's packets come from, as the edge sees it."""
    if host == "phone-six":
        return office.net.host(host).ipv6()
    return NATS.get(host) or office.net.host(host).ipv4()


def listed(office: Stage, user: str) -> list[dict[str, Any]]:
    """What `voxgate registrations --json` says of a user."""
    done = office.edge.command("registrations", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)["registrations"]
    return [one for one in found if one["aor"] == f"{user}@{BRANCH}"]


async def until_listed(office: Stage, user: str, count: int, timeout_s: float = 30) -> list[dict[str, Any]]:
    end_s = time.monotonic() + timeout_s
    while True:
        found = await asyncio.to_thread(listed, office, user)
        if len(found) == count:
            return found
        assert time.monotonic() < end_s, found
        await asyncio.sleep(0.2)


def connections(office: Stage, address: str) -> set[str]:
    """Where at that address the edge's TCP connections lead: some of earlier phones may still end."""
    peers = {line.split()[4] for line in office.net.run("edge", ["ss", "-Htn"]).out.splitlines()}
    return {peer for peer in peers if peer.startswith(f"{address}:")}


async def until_closed(office: Stage, address: str, others: set[str], timeout_s: float = 60) -> None:
    """Until the edge has no connection with that address any more but `others`."""
    end_s = time.monotonic() + timeout_s
    while stays := connections(office, address) - others:
        assert time.monotonic() < end_s, stays
        await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def forgers(office: Stage) -> dict[Any, Any]:
    """Phones that lie about where they are, over every transport from everywhere."""
    parties = {
        (host, way): Party(host, way, f"forger-{host}-{way}", setup={"headers": FORGED})
        for host in HOSTS
        for way in TRANSPORTS
    }
    jobs = {key: alone(office, party, Script("600", talk_s=2)) for key, party in parties.items()}
    return asyncio.run(at_once(jobs))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_pbx_is_told_the_true_source_of_a_registration_and_a_call(
    office: Stage, forgers: dict[Any, Any], host: str, transport: str
) -> None:
    check_clean(forgers[host, transport])
    check_hears(office, host, forgers[host, transport], TONES_HZ[PBX], 1.0)
    user = f"forger-{host}-{transport}"
    registered = office.pbxs[PBX].wait("registered", user=user)
    facts: dict[str, Any] = {"from": user}
    invite = office.pbxs[PBX].wait("invite", **facts)
    assert registered["forwarded_for"] == invite["forwarded_for"] == [source(office, host)]
    # Inside the dialog nothing is told, and nothing that was forged comes through.
    assert {tuple(one["forwarded_for"]) for one in office.pbxs[PBX].events("in dialog", user=user)} == {()}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("forgers")
def test_a_registration_is_listed_with_all_that_the_edge_knows_of_it(office: Stage, host: str, transport: str) -> None:
    (one,) = listed(office, f"forger-{host}-{transport}")
    assert (one["pbx"], one["address"], one["transport"]) == ("branch", source(office, host), transport)
    assert one["contact"].startswith(f"sip:forger-{host}-{transport}@")
    assert one["since"] < one["until"]


def test_the_table_names_the_user_and_the_address(office: Stage) -> None:
    async def play() -> str:
        party = Party("phone-home", "tcp", "shown", setup={"headers": (("User-Agent", "Desk\x1b[31mPhone (7) é"),)})
        async with phone(office, party) as opened:
            assert (await opened.register()).code == 200
            await until_listed(office, "shown", 1)
            return (await asyncio.to_thread(office.edge.command, "registrations")).out

    line = next(line for line in asyncio.run(play()).splitlines() if line.startswith("shown@"))
    assert NATS["phone-home"] in line
    assert line.endswith("Desk?[31mPhone (7) ?")


def test_a_registration_ends_with_the_phones_word_and_with_its_time(office: Stage) -> None:
    async def play() -> None:
        async with phone(office, Party("phone-home", "udp", "leaves")) as opened:
            assert (await opened.register()).code == 200
            await until_listed(office, "leaves", 1)
            assert (await opened.register(expires_s=0)).code == 200
            await until_listed(office, "leaves", 0)
            assert (await opened.register()).code == 200
            await until_listed(office, "leaves", 1)
            assert (await opened.register(expires_s=0, contact="*")).code == 200
            await until_listed(office, "leaves", 0)
            # The PBX gives no less than ten seconds.
            assert (await opened.register(expires_s=1)).code == 200
            await until_listed(office, "leaves", 1)
            await until_listed(office, "leaves", 0, timeout_s=20)

    asyncio.run(play())


def test_a_refused_registration_is_not_listed(office: Stage) -> None:
    office.pbxs[PBX].command(refuse_registrations=True)
    try:
        report = asyncio.run(alone(office, Party("phone-home", "udp", "refused"), Script("600")))
    finally:
        office.pbxs[PBX].command(refuse_registrations=False)
    assert report["error"] == "REGISTER 403"
    assert listed(office, "refused") == []


INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-0123456789ab>"'


def flow(host: str, transport: str, user: str, reg_id: int) -> Party:
    """One of several flows of one phone (RFC 5626)."""
    more = {"contact": f";reg-id={reg_id};{INSTANCE}", "headers": (("Supported", "path, outbound"),)}
    return Party(host, transport, user, setup=more)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_call_comes_over_the_second_flow_when_the_first_is_gone(office: Stage, transport: str) -> None:
    user = f"two-flows-{transport}"
    pbx = office.pbxs[PBX]

    async def play() -> list[str]:
        async with phone(office, flow("phone-home", transport, user, 2)) as second:
            assert (await second.register()).code == 200
            others = connections(office, NATS["phone-hotel"])
            async with phone(office, flow("phone-hotel", transport, user, 1)) as first:
                answer = await first.register()
                assert (answer.code, answer.all("Require")) == (200, ("outbound",))
                both = await until_listed(office, user, 2)
                assert {one["address"] for one in both} == {NATS["phone-home"], NATS["phone-hotel"]}
            # What is sent into a connection whose end is still under way is lost, and no flow has failed.
            await until_closed(office, NATS["phone-hotel"], others)
            pbx.command(call=user, talk_s=0.5)
            async with asyncio.timeout(30):
                call = await second.incoming.get()
                await call.ended.wait()
            return second.witness.violations

    assert asyncio.run(play()) == []
    assert [one["code"] for one in pbx.events("dialled", user=user)] == [430, 200]


def test_inside_a_dialog_a_connection_that_is_gone_is_told_as_well(office: Stage) -> None:
    pbx = office.pbxs[PBX]

    async def play() -> None:
        async with phone(office, Party("phone-home", "tcp", "vanishes")) as opened:
            assert (await opened.register()).code == 200
            pbx.command(call="vanishes", talk_s=2)
            async with asyncio.timeout(10):
                await opened.incoming.get()

    asyncio.run(play())
    assert pbx.wait("bye", timeout_s=20, user="vanishes")["fact"] == "430"


def test_a_phone_without_flows_of_its_own_is_promised_none(office: Stage) -> None:
    async def play() -> None:
        async with phone(office, Party("phone-home", "tcp", "plain-flow")) as opened:
            assert (await opened.register()).all("Require") == ()

    asyncio.run(play())
    (path,) = office.pbxs[PBX].wait("registered", user="plain-flow")["path"]
    assert ";ob" not in path
