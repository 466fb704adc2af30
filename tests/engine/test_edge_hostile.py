"""A PBX that is silent, and strangers that send what no phone sends: the edge lives, and the next call works."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.topologies import EDGE_PUBLIC
from tests.engine.attackers import STRANGER
from tests.engine.office import HQ, HQ_TONE_HZ, MARKS, PORTS, Office, a_call_works, config, hears, office
from tests.engine.supervise_bench import members

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

#: 80 bytes for each message: a leak of the smallest of their headers is above that.
GROWTH_LIMIT_BYTES = 240_000
#: Of all processes together; each has pages that it touches for the first time.
RESIDENT_LIMIT_KIB = 4096
HOSTILE_MESSAGES = 3000
#: Until Kamailio has forgotten the last of the transactions (`wt_timer`).
SETTLE_S = 17
HALF_OPEN = 100
#: Handshakes at once, and how often.
CROWD, WAVES = 64, 60


def head(method: str = "INVITE", *, number: int = 1, uri: str = "sip:600@example.com", length: int = 0) -> str:
    """A request's lines up to Content-Length."""
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.99:5060;branch=z9hG4bK{number};rport\r\n"
        f"From: <sip:mallory@example.com>;tag={number}\r\nTo: <{uri}>\r\nCall-ID: hostile-{number}\r\n"
        f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:mallory@203.0.113.99>\r\nContent-Length: {length}\r\n"
    )


def large(total_bytes: int, transport: str) -> bytes:
    """A good INVITE that one header makes exactly so long."""
    text = head().replace("SIP/2.0/UDP", f"SIP/2.0/{transport.upper()}")
    padding = total_bytes - len(text) - len("X-Padding: \r\n\r\n")
    return f"{text}X-Padding: {'x' * padding}\r\n\r\n".encode()


def nothing_was_restarted(place: Office) -> None:
    assert [engine["restarts"] for engine in place.edge.status()["engines"]] == [0, 0]


def test_a_pbx_that_accepts_and_never_answers_costs_callers_no_time_once_it_was_noticed() -> None:
    async def scene(place: Office) -> float:
        place.pbx.command(deaf=True)
        await asyncio.to_thread(place.edge.wait_for_node, HQ, "down")
        async with place.phone() as phone:
            began = time.monotonic()
            call = await phone.dial("600")
            took_s = time.monotonic() - began
            assert call.ended_by == "503"
        status = await place.ask("status")
        assert status.code == 1
        assert "PBX hq: all of 1 nodes down" in status.out
        place.pbx.command(deaf=False)
        await asyncio.to_thread(place.edge.wait_for_node, HQ, "up")
        await a_call_works(place)
        return took_s

    with office() as place:
        # Without what was noticed it would be 10 s.
        assert asyncio.run(scene(place)) < 6


def test_a_pbx_that_falls_silent_is_answered_for_before_the_health_check_knows() -> None:
    async def scene(place: Office) -> None:
        async with place.phone() as phone:
            assert (await phone.register()).code == 200
            place.pbx.command(deaf=True)
            # There is no other node to go to, so this one gets 10 s.
            assert (await phone.dial("600", timeout_s=14)).ended_by == "408"
            began = time.monotonic()
            assert (await phone.dial("600")).ended_by == "503"
            assert time.monotonic() - began < 6

    with office() as place:
        asyncio.run(scene(place))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("size", [60_000, 65_507, 70_000, 300_000])
def test_a_message_of_any_size_leaves_the_edge_alive(transport: str, size: int) -> None:
    if transport == "udp" and size > 65_507:
        pytest.skip("no datagram is longer (RFC 768)")
    with office() as place:
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        with place.net.socket("stranger", kind=kind) as stranger:
            stranger.settimeout(5)
            stranger.connect((EDGE_PUBLIC, PORTS[transport]))
            with contextlib.suppress(OSError):  # the edge may close while we still write
                stranger.sendall(large(size, transport))
                stranger.recv(65536)
        asyncio.run(a_call_works(place))
        nothing_was_restarted(place)


