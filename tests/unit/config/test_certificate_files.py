"""Certificate files are looked at before an engine has to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from voxgate.config.load import Loaded, Source, load_sources
from voxgate.config.secrets import SecretPlaces
from voxgate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(begin: datetime, end: datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "proxy.example.com")])
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in ("proxy.example.com", "example.com")])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, begin, end).add_extension(names, critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


GOOD = certificate(NOW - DAY, NOW + DAY)


def load_pair(folder: Path, certificate_pem: bytes | None, key: bytes | None) -> Loaded:
    for name, content in (("cert.pem", certificate_pem), ("key.pem", key)):
        if content is not None:
            (folder / name).write_bytes(content)
    text = (
        "edge: {domain: proxy.example.com}\n"
        f"certificates: {{default: {{\n  certificate: {folder}/cert.pem,\n  key: {folder}/key.pem}}}}\n"
        "pbxs: {hq: {names: example.com, nodes: 172.16.0.10}}\n"
    )
    return load_sources((Source("f", text),), SecretPlaces(folder, {}), NOW)


def test_a_good_pair_leads_to_no_word(tmp_path: Path) -> None:
    assert load_pair(tmp_path, GOOD, key_pem(KEY)).warnings == ()


@pytest.mark.parametrize(
    ("certificate_pem", "key", "line", "words"),
    [
        pytest.param(None, key_pem(KEY), 3, "cert.pem does not exist", id="certificate missing"),
        pytest.param(GOOD, None, 4, "key.pem does not exist", id="key missing"),
        pytest.param(b"\x30\x82", key_pem(KEY), 3, "no certificate in PEM form", id="certificate in DER"),
        pytest.param(key_pem(KEY), key_pem(KEY), 3, "no certificate in PEM form", id="key for certificate"),
        pytest.param(GOOD, GOOD, 4, "no private key in PEM form", id="certificate for key"),
        pytest.param(GOOD, key_pem(KEY, b"x"), 4, "encrypted with a password", id="key with password"),
        pytest.param(GOOD, key_pem(OTHER_KEY), 4, "does not belong to the certificate", id="not a pair"),
        pytest.param(b"#" * 1_100_000, key_pem(KEY), 3, "too large", id="too large"),
    ],
)
def test_a_bad_pair_is_a_problem(
    tmp_path: Path, certificate_pem: bytes | None, key: bytes | None, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pair(tmp_path, certificate_pem, key)
    (problem,) = caught.value.problems
    assert problem.line == line
    assert words in problem.message


@pytest.mark.parametrize(
    ("begin", "end", "words"),
    [
        pytest.param(NOW - 2 * DAY, NOW - DAY, "ran out on 2026-05-31", id="expired"),
        pytest.param(NOW + DAY, NOW + 2 * DAY, "valid from 2026-06-02", id="not yet"),
    ],
)
def test_a_certificate_out_of_date_is_a_warning(tmp_path: Path, begin: datetime, end: datetime, words: str) -> None:
    (warning,) = load_pair(tmp_path, certificate(begin, end), key_pem(KEY)).warnings
    assert words in warning.message
    assert (warning.line, warning.key) == (3, "certificates.default.certificate")
