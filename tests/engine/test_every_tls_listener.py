"""Every listener with TLS: from the first start, for every name, with nothing weak, and through a renewal."""

from __future__ import annotations

import ssl
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from socket import AF_INET, AF_INET6, SO_LINGER, SOCK_STREAM, SOL_SOCKET
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab import tls
from lab.peers.h323.endpoint import Endpoint
from lab.topologies import EDGE_LAN, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from tests.engine.every_service import (
    EDGE_NAME,
    NAMES,
    PORTS,
    WITHOUT_SNI,
    Services,
    everything,
    services,
    shown_by,
    trusting,
)
from tests.engine.internet import certs, eventually
from tests.engine.office import MARKS
from tests.engine.tls_hello import GOOD, OFFERS, TLS12, chosen
from tests.engine.tls_hello import WEAK as WEAK_SUITES
from tests.unit.router.ldap.messages import STARTTLS, bind, extended, search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.directory import Directory

pytestmark = MARKS

SHOP = ["shop.example.com", "*.shop.example.com"]
DEFAULT_ONES = (None, EDGE_NAME, "example.com", "stranger.example.net")
SHOPS_ONES = ("shop.example.com", "desk.shop.example.com")


@pytest.fixture(scope="module")
def place() -> Iterator[Services]:
    with services() as made:
        yield made


