"""What a check of client certificates needs is said before phones find out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.tls import authority
from voxgate.config.client_certificates import MOST_AUTHORITIES
from voxgate.config.load import Source, load_sources
from voxgate.config.secrets import SecretPlaces
from voxgate.errors import ConfigError

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def problems(
    folder: Path, certificates: str, sip: str, listen: str = "{udp: 5060, tls: 5061}"
) -> list[tuple[str, str]]:
    """(key, message) of all that is wrong."""
    text = (
        f"edge: {{domain: proxy.example.com}}\ncertificates: {certificates}\nlisten: {{sip: {listen}}}\n"
        f"pbxs: {{hq: {{names: example.com, nodes: 172.16.0.10, sip: {sip}}}}}\n"
    )
    try:
        load_sources((Source("f", text),), SecretPlaces(folder, {}), NOW)
    except ConfigError as error:
        return [(problem.key, problem.message) for problem in error.problems]
    return []


CHECKED = "{udp: 5060, tls: 5061, check_certificate: true}"
KEY = "pbxs.hq.sip.check_certificate"


def test_all_that_it_takes_leads_to_no_word(tmp_path: Path) -> None:
    made = authority().issue(tmp_path, "x")
    assert problems(tmp_path, f"{{clients_ca: {made.ca}}}", CHECKED) == []


@pytest.mark.parametrize(
    ("certificates", "sip", "listen", "message"),
    [
        ("{}", CHECKED, "{tls: 5061}", "nobody's client certificates count"),
        ("{clients_ca: CA}", CHECKED, "{udp: 5060}", "no phone can come over TLS"),
        ("{clients_ca: CA}", "{udp: 5060, check_certificate: true}", "{tls: 5061}", "needs a port for TLS"),
        ("{clients_ca: CA}", "{tls: 5061, check_certificate: true}", "{tls: 5061}", "needs a port for TLS"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, certificates: str, sip: str, listen: str, message: str) -> None:
    made = authority().issue(tmp_path, "x")
    ((key, said),) = problems(tmp_path, certificates.replace("CA", str(made.ca)), sip, listen)
    assert key == KEY
    assert said.startswith(message)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "does not exist"), (b"-----BEGIN NOTHING", "holds no certificate in PEM form")],
    ids=["missing", "no-pem"],
)
def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    ((key, message),) = problems(tmp_path, f"{{clients_ca: {path}}}", CHECKED)
    assert (key, said in message) == ("certificates.clients_ca", True)


def test_the_authorities_of_the_whole_web_are_refused(tmp_path: Path) -> None:
    made = authority().issue(tmp_path, "x")
    made.ca.write_bytes(made.ca.read_bytes() * (MOST_AUTHORITIES + 1))
    ((key, message),) = problems(tmp_path, f"{{clients_ca: {made.ca}}}", CHECKED)
    assert (key, f"{MOST_AUTHORITIES + 1} certificates" in message) == ("certificates.clients_ca", True)


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "client-certificates.md").read_text()
    text = page.split("```yaml\n")[1].split("```")[0]
    text = text.replace("/etc/voxgate/phones-ca.pem", str(authority().issue(tmp_path, "x").ca))
    assert load_sources((Source("f", text),), SecretPlaces(tmp_path, {}), NOW).config.pbxs["hq"].sip.check_certificate
