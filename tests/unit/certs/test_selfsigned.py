from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from voxgate.certs.selfsigned import LIFETIME, make

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = ("edge.example.com", "example.com", "xn--mnchen-3ya.example")


def parsed(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def test_it_is_for_every_name_and_the_first_is_its_subject() -> None:
    certificate = parsed(make(NAMES, NOW)[0])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert tuple(names.get_values_for_type(x509.DNSName)) == NAMES
    assert certificate.subject.rfc4514_string() == "CN=edge.example.com"
    assert certificate.issuer == certificate.subject


def test_it_holds_from_an_hour_ago_for_its_lifetime() -> None:
    certificate = parsed(make(NAMES, NOW)[0])
    assert certificate.not_valid_before_utc == NOW - timedelta(hours=1)
    assert certificate.not_valid_after_utc == NOW + LIFETIME


def test_a_name_longer_than_a_subject_may_be_is_whole_among_the_names() -> None:
    long = "a" * 60 + ".proxy.example.com"  # a common name has 64 characters at most (RFC 5280, ub-common-name)
    certificate = parsed(make((long,), NOW)[0])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [long]


def test_certificate_and_key_are_a_pair_that_a_server_can_load(tmp_path: Path) -> None:
    certificate, key = make(NAMES, NOW)
    (tmp_path / "c.pem").write_bytes(certificate)
    (tmp_path / "k.pem").write_bytes(key)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")


def test_no_two_are_the_same() -> None:
    (one, one_key), (other, other_key) = make(NAMES, NOW), make(NAMES, NOW)
    assert parsed(one).serial_number != parsed(other).serial_number
    keys = [load_pem_private_key(pem, None).public_key() for pem in (one_key, other_key)]
    assert keys[0] != keys[1]