def der(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def shown(place: Services, service: str, name: str | None, *, six: bool = False) -> bytes:
    with place.secured(service, trusting(), name, six=six) as secured:
        return secured.getpeercert(binary_form=True) or b""


def test_a_fresh_start_has_working_tls_on_every_listener(place: Services) -> None:
    # Clients trust one file, and check the name as they always do.
    trust = trusting(place.folder / "state" / "certificates" / "own" / "authority.pem")
    for service in PORTS:
        for six in (False, True) if service != "turn-rest" else (True,):
            for name in NAMES:
                with place.secured(service, trust, name, six=six) as secured:
                    assert secured.version() in {"TLSv1.2", "TLSv1.3"}
            with pytest.raises(ssl.SSLCertVerificationError, match="match"):
                place.secured(service, trust, "stranger.example.net", six=six)
    told = certs(place.edge, "verify")
    assert told["good"], told
    assert {shaken["port"] for shaken in told["handshakes"]} == set(PORTS.values())
    assert [one["origin"] for one in certs(place.edge)["certificates"]] == ["own"]


def test_who_tears_the_connection_off_after_the_handshake_is_not_suspected(place: Services) -> None:
    def suspected() -> int:
        place.edge.status()  # what was told before is written by now
        return sum("event=bad_tls src_ip=203.0.113.99 " in line for line in place.edge.text().splitlines())

    older = trusting()
    older.maximum_version = ssl.TLSVersion.TLSv1_2  # where the server has finished when the client has
    for service in ("https", "wss", "ldaps", "h323"):
        for reset in (True, False) * 5:
            with place.secured(service, older if reset else trusting(), EDGE_NAME, host="stranger") as secured:
                if reset:
                    secured.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    assert suspected() == 0
    with place.net.socket("stranger", AF_INET, SOCK_STREAM) as plain:
        plain.settimeout(10)
        plain.connect((EDGE_PUBLIC, PORTS["https"]))
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        plain.recv(100)
    eventually(lambda: suspected() == 1, 40)


class Talks:
    """Connections over TLS that wait for what comes: every one of them asks and is answered."""

    def __init__(self, place: Services) -> None:
        self.directory: Directory = place.directory
        self.ldaps = place.secured("ldaps", trusting(), EDGE_NAME)
        self.starttls = self._start_tls(place)
        self.https = place.secured("https", trusting(), "example.com")
        self.phone = Endpoint(place.net.maker("phone-home"), EDGE_PUBLIC, PORTS["h323"], tls=trusting(), name=EDGE_NAME)
        self.turn = place.relay()
        assert self.phone.register("example.com", "alice", password="secret") == "example.com"  # noqa: S106
        self.turn.allocate()
        for client in (self.ldaps, self.starttls):
            client.sendall(bind(self.directory.bind_dn, self.directory.password))
            assert b"\x0a\x01\x00" in client.recv(4096)

    def all_are_answered(self) -> None:
        for client in (self.ldaps, self.starttls):
            client.sendall(search(self.directory.suffix.dn))
            answer = b""
            while b"\x65\x07\x0a\x01" not in answer[-40:]:
                more = client.recv(65536)
                assert more, "the directory is gone"
                answer += more
            assert self.directory.suffix.dn.encode() in answer
        self.https.sendall(b"GET /phones HTTP/1.1\r\nHost: example.com\r\n\r\n")
        assert b" 200 " in self.https.recv(65536).partition(b"\r\n")[0]
        self.phone.keep_alive("example.com")
        assert self.turn.refresh() == 600

    def close(self) -> None:
        for client in (self.ldaps, self.starttls, self.https, self.phone.socket, self.turn.sock):
            client.close()

    @staticmethod
    def _start_tls(place: Services) -> ssl.SSLSocket:
        plain = place.net.socket("phone-home", AF_INET, SOCK_STREAM)
        plain.settimeout(10)
        plain.connect((EDGE_PUBLIC, 389))
        plain.sendall(extended(STARTTLS))
        assert b"\x0a\x01\x00" in plain.recv(4096)
        return trusting().wrap_socket(plain, server_hostname=EDGE_NAME)


def test_connections_of_every_service_live_on_through_renewals_and_newcomers_are_shown_the_new_one(
    place: Services,
) -> None:
    talks, before = Talks(place), place.pids()
    try:
        talks.all_are_answered()
        for turn in range(2):
            renewed = tls.authority().issue(place.folder, EDGE_NAME, "example.com", stem=f"renewed{turn}")
            done = place.edge.apply(everything(certificates=shown_by(renewed)))
            assert done.code == 0, done.out + done.err
            for service in PORTS:
                assert shown(place, service, EDGE_NAME, six=True) == der(renewed.certificate), service
            talks.all_are_answered()
    finally:
        talks.close()
    assert place.pids() == before


def test_each_name_is_shown_its_own_certificate_and_turn_the_default_one(place: Services) -> None:
    authority = tls.authority()
    default = authority.issue(place.folder, EDGE_NAME, "example.com", stem="default")
    shop = authority.issue(place.folder, *SHOP, stem="shop")
    done = place.edge.apply(everything(certificates=shown_by(default, shop=(shop, SHOP))))
    assert done.code == 0, done.out + done.err
    for service in PORTS:
        for name in (*DEFAULT_ONES, *SHOPS_ONES):
            wanted = shop if name in SHOPS_ONES and service not in WITHOUT_SNI else default
            assert shown(place, service, name, six=True) == der(wanted.certificate), (service, name)
    told = certs(place.edge, "verify")
    assert told["good"], told
    asked = {(shaken["port"], shaken["certificate"]) for shaken in told["handshakes"]}
    assert asked == {(port, "default") for port in PORTS.values()} | {
        (port, "shop") for service, port in PORTS.items() if service not in WITHOUT_SNI
    }


#: coturn keeps silent where it should refuse, and sslscan loses its way.
SCANNED = tuple(service for service in PORTS if service not in WITHOUT_SNI)
WEAK = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")


@pytest.mark.parametrize("service", SCANNED)
def test_sslscan_finds_no_weak_protocol_or_cipher(place: Services, service: str) -> None:
    for address in (EDGE_LAN, f"[{EDGE_PUBLIC_SIX}]"):
        report = scan(place, f"{address}:{PORTS[service]}")
        lines = report.splitlines()
        assert not [line for line in lines if "Accepted" in line and any(bad in line for bad in WEAK)]
        assert all(f"{version} " not in line or "disabled" in line for line in lines for version in WEAK)
        ciphers = {line.split()[4] for line in lines if line.startswith(("Accepted", "Preferred"))}
        assert ciphers, report
        assert all(
            name.startswith("TLS_") or (name.startswith("ECDHE-") and ("GCM" in name or "CHACHA20" in name))
            for name in ciphers
        ), ciphers
        assert "not vulnerable to heartbleed" in report


def test_nothing_weak_is_taken_by_any_listener_not_even_when_nothing_else_is_offered(place: Services) -> None:
    def offered(one: tuple[str, bool, int, tuple[int, ...]]) -> tuple[int, int] | None:
        service, six, version, suites = one
        with place.net.socket("edge", AF_INET6 if six else AF_INET, SOCK_STREAM) as plain:
            plain.settimeout(10)
            plain.connect((EDGE_PUBLIC_SIX if six else EDGE_LAN, PORTS[service]))
            return chosen(plain, version, suites, EDGE_NAME)

    every = [(service, six) for service in PORTS for six in (False, True)]
    good = [(*one, TLS12, GOOD) for one in every]
    weak = [(*one, *offer) for one in every for offer in OFFERS]
    with ThreadPoolExecutor(len(OFFERS) * 4) as pool:
        taken = dict(zip(good + weak, pool.map(offered, good + weak), strict=True))
    assert {one[:2] for one in good if (taken[one] or (0, 0))[0] == TLS12} == set(every)
    assert {one[:3]: taken[one] for one in weak if taken[one]} == {}


def test_both_scans_see_what_is_weak(place: Services) -> None:
    weak = tls.authority().issue(place.folder, EDGE_NAME, stem="scan")
    server = place.net.spawn(
        "edge",
        [
            "openssl", "s_server", "-accept", "7443", "-quiet", "-cert", str(weak.certificate), "-key", str(weak.key),
            "-cipher", "ALL:@SECLEVEL=0", "-legacy_renegotiation",
        ],
    )  # fmt: skip
    try:
        end = time.monotonic() + 10
        while "Accepted" not in (report := scan(place, "127.0.0.1:7443")):
            assert time.monotonic() < end, report
        assert any("TLSv1.0" in line and "enabled" in line for line in report.splitlines()) or "CBC" in report
        assert any("SHA" in line and "Accepted" in line for line in report.splitlines())
        with place.net.socket("edge", AF_INET, SOCK_STREAM) as plain:
            plain.connect(("127.0.0.1", 7443))
            assert (chosen(plain, TLS12, WEAK_SUITES, EDGE_NAME) or (0, 0))[1] in WEAK_SUITES
    finally:
        server.stop()


def scan(place: Services, target: str) -> str:
    done = place.net.run("edge", ["sslscan", "--no-colour", "--no-check-certificate", target], timeout_s=120)
    return done.out + done.err
