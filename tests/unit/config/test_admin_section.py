"""The section `admin`: where the API and the page are, and where they may not be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from voxgate.config.load import Loaded, Source, load_sources
from voxgate.config.secrets import SecretPlaces
from voxgate.errors import ConfigError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASE = """\
edge: {domain: proxy.example.com}
pbxs: {hq: {names: [example.com], nodes: [172.16.0.10]}}
listen: {sip: {udp: 5060, tcp: 5060, tls: 5061, wss: 443}, http: {plain: 80, tls: 443}}
turn: {}
admin: """


def loaded(section: str) -> Loaded:
    return load_sources((Source("f", BASE + section + "\n"),), SecretPlaces(Path("/nonexistent"), {}), NOW)


@pytest.mark.parametrize(
    ("section", "listen", "https"),
    [
        ("{}", "127.0.0.1:8440", False),
        ("{tls: true}", "127.0.0.1:8440", True),
        ('{listen: "[::1]:9000"}', "[::1]:9000", False),
        ('{listen: "[::]:8440"}', "[::]:8440", True),
        ("{listen: 192.168.1.10:8440}", "192.168.1.10:8440", True),
    ],
)
def test_https_everywhere_but_on_the_machine_itself(section: str, listen: str, https: bool) -> None:
    admin = loaded(section).config.admin
    assert admin is not None
    assert (str(admin.listen), admin.https) == (listen, https)


@pytest.mark.parametrize(
    ("section", "key", "words"),
    [
        ("{listen: 127.0.0.1:5061}", "admin.listen", "port 5061 is that of listen.sip.tls"),
        ("{listen: 127.0.0.1:80}", "admin.listen", "port 80 is that of listen.http.plain"),
        ("{listen: 127.0.0.1:3478}", "admin.listen", "port 3478 is that of turn.port"),
        ("{listen: 0.0.0.0:8440, tls: false}", "admin.tls", "in clear text"),
        ("{listen: 8440}", "admin.listen", "an address and a port"),
        ("{listen: localhost:8440}", "admin.listen", "an address and a port"),
        ("{listen: 1.2.3.999:8440}", "admin.listen", "not an IP address"),
        ("{listen: 127.0.0.1:0}", "admin.listen", "not an address and a port"),
        ("{listen: 224.0.0.1:8440}", "admin.listen", "not an address and a port"),
        ("{idle_minutes: 0}", "admin.idle_minutes", "too small"),
    ],
)
def test_what_cannot_be_is_one_problem_with_its_key(section: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(section)
    assert [(one.line, one.key) for one in caught.value.problems] == [(5, key)]
    assert words in caught.value.problems[0].message
