"""Real attackers against a running edge: shut out of everything, while everybody else notices nothing."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lab.topologies import EDGE_PUBLIC
from tests.engine.attackers import HOME, SIPVICIOUS, STRANGER, Site, forged, request, site
from tests.engine.office import MARKS
from tests.engine.waiting import until
from voxgate.daemon.guard import COUNT_AGAIN_S

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

BANNED = [f"{STRANGER}/32"]
_BEGIN = " 5(1234) ERROR: "
#: What Kamailio would write of a neighbour who comes over TCP and TLS.
FORGED_LINES = (
    f"{_BEGIN}<core> [core/receive.c:376]: receive_msg(): core parsing of SIP message failed ({HOME}:5060/2)\n"
    f"{_BEGIN}tls [tls_util.h:50]: tls_err_ret(): TLS accept:error:0A00009C:SSL routines::http request\n"
    f"{_BEGIN}tls [tls_server.c:1334]: tls_h_read_f(): src addr: {HOME}:51022\n\r\n"
).encode()


@pytest.fixture(scope="module")
def place() -> Iterator[Site]:
    with site() as made:
        yield made


@pytest.fixture(autouse=True)
def _nobody_is_banned(place: Site) -> Iterator[None]:
    yield
    for network in place.banned():
        place.edge.command("unban", network)


def test_a_password_guesser_is_banned_and_gets_silence_from_every_port(place: Site) -> None:
    place.net.resolve("stranger", {"example.com": EDGE_PUBLIC})
    assert place.connects(5060)
    place.sipvicious(
        *("svcrack", "-u", "100", "-r", "1-500", "udp://example.com:5060"), agent="Yealink SIP-T46S", timeout_s=20
    )
    assert place.banned() == BANNED
    assert not place.answered(request("OPTIONS", "edge.example.com", number=9))
    assert not place.connects(5060)
    assert not place.connects(5061)
    case = place.why(STRANGER)
    assert case["ban"]["note"].startswith("21 points within a minute, above 20: 21 auth_failure (sip)")
    assert {(one["kind"], one["user"], one["proven"]) for one in case["evidence"] if one["weight"]} == {
        ("auth_failure", "100", True)
    }
    assert place.registers()


def test_scanners_that_say_so_get_silence_from_their_first_packet(place: Site) -> None:
    assert "found nothing" in place.sipvicious("svmap", f"{EDGE_PUBLIC}/32")
    said = place.sipvicious("svwar", "-e", "100-120", EDGE_PUBLIC, timeout_s=15)
    assert "requires authentication" not in said
    evidence = place.why(STRANGER)["evidence"]
    assert {(one["kind"], one["proven"], one["weight"]) for one in evidence if one["kind"] == "scanner"} == {
        ("scanner", False, 0)
    }
    assert place.banned() == []
    assert place.pbx.events(user="100", event="register") == []


def test_whoever_asks_for_domains_over_tcp_is_banned_and_his_connection_ends(place: Site) -> None:
    with place.net.socket("stranger", kind=socket.SOCK_STREAM) as sock:
        sock.connect((EDGE_PUBLIC, 5060))
        sock.settimeout(1)
        sock.sendall(request("OPTIONS", "edge.example.com", transport="TCP"))
        assert sock.recv(65_536).startswith(b"SIP/2.0 200")
        for number in range(21):
            sock.sendall(request("REGISTER", f"guess{number}.example.net", number=number, transport="TCP"))
        until(lambda: place.banned() == BANNED)
        with suppress(ConnectionError):
            # A connection that is open still ends this by TimeoutError.
            while sock.recv(65_536):
                pass
    assert not place.connects(5060)
    assert place.registers()


def test_a_scanner_that_comes_over_tcp_is_banned_with_its_first_request(place: Site) -> None:
    # The free sipvicious speaks UDP alone; this is what it writes.
    program = (
        "import socket, sys\n"
        "from sipvicious.libs.svhelper import makeRequest\n"
        "who = '<sip:100@1.1.1.1>'\n"
        "said = makeRequest('OPTIONS', who, who, sys.argv[1], 5060, 'x', '203.0.113.99')\n"
        "sock = socket.create_connection((sys.argv[1], 5060), 3)\n"
        "sock.sendall(said.encode())\n"
        "sock.settimeout(2)\n"
        "try: print(sock.recv(100))\n"
        "except OSError: print('silence')\n"
    )
    done = place.net.run(
        "stranger", ["/usr/bin/python3", "-c", program, EDGE_PUBLIC], env={"PYTHONPATH": str(SIPVICIOUS)}
    )
    assert (done.out.strip() in {"silence", "b''"}, done.err) == (True, "")
    until(lambda: place.banned() == BANNED)
    assert place.registers()


def test_forged_datagrams_ban_nobody_whatever_they_say(place: Site) -> None:
    async def phones() -> None:
        assert (await first.register()).code == 200
        made_up = 'Authorization: Digest username="100", realm="pbx", nonce="0123456789ab", uri="sip:x", response="0"'
        attack = []
        for number in range(200):
            attack += [
                request("REGISTER", "example.com", made_up, number=number),
                request("OPTIONS", "example.com", "User-Agent: friendly-scanner", number=number),
                request("INVITE", "nobody.example.net", number=number),
                request("INVITE", "example.com", user="1' or 1=1--", number=number),
                # Kamailio writes this into its log as it is.
                b"no SIP\r\n" + FORGED_LINES,
                request("REGISTER", "example.com", number=number).replace(b"Via: ", b"Via: x\r\n" + FORGED_LINES),
            ]
        await asyncio.to_thread(forged, place.net, HOME, attack)
        assert (await first.register()).code == 200

    async def scene() -> None:
        async with first:
            await phones()

    first = place.phone()
    asyncio.run(scene())
    evidence = place.why(HOME)["evidence"]
    # Of so much, what came last is kept.
    assert evidence
    assert not any(one["weight"] for one in evidence)
    assert place.banned() == []
    assert place.registers(port=5070)


def test_an_office_behind_one_nat_keeps_its_telephony_whatever_one_phone_does(place: Site) -> None:
    async def scene() -> None:
        async with AsyncExitStack() as stack:
            phones = [
                await stack.enter_async_context(place.phone(str(1000 + number), port=20_000 + 2 * number))
                for number in range(200)
            ]
            answers = await asyncio.gather(*(phone.register() for phone in phones))
            assert {answer.code for answer in answers} == {200}
            # Another test may have had the phones counted just now.
            await asyncio.sleep(COUNT_AGAIN_S)
            wrong = await stack.enter_async_context(place.phone("100", "forgotten", port=21_000))
            for _ in range(30):
                assert (await wrong.register()).code == 401
            answers = await asyncio.gather(*(phone.register() for phone in phones))
            assert {answer.code for answer in answers} == {200}

    asyncio.run(scene())
    assert place.banned() == []
    (alert,) = place.edge.status()["guard_alerts"]
    assert (alert["network"], alert["phones"] >= 200) == (f"{HOME}/32", True)


def test_an_ipv6_attacker_with_many_addresses_is_one_requester(place: Site) -> None:
    for host in range(3):
        place.net.run("phone-six", ["ip", "address", "add", f"2001:db8:2::a{host}/64", "dev", "eth0", "nodad"])
    for number in range(21):
        with place.net.socket("phone-six", socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind((f"2001:db8:2::a{number % 3}", 0))
            sock.settimeout(2)
            sock.connect(("2001:db8:1::10", 5060))
            sock.sendall(request("REGISTER", "guess.example.net", number=number, transport="TCP"))
    until(lambda: place.banned() == ["2001:db8:2::/64"])
    with place.net.socket("phone-six", socket.AF_INET6, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        assert sock.connect_ex(("2001:db8:1::10", 5060)) != 0
    assert place.registers(port=5072)


def test_a_ban_ends_by_its_time_and_service_returns() -> None:
    with site() as place:
        assert place.edge.command("ban", HOME, "--for", "1h").code == 0
        until(lambda: not place.registers())
        place.edge.stop()
        # An hour less a few seconds have passed.
        soon = (datetime.now(UTC) + timedelta(seconds=25)).isoformat()
        with sqlite3.connect(place.folder / "state" / "guard.db") as state:
            state.execute("UPDATE bans SET until = ?", (soon,))
        state.close()
        place.edge.start()
        assert place.banned() == [f"{HOME}/32"]
        assert not place.registers()
        until(place.registers, 45)
        # The kernel and the ledger have a clock each.
        until(lambda: place.banned() == [])
