"""A certificate that changes ends nothing: calls, WebSockets and handshakes go on, and what is refused is not shown."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import datetime
from pathlib import Path
from socket import AF_INET, SOCK_STREAM
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab import tls
from lab.topologies import EDGE_PUBLIC
from tests.engine.internet import LISTEN, Internet, certs, eventually, internet
from tests.engine.office import HQ_TONE_HZ, MARKS, Office, config, hears, office, until
from tests.engine.test_edge_refuses import weak_pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.edge import Edge

pytestmark = MARKS

#: Seconds; two thirds of it until the next order is due.
LIFE_S = 18
CLIENTS = 8


@pytest.fixture(scope="module")
def world() -> Iterator[Internet]:
    settings = {"certificateValidityPeriod": LIFE_S, "profiles": {"default": {"validityPeriod": LIFE_S}}}
    with internet(**settings) as made:
        yield made


@pytest.fixture(scope="module")
def place() -> Iterator[Office]:
    with office(config(listen=LISTEN)) as made:
        yield made


def renewed(edge: Edge) -> int:
    return edge.text().count(" certificate_renewed ")


def pids(edge: Edge) -> dict[str, tuple[int, int]]:
    return {engine["name"]: (engine["pid"], engine["restarts"]) for engine in edge.status()["engines"]}


def certificate(edge: Edge) -> dict[str, Any]:
    first: dict[str, Any] = certs(edge)["certificates"][0]
    return first


def test_calls_over_tls_and_websocket_go_on_while_short_lived_certificates_come_and_go(world: Internet) -> None:
    async def scene(office: Office) -> None:
        edge = office.edge
        await until(lambda: renewed(edge) == 1, 40)
        before = pids(edge)
        async with office.phone("tls", user="anna") as desk, office.phone("wss", user="bert") as page:
            calls = []
            for phone in (desk, page):
                assert (await phone.register()).code == 200
                calls.append(await phone.dial("600"))
                await hears(calls[-1], HQ_TONE_HZ, 0.5)
            # Nobody asks for it: they are due.
            await until(lambda: renewed(edge) == 3, 3 * LIFE_S)
            for phone, call in zip((desk, page), calls, strict=True):
                await hears(call, HQ_TONE_HZ, 1.0, since=len(call.voice.stream.packets))
                assert await call.bye() == 200
                assert phone.witness.violations == []
        assert pids(edge) == before
        assert edge.status()["overall"] == "ok"

    with world.edge(world.config()) as office:
        asyncio.run(scene(office))


def test_a_certificate_that_ran_out_while_the_edge_was_off_is_replaced_at_its_start(world: Internet) -> None:
    with world.edge(world.config()) as office:
        edge = office.edge
        eventually(lambda: renewed(edge) == 1, 40)
        old = certificate(edge)
        edge.stop()
        while time.time() < epoch_s(old["expires"]) + 1:
            time.sleep(0.2)
        before = renewed(edge)
        edge.start()
        eventually(lambda: renewed(edge) > before, 40)
        assert certificate(edge)["begins"] > old["expires"]
        verified = edge.command("certs", "verify")
        assert verified.code == 0, verified.out


def epoch_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def careless() -> ssl.SSLContext:
    """What is shown is compared by the test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def shown_at(place: Office, name: str, port: int = 5061) -> bytes:
    """What a phone outside is shown, DER."""
    with place.net.socket("phone-home", AF_INET, SOCK_STREAM) as plain:
        plain.settimeout(10)
        plain.connect((EDGE_PUBLIC, port))
        with careless().wrap_socket(plain, server_hostname=name) as secured:
            shown = secured.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def der(identity: tls.Identity) -> bytes:
    return x509.load_pem_x509_certificate(identity.certificate.read_bytes()).public_bytes(Encoding.DER)


