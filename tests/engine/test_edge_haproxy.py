"""HAProxy beside the other engines: what changes without closing a connection, and what it does when it is killed."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from lab.topologies import EDGE_PUBLIC
from tests.engine.office import MARKS, config, office
from tests.engine.websocket_probe import LISTEN, Raw

if TYPE_CHECKING:
    from tests.engine.office import Office

pytestmark = MARKS


async def handshake_serial(place: Office, port: int) -> int:
    """The serial number of the certificate that is shown on the port."""

    def look() -> bytes:
        with Raw(place, port, tls=True) as raw:
            assert isinstance(raw.sock, ssl.SSLSocket)
            return raw.sock.getpeercert(binary_form=True) or b""

    return hash(await asyncio.to_thread(look))


def test_open_websockets_survive_other_ports_and_certificates_and_haproxy_comes_back_by_itself() -> None:
    async def scene(place: Office) -> None:
        async with place.phone("wss", user="stayer") as phone:
            assert (await phone.register()).code == 200
            before = await handshake_serial(place, 443)
            pid = await place.pid("haproxy")
            place.edge.write(config(listen=LISTEN))
            done = await place.ask("apply", str(place.edge.file))
            assert done.code == 0, done.err
            assert await place.pid("haproxy") == pid
            assert (await phone.register()).code == 200
            # Another name: another self-signed certificate, on the listener that was there and on the new one.
            other = config(listen=LISTEN)
            other["pbxs"]["hq"]["names"].append("more.example.com")
            place.edge.write(other)
            done = await place.ask("apply", str(place.edge.file))
            assert done.code == 0, done.err
            assert await handshake_serial(place, 443) != before
            assert (await phone.register()).code == 200
            assert phone.witness.violations == []
        await asyncio.to_thread(place.net.run, "edge", ["kill", "-9", str(pid)])
        await place.until_log("engine_returned unit=haproxy")
        async with place.phone("wss", user="back") as phone:
            assert (await phone.register()).code == 200

    with office(config(listen={"sip": {**LISTEN["sip"], "ws": None}})) as place:
        asyncio.run(scene(place))


def test_without_wss_there_is_no_haproxy_and_an_http_request_on_a_sip_port_reaches_nobody() -> None:
    with office() as place:
        assert [engine["name"] for engine in place.edge.status()["engines"]] == ["rtpengine", "kamailio"]
        plain = place.net.socket("phone-home", socket.AF_INET, socket.SOCK_STREAM)
        with plain, pytest.raises(ConnectionRefusedError):
            plain.connect((EDGE_PUBLIC, 443))