@contextlib.contextmanager
def connected(place: Office, port: int, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            one = stack.enter_context(place.net.socket("stranger", kind=socket.SOCK_STREAM))
            one.settimeout(5)
            one.connect((EDGE_PUBLIC, port))
            made.append(one)
        yield made


def client_hello() -> bytes:
    """The first flight of a real handshake."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="example.com")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_handshakes_that_are_cut_off_and_connections_that_stay_silent_stop_nobody() -> None:
    hello = client_hello()
    cuts = [hello[:size] for size in (0, 1, 3, 5, 6, len(hello) // 2, len(hello) - 1, len(hello))]

    async def tls_call(place: Office) -> None:
        async with place.phone("tls") as phone:
            assert (await phone.register()).code == 200
            call = await phone.dial("600")
            await hears(call, HQ_TONE_HZ, 0.5)
            assert await call.bye() == 200

    with (
        office() as place,
        connected(place, PORTS["tls"], HALF_OPEN) as silent,
        connected(place, PORTS["tcp"], HALF_OPEN) as slow,
    ):
        for number, one in enumerate(silent):
            one.sendall(cuts[number % len(cuts)])
        for one in silent[: HALF_OPEN // 2]:
            # Half of them end with a reset, the others stay.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.close()
        for one in slow:
            one.sendall(head(length=1000).encode()[:200])
        asyncio.run(tls_call(place))
        asyncio.run(a_call_works(place))
        nothing_was_restarted(place)


def hostile(number: int, chance: random.Random) -> bytes:
    """One of the kinds of messages that scanners and broken devices send."""
    kinds = (
        lambda: chance.randbytes(chance.randrange(1, 1400)),
        lambda: head(number=number, uri=f"sip:00{number}@203.0.113.45").encode() + b"\r\n",
        lambda: head("REGISTER", number=number, uri="sip:nowhere.example").encode() + b"\r\n",
        lambda: head(number=number, length=99999).encode() + b"\r\nv=0\r\n",
        lambda: head("OPTIONS", number=number).replace("Max-Forwards: 70", "Max-Forwards: 0").encode() + b"\r\n",
        lambda: head(number=number).replace("Call-ID", "Call-\x00ID").encode() + b"\r\n",
        lambda: head(number=number).replace("From: ", 'From: "' + "\\" * 500).encode() + b"\r\n",
        lambda: (head(number=number) + "Via: x\r\n" * 200).encode() + b"\r\n",
        lambda: b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.45;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n",
        lambda: b"\r\n\r\n",
    )
    return kinds[number % len(kinds)]()


def shared_bytes(place: Office) -> int:
    """Of Kamailio's shared memory, what is in use."""
    lines = place.edge.kamailio("core.shmmem").out.splitlines()
    return next(int(line.split(":")[1]) for line in lines if "used:" in line and "real" not in line)


def resident_kib(place: Office, engine: str) -> int:
    """Of all processes of an engine together, without what they share."""
    total = 0
    for pid in members(place.edge.engine(engine)["pid"]):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1])
    return total


def throw(place: Office, first: int, count: int) -> None:
    """Hostile messages at every port that is open for the world, UDP and TCP."""
    chance = random.Random(first)  # noqa: S311 - the same every time
    with place.net.socket("stranger") as udp, place.net.socket("stranger") as media:
        for number in range(first, first + count):
            message = hostile(number, chance)
            udp.sendto(message, (EDGE_PUBLIC, PORTS["udp"]))
            media.sendto(message[:1400], (EDGE_PUBLIC, 10000 + number % 200))
            if number % 20 == 0:
                time.sleep(0.02)
            if number % 50 == 0:
                for port in (PORTS["tcp"], PORTS["tls"]):
                    with connected(place, port, 1) as (one,), contextlib.suppress(OSError):
                        one.sendall(message)


def test_garbage_on_every_port_costs_no_memory_and_the_next_call_works() -> None:
    # What comes over TCP is proven to be the stranger's, who would be banned before all of it is thrown.
    with office(config(guard={"whitelist": [STRANGER]})) as place:
        asyncio.run(a_call_works(place))
        throw(place, 0, HOSTILE_MESSAGES // 3)  # buffers and tables get their size
        asyncio.run(a_call_works(place))
        time.sleep(SETTLE_S)
        shared, resident = shared_bytes(place), {name: resident_kib(place, name) for name in ("kamailio", "rtpengine")}
        throw(place, HOSTILE_MESSAGES, HOSTILE_MESSAGES)
        asyncio.run(a_call_works(place))
        time.sleep(SETTLE_S)
        nothing_was_restarted(place)
        grown = {name: resident_kib(place, name) - before for name, before in resident.items()}
        assert shared_bytes(place) - shared < GROWTH_LIMIT_BYTES
        assert max(grown.values()) < RESIDENT_LIMIT_KIB
        assert place.edge.log.stat().st_size < 2_000_000, "a flood makes few lines"


def client(*, trusting: bool) -> ssl.SSLContext:
    """A client that trusts everybody, or nobody: that one ends the handshake with an alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusting:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def shake_hands(place: Office, context: ssl.SSLContext) -> bool:
    """One TLS handshake as `context` has it; False when it ended otherwise."""
    sock = place.net.socket("stranger", kind=socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        async with asyncio.timeout(60):
            await asyncio.get_running_loop().sock_connect(sock, (EDGE_PUBLIC, PORTS["tls"]))
            _, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname="example.com")
            writer.transport.abort()
    except ssl.SSLCertVerificationError:
        return context.verify_mode is ssl.CERT_REQUIRED
    except OSError:
        sock.close()
        return False
    return context.verify_mode is ssl.CERT_NONE


def test_thousands_of_handshakes_at_once_crash_no_worker() -> None:
    clients = [client(trusting=True), client(trusting=False)] * (CROWD // 2)

    async def waves(place: Office) -> None:
        for _ in range(WAVES):
            assert all(await asyncio.gather(*(shake_hands(place, context) for context in clients)))

    with office() as place:
        asyncio.run(waves(place))
        nothing_was_restarted(place)
