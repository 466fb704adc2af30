"""Which certificate is shown for which name; that the engines do so is tried with handshakes in tests/engine."""

from __future__ import annotations

from pathlib import Path

from tests.unit.certs.test_store import NOW, config
from voxgate.certs.handshake import questions
from voxgate.certs.store import Store
from voxgate.engines.base import Listener
from voxgate.engines.haproxy.tls import certificate_files
from voxgate.engines.kamailio import Pair
from voxgate.engines.sni import Further, chosen

SHOP = Further("shop", ("shop.example.com", "*.shop.example.com"), b"shop", b"key")
CLUB = Further("club", ("special.shop.example.com",), b"club", b"key")


def test_a_whole_name_counts_before_a_wildcard() -> None:
    assert chosen("special.shop.example.com", (SHOP, CLUB)) is CLUB
    assert chosen("any.shop.example.com", (SHOP, CLUB)) is SHOP
    assert chosen("a.b.shop.example.com", (SHOP, CLUB)) is None
    assert chosen("edge.example.com", (SHOP, CLUB)) is None


def test_the_default_does_not_answer_for_a_name_that_has_a_certificate_of_its_own() -> None:
    default = Pair(b"default", b"key", ("edge.example.com", "shop.example.com"))
    files = {file.path: file for file in certificate_files(Path("/h"), default, (SHOP,))}
    assert files["certificates.txt"].content.decode().splitlines() == [
        "/h/certificate.pem edge.example.com",
        "/h/certificate-shop.pem shop.example.com *.shop.example.com",
    ]
    assert files["certificate-shop.pem"].secret
    alone = {file.path: file.content for file in certificate_files(Path("/h"), default, ())}
    assert alone["certificates.txt"] == b"/h/certificate.pem\n"


def test_a_listener_that_knows_one_certificate_is_asked_for_one_name(tmp_path: Path) -> None:
    made = config(("example.com",), others={"shop": {"names": ["*.shop.org"]}})
    shown = Store(tmp_path).shown(made, NOW)
    listeners = [
        Listener("tls", "203.0.113.45", 5061, "SIP over TLS"),
        Listener("tls", "203.0.113.45", 5349, "TURN over TLS", sni=False),
        Listener("tls", "203.0.113.45", 443, "HTTPS", passed=frozenset({"example.com"})),
        Listener("tcp", "203.0.113.45", 5060, "SIP over TCP"),
    ]
    asked = [(one.listener.port, one.name, one.certificate) for one in questions(listeners, shown)]
    assert asked == [
        (5061, "edge.example.com", "default"),
        (5061, "example.com", "default"),
        (5061, "voxgate-check.shop.org", "shop"),
        (5349, "edge.example.com", "default"),
        # Whose TLS is passed on shows a certificate of his own.
        (443, "edge.example.com", "default"),
        (443, "voxgate-check.shop.org", "shop"),
    ]
