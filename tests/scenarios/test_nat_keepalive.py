"""NAT routers that forget quickly: the edge keeps their mappings open, so that calls still arrive."""

from __future__ import annotations

import asyncio
import copy
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.demo.stage import BRANCH, EDGE_NAME, PORTS, Setting, Stage, stage
from lab.topologies import BEHIND_NAT, DMZ
from tests.scenarios.scene import Party, phone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lab.peers.phone import Phone

PBX = "pbx-branch"
KEEPALIVE_S = 5
#: How long the NAT routers remember UDP; Linux looks at its timers lazily, but never uses an old entry.
NAT_FORGETS_S = 10
#: Long enough that without keepalives the mapping is gone.
LATER_S = 17
#: With an edge that is away for a moment, on a machine that has much else to do.
NAT_FORGETS_LATE_S = 30


def forgets(office: Stage, router: str, after_s: int = NAT_FORGETS_S) -> None:
    """From the next packet of a mapping on."""
    names = ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream")
    done = office.net.run(router, ["sysctl", "-qw", *(f"net.netfilter.{name}={after_s}" for name in names)])
    assert done.code == 0, done.err


def settings(topology: Any, keepalive_s: int) -> Setting:
    listen = {"sip": {**PORTS, "keepalive_seconds": keepalive_s}}
    return Setting(topology, more={"listen": listen})


@pytest.fixture(scope="module", params=[BEHIND_NAT, DMZ], ids=lambda topology: str(topology.name))
def office(request: pytest.FixtureRequest, folders: Callable[[], Path]) -> Iterator[Stage]:
    with stage(settings(request.param, KEEPALIVE_S), folders()) as made:
        for router in ("router-home", "router-hotel"):
            forgets(made, router)
        yield made


async def is_reached(office: Stage, opened: Phone, timeout_s: float = 6) -> bool:
    """The PBX calls; whether the phone hears of it."""
    office.pbxs[PBX].command(call=opened.line.user, talk_s=0.2)
    try:
        async with asyncio.timeout(timeout_s):
            call = await opened.incoming.get()
            await call.ended.wait()
    except TimeoutError:
        return False
    return True


async def reached_later(office: Stage, host: str, user: str) -> tuple[bool, list[str]]:
    async with phone(office, Party(host, "udp", user)) as opened:
        assert (await opened.register()).code == 200
        await asyncio.sleep(LATER_S)
        return await is_reached(office, opened), opened.witness.violations


def test_a_call_still_arrives_after_the_nat_would_have_forgotten(office: Stage) -> None:
    async def play() -> list[tuple[bool, list[str]]]:
        jobs = [reached_later(office, host, f"kept-{host}") for host in ("phone-home", "phone-hotel")]
        return await asyncio.gather(*jobs)

    assert asyncio.run(play()) == [(True, []), (True, [])]


def test_flows_are_kept_over_a_restart_and_registrations_stay_listed(office: Stage) -> None:
    async def play() -> tuple[bool, Any]:
        async with phone(office, Party("phone-home", "udp", "stays")) as opened:
            forgets(office, "router-home", NAT_FORGETS_LATE_S)
            assert (await opened.register()).code == 200
            await asyncio.to_thread(office.edge.stop)
            await asyncio.to_thread(office.edge.start)
            await asyncio.sleep(LATER_S + NAT_FORGETS_LATE_S - NAT_FORGETS_S)
            text = (await asyncio.to_thread(office.edge.command, "registrations", "--json")).out
            return await is_reached(office, opened), [one["aor"] for one in json.loads(text)["registrations"]]

    try:
        reached, users = asyncio.run(play())
    finally:
        forgets(office, "router-home")
    assert reached
    assert f"stays@{BRANCH}" in users


def test_after_a_restart_a_phone_is_asked_at_once_and_not_in_its_turn(office: Stage) -> None:
    config = yaml.safe_load(office.edge.file.read_text())
    seldom = copy.deepcopy(config)
    seldom["listen"]["sip"]["keepalive_seconds"] = 300

    async def play() -> bool:
        async with phone(office, Party("phone-home", "udp", "asked")) as opened:
            forgets(office, "router-home", NAT_FORGETS_LATE_S)
            assert (await opened.register()).code == 200
            await asyncio.to_thread(office.edge.stop)
            await asyncio.to_thread(office.edge.start)
            for _ in range(200):
                if any(event.startswith("options") for event in opened.events):
                    return True
                await asyncio.sleep(0.1)
            return False

    assert office.edge.apply(seldom).code == 0
    try:
        assert asyncio.run(play())
    finally:
        forgets(office, "router-home")
        assert office.edge.apply(config).code == 0


def test_without_keepalives_the_call_does_not_arrive(office: Stage) -> None:
    config = yaml.safe_load(office.edge.file.read_text())
    off = copy.deepcopy(config)
    off["listen"]["sip"]["keepalive_seconds"] = 0
    pid = office.edge.engine("kamailio")["pid"]
    assert office.edge.apply(off).code == 0
    try:
        # It is policy alone: Kamailio runs on.
        assert office.edge.engine("kamailio")["pid"] == pid
        assert asyncio.run(reached_later(office, "phone-home", "forgotten"))[0] is False
    finally:
        assert office.edge.apply(config).code == 0


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_phones_ping_on_a_connection_is_answered(office: Stage, transport: str) -> None:
    # RFC 5626 section 4.4.1: CRLF CRLF is answered with CRLF.
    hop = office.way("phone-home", transport)
    raw = office.net.socket("phone-home", kind=socket.SOCK_STREAM)
    raw.settimeout(10)
    raw.connect((hop.host, hop.port))
    if transport == "tls":
        context = ssl.create_default_context(cafile=str(office.ca))
        raw = context.wrap_socket(raw, server_hostname=EDGE_NAME)
    with raw:
        for _ in range(3):
            raw.sendall(b"\r\n\r\n")
            assert raw.recv(100) == b"\r\n"


def test_connections_of_phones_are_probed_by_the_kernel_within_a_minute(office: Stage) -> None:
    async def play() -> str:
        async with phone(office, Party("phone-home", "tcp", "probed")) as opened:
            assert (await opened.register()).code == 200
            return office.net.run("edge", ["ss", "-Htno", "state", "established", "sport", "=", ":5060"]).out

    timers = [line for line in asyncio.run(play()).splitlines() if "203.0.113.77" in line]
    assert timers
    assert all("timer:(keepalive," in line and "min" not in line for line in timers), timers