def copied(identity: tls.Identity, target: tls.Identity) -> None:
    """As another program renews files in place."""
    target.certificate.write_bytes(identity.certificate.read_bytes())
    target.key.write_bytes(identity.key.read_bytes())


def test_files_that_are_renewed_in_place_are_shown_and_what_is_no_pair_or_refused_is_not(place: Office) -> None:
    authority = tls.authority()
    files = authority.issue(place.folder, "edge.example.com", "example.com", stem="shown")
    wanted = config(
        listen=LISTEN, certificates={"default": {"certificate": str(files.certificate), "key": str(files.key)}}
    )
    applied = place.edge.apply(wanted)
    assert applied.code == 0, applied.out + applied.err
    assert {shown_at(place, "example.com", port) for port in (5061, 443)} == {der(files)}
    before = pids(place.edge)

    other = authority.issue(place.folder, "edge.example.com", "example.com", stem="other")
    copied(other, files)
    eventually(lambda: {shown_at(place, "example.com", port) for port in (5061, 443)} == {der(other)})

    # Half of a renewal: no pair.
    third = authority.issue(place.folder, "edge.example.com", "example.com", stem="third")
    files.certificate.write_bytes(third.certificate.read_bytes())
    eventually(lambda: place.edge.status()["overall"] == "degraded")
    assert any("does not belong to the certificate" in one for one in place.edge.status()["reasons"])
    assert shown_at(place, "example.com") == der(other)

    # A pair that only Kamailio refuses: what HAProxy took already is taken back.
    weak = weak_pair(place.folder)
    files.certificate.write_bytes(Path(weak["certificate"]).read_bytes())
    files.key.write_bytes(Path(weak["key"]).read_bytes())
    eventually(lambda: any("is not taken" in one for one in place.edge.status()["reasons"]))
    assert {shown_at(place, "example.com", port) for port in (5061, 443)} == {der(other)}

    copied(third, files)
    eventually(lambda: {shown_at(place, "example.com", port) for port in (5061, 443)} == {der(third)})
    eventually(lambda: place.edge.status()["overall"] == "ok")
    assert set(before) == set(pids(place.edge))


def test_handshakes_under_load_never_fail_while_the_certificate_changes(place: Office) -> None:
    authority = tls.authority()
    pairs = [authority.issue(place.folder, "edge.example.com", "example.com", stem=f"load{n}") for n in range(2)]
    known = {der(pair) for pair in pairs}
    certificates = [{"default": {"certificate": str(p.certificate), "key": str(p.key)}} for p in pairs]
    assert place.edge.apply(config(listen=LISTEN, certificates=certificates[0])).code == 0
    before, used = pids(place.edge), shared_bytes(place.edge)

    async def scene() -> tuple[int, list[bytes]]:
        stop, shaken = asyncio.Event(), [0]

        async def client(number: int) -> None:
            while not stop.is_set():
                assert await asyncio.to_thread(shown_at, place, "example.com", (5061, 443)[number % 2]) in known
                shaken[0] += 1

        shown = []
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(client(number))
            for turn in range(1, 7):
                text = config(listen=LISTEN, certificates=certificates[turn % 2])
                done = await asyncio.to_thread(place.edge.apply, text)
                assert done.code == 0, done.out
                shown.append(await asyncio.to_thread(shown_at, place, "example.com"))
            stop.set()
        return shaken[0], shown

    shaken, shown = asyncio.run(scene())
    assert shown == [der(pairs[turn % 2]) for turn in range(1, 7)]
    assert shaken > 100
    assert pids(place.edge) == before
    grown = shared_bytes(place.edge) - used
    print(f"{shaken} handshakes during 6 changes; shared memory grew by {grown / 6 / 1024:.0f} KiB for each")
    assert grown < 6 * 4 * 1024 * 1024


def shared_bytes(edge: Edge) -> int:
    lines = edge.kamailio("core.shmmem").out.splitlines()
    return next(int(line.split(":")[1]) for line in lines if line.strip().startswith("real_used"))
