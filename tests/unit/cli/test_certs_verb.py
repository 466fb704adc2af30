"""`voxgate certs csr` and `import`: from a request made on the edge to a configuration that names the pair."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from lab import tls
from voxgate.cli import main
from voxgate.config.load import load

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
edge: {domain: proxy.example.com}
# Who calls whom.
pbxs:
  hq: {names: [example.com], nodes: 172.16.0.10}  # the office
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "voxgate.yaml"
    path.write_text(TEXT)
    return path


def certs(file: Path, *words: str) -> int:
    return main(["--state-dir", str(file.parent / "state"), "certs", *words, "--file", str(file)])


def answer(file: Path, request: str, authority: tls.Authority) -> Path:
    """What an authority sends back: its own certificate first, as some do."""
    asked = x509.load_pem_x509_csr(request.encode())
    names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    above = authority.certificate
    signed = (
        x509.CertificateBuilder(above.subject, asked.subject, asked.public_key(), 7)
        .not_valid_before(above.not_valid_before_utc)
        .not_valid_after(above.not_valid_after_utc)
        .add_extension(names, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    path = file.parent / "answer.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(above.public_bytes(pem) + signed.public_bytes(pem))
    return path


def test_a_request_is_signed_imported_and_loads(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert certs(file, "csr") == 0
    request = capsys.readouterr().out
    assert certs(file, "csr") == 0
    again = capsys.readouterr().out
    assert "PRIVATE KEY" not in request + again
    key = x509.load_pem_x509_csr(request.encode()).public_key()
    assert x509.load_pem_x509_csr(again.encode()).public_key() == key, "an open request keeps its key"

    assert certs(file, "import", str(answer(file, request, tls.authority()))) == 0
    told = capsys.readouterr().out
    assert "certificate default is for proxy.example.com, example.com" in told
    assert file.read_text().startswith(TEXT), "comments stay"
    loaded = load(file)
    assert loaded.warnings == ()
    default = loaded.config.certificates.default
    assert default is not None
    assert default.key is not None
    assert default.key.stat().st_mode & 0o777 == 0o600
    assert certs(file, "import", str(file.parent / "answer.pem")) == 2, "the key is no longer an open request's"


def test_a_certificate_for_names_of_its_own(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert certs(file, "csr", "shop", "--names", "shop.example.com,*.shop.example.com", "--rsa") == 0
    answered = answer(file, capsys.readouterr().out, tls.authority())
    file.write_text(TEXT + "certificates: {others: {shop: {names: [shop.example.com, club.example.com]}}}\n")
    assert certs(file, "import", str(answered), "shop") == 0
    assert "warning: it is not for club.example.com" in capsys.readouterr().out
    others = load(file).config.certificates.others
    assert others["shop"].certificate == file.parent / "certificates" / "shop.pem"
    assert others["shop"].names == ("shop.example.com", "club.example.com")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("csr", "--names", "203.0.113.1"), "is an address, not a name"),
        (("csr", "shop"), "gives certificate shop no names"),
        (("csr", "NAME"), "cannot be the short name"),
        (("import", "KEY", "--key", "KEY"), "holds no certificate in PEM form"),
        (("import", "PEM", "--key", "OTHER"), "the key does not belong to the certificate"),
        (("import", "OLD", "--key", "OLDKEY"), "ran out on"),
        (("import", "PEM"), "there is no key for certificate default"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    file: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = tls.authority()
    good = authority.issue(file.parent, "proxy.example.com", stem="good")
    other = authority.issue(file.parent, "proxy.example.com", stem="other")
    old = authority.issue(file.parent, "proxy.example.com", stem="old", life=timedelta(minutes=-5))
    places = {"PEM": good.certificate, "KEY": good.key, "OTHER": other.key, "OLD": old.certificate, "OLDKEY": old.key}
    assert certs(file, *(str(places.get(word, word)) for word in words)) == 2
    assert said in capsys.readouterr().err
    assert file.read_text() == TEXT
