"""SIP over WebSocket: every client has its real address and nobody else's, forged or not; a gone client stays gone."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Any

import pytest

from lab.peers.websocket import Kind, frame, new_key, upgrade
from lab.topologies import EDGE_PUBLIC
from tests.engine.office import HQ_TONE_HZ, MARKS, PORTS, Office, config, hears, office, until
from tests.engine.websocket_probe import LISTEN, Raw, asked, head, tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.peers.phone import Phone
    from lab.peers.webflow import WebFlow

pytestmark = MARKS

HOME = "203.0.113.77"
FORGED = "198.51.100.66"
V1 = f"PROXY TCP4 {FORGED} {EDGE_PUBLIC} 4444 443\r\n".encode()
V2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
    + struct.pack("!H", 12)
    + socket.inet_aton(FORGED)
    + socket.inet_aton(EDGE_PUBLIC)
    + struct.pack("!HH", 4444, 443)
)
EDGE_CLIENT = f"X-Edge-Client: [{FORGED}]:4444"
FORGERIES = {
    "the header": (EDGE_CLIENT,),
    "the header twice": (EDGE_CLIENT, f"x-edge-client: [{FORGED}]:4445"),
    "a list": (f"{EDGE_CLIENT}, [{FORGED}]:4445",),
    "with the scheme": (EDGE_CLIENT, "X-Edge-Scheme: http", "X-Edge-Key: 0123456789abcdef0123456789abcdef"),
    "a folded line": ("X-A: b", f" {EDGE_CLIENT}"),
    "an underscore": (EDGE_CLIENT.replace("-", "_"),),
    "named as hop-by-hop": ("Connection: Upgrade, X-Edge-Client",),
    "what other proxies write": (f"X-Forwarded-For: {FORGED}", f"Forwarded: for={FORGED}", f"X-Real-IP: {FORGED}"),
    "a Via of HTTP": (f"Via: SIP/2.0/WS {FORGED}:4444;received={FORGED}",),
}


@pytest.fixture(scope="module")
def place() -> Iterator[Office]:
    with office(config(listen=LISTEN)) as made:
        yield made


def nobody_forged(place: Office) -> None:
    """No message reached the PBX under the forged address, in whatever header."""
    assert FORGED not in place.pbx.journal.read_text()


@pytest.mark.parametrize("transport", ["wss", "ws"])
def test_a_phone_on_a_websocket_registers_under_its_real_address_and_calls(place: Office, transport: str) -> None:
    async def scene() -> None:
        async with place.phone(transport, user=f"known-{transport}") as phone:
            assert (await phone.register()).code == 200
            (path,) = place.pbx.wait("registered", user=f"known-{transport}")["path"]
            assert f"received=sip:{HOME}:{port_of(phone)}%3Btransport=ws" in path.replace("%3D", "="), path
            call = await phone.dial("600")
            await hears(call, HQ_TONE_HZ, 0.5)
            assert await call.bye() == 200
            assert phone.witness.violations == []

    asyncio.run(scene())


def port_of(phone: Phone) -> int:
    """Its own port; the router at home keeps it."""
    return int(web(phone).seen_as.rpartition(":")[2])


def web(phone: Phone) -> WebFlow:
    flow: Any = phone._flow
    made: WebFlow = flow
    return made


@pytest.mark.parametrize("transport", ["wss", "ws"])
@pytest.mark.parametrize("trick", FORGERIES)
def test_no_header_of_a_client_changes_who_it_is(place: Office, transport: str, trick: str) -> None:
    user = f"{transport}{abs(hash(trick))}"
    with Raw(place, PORTS[transport], tls=transport == "wss") as raw:
        answer = raw.say(asked(more=FORGERIES[trick]))
        if answer.startswith(b"HTTP/1.1 101"):
            assert b"200 OK" in raw.say(frame(Kind.TEXT, head("REGISTER", user)))
            (path,) = place.pbx.wait("registered", user=user)["path"]
            assert f"received=sip:{HOME}:" in path
        else:
            assert answer.startswith(b"HTTP/1.1 40")
    nobody_forged(place)


@pytest.mark.parametrize("before", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize(("transport", "tls"), [("tcp", False), ("tls", True), ("wss", True), ("ws", False)])
def test_no_listener_believes_a_proxy_header(place: Office, transport: str, tls: bool, before: bytes) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        with Raw(place, PORTS[transport], tls=tls, before=before) as raw:
            raw.say(head("REGISTER", f"proxy-{transport}") if transport in ("tcp", "tls") else asked())
        with Raw(place, PORTS[transport], tls=tls) as raw:
            raw.say(before + (head("REGISTER", f"inner-{transport}") if transport in ("tcp", "tls") else asked()))
    nobody_forged(place)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_listener_of_sip_closes_on_http(place: Office, transport: str) -> None:
    with Raw(place, PORTS[transport], tls=transport == "tls") as raw:
        assert raw.say(asked(more=(EDGE_CLIENT,))) == b""
        assert raw.ends()
    nobody_forged(place)


def test_a_program_on_the_edge_itself_cannot_speak_for_a_client(place: Office) -> None:
    with Raw(place, 2225, tls=False, host="edge") as raw:
        assert raw.say(asked(more=(EDGE_CLIENT,))).startswith(b"HTTP/1.1 403")
        assert raw.ends()
    with Raw(place, 2225, tls=False, host="edge") as raw:
        assert raw.say(head("REGISTER", "smuggler")) == b""
    assert not place.pbx.events("registered", user="smuggler")
    nobody_forged(place)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(asked("https://evil.example"), id="another page"),
        pytest.param(asked("https://example.com.evil.example"), id="a page that looks like it"),
        pytest.param(asked("http://example.com"), id="a page without TLS"),
        pytest.param(asked("null"), id="no page to name"),
        pytest.param(upgrade("example.com", new_key()), id="no origin"),
        pytest.param(asked(path="/"), id="another path"),
        pytest.param(asked(path="/ws/"), id="nearly the path"),
        pytest.param(asked(path="/%77s"), id="the path in disguise"),
        pytest.param(asked(protocol="chat"), id="another protocol"),
        pytest.param(asked(protocol=""), id="no protocol"),
        pytest.param(asked(more=("Content-Length: 4",)) + b"sip:", id="a body"),
        pytest.param(asked().replace(b"GET ", b"POST "), id="another method"),
        pytest.param(b"GET /ws HTTP/1.1\r\nHost: example.com\r\n\r\n", id="no upgrade"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", id="a browser that looks for a page"),
        pytest.param(asked().replace(b"Version: 13", b"Version: 12"), id="an old version"),
    ],
)
def test_what_is_no_browser_of_ours_is_refused_shortly_and_closed(place: Office, request_: bytes) -> None:
    with Raw(place, PORTS["wss"], tls=True) as raw:
        answer = raw.say(request_)
        assert re.match(rb"HTTP/1\.1 4\d\d ", answer), answer
        assert len(answer) < 400
        assert not re.search(rb"(?i)kamailio|haproxy|127\.|192\.168\.", answer)
        assert raw.ends()


def test_a_body_that_never_comes_is_refused_at_once_and_not_awaited_for_ever(place: Office) -> None:
    with Raw(place, PORTS["wss"], tls=True) as raw:
        assert raw.say(asked(more=("Transfer-Encoding: chunked",))).startswith(b"HTTP/1.1 400")
        # HAProxy 3.0 waits for the rest, as long as for any silent client.
        assert raw.ends(patience_s=30)


@pytest.mark.parametrize("origin", ["https://example.com", "https://EXAMPLE.com:8443", "https://edge.example.com"])
def test_pages_of_a_pbx_and_of_the_edge_may_connect(place: Office, origin: str) -> None:
    with Raw(place, PORTS["wss"], tls=True) as raw:
        assert raw.say(asked(origin)).startswith(b"HTTP/1.1 101")


def test_every_way_to_end_a_connection_leaves_nothing_behind(place: Office) -> None:
    def once(ending: bytes, *, reset: bool = False) -> None:
        with Raw(place, PORTS["wss"], tls=True) as raw:
            assert raw.say(asked()).startswith(b"HTTP/1.1 101")
            if ending:
                raw.sock.sendall(ending)
            if reset:
                raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    for _ in range(5):
        once(frame(Kind.CLOSE, b"\x03\xe8"))
        once(b"")
        once(b"", reset=True)
        once(frame(Kind.TEXT, head("OPTIONS", "half"))[:20])
        once(b"\x81\x05abcde")
        with Raw(place, PORTS["wss"], tls=True) as raw:
            raw.say(asked().replace(b"Version: 13", b"Version: 12"))
    asyncio.run(until(lambda: tables(place) == (0, 0), 30))


def test_a_call_for_a_browser_that_is_gone_is_answered_430_and_reaches_nobody_else(place: Office) -> None:
    async def scene() -> None:
        async with place.phone("wss", user="leaver") as phone:
            assert (await phone.register()).code == 200
            place.pbx.command(call="leaver")
            # The strict phone speaks no DTLS, which is what a browser is offered.
            assert (await asyncio.to_thread(place.pbx.wait, "dialled", user="leaver"))["code"] == 488
            web(phone).abort()
            await until(lambda: tables(place) == (0, 0), 20)
        async with place.phone("wss", user="another") as other:
            place.pbx.command(call="leaver")
            assert (await asyncio.to_thread(place.pbx.wait, "dialled", 20, 1, user="leaver"))["code"] == 430
            assert other.events == []

    asyncio.run(scene())


def test_the_edge_itself_can_hang_up_on_a_browser(place: Office) -> None:
    def media_stopped(call_id: str) -> bytes:
        body = (
            '<?xml version="1.0"?><methodCall><methodName>teardown</methodName><params><param><value><string>'
            f"{call_id}</string></value></param></params></methodCall>"
        ).encode()
        with place.net.socket("edge", socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.settimeout(10)
            sock.connect(("127.0.0.1", 2224))
            sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            return sock.recv(4096)

    async def scene() -> None:
        async with place.phone("wss", user="dropped") as phone:
            assert (await phone.register()).code == 200
            call = await phone.dial("600")
            await hears(call, HQ_TONE_HZ, 0.5)
            assert call.dialog is not None
            await asyncio.to_thread(media_stopped, call.dialog.call_id)
            await until(call.ended.is_set, 40)
            assert call.ended_by == "them"
            heard = await asyncio.to_thread(place.pbx.wait, "heard", 10, user="dropped")
            assert heard["ended_by"] == "them"
            assert phone.witness.violations == []

    asyncio.run(scene())
