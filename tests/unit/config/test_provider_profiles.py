"""Provider profiles: what they say is a good trunk, and what the file says goes before it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from voxgate.config.load import Source, load_sources
from voxgate.config.profiles import profiles
from voxgate.config.secrets import SecretPlaces
from voxgate.config.trunks import Transport
from voxgate.errors import ConfigError

if TYPE_CHECKING:
    from voxgate.config.trunks import Trunk

HEAD = """\
edge: {domain: edge.example.com}
pbxs: {hq: {names: [example.com], nodes: [192.168.1.20]}}
trunks:
"""
NEEDED = {
    "registering": "server: s.example, register: {user: u, password: !secret p}, addresses: 198.51.100.7",
    "address": "addresses: 198.51.100.7",
    "teams": "edge_name: sbc.example.com",
}


def loaded(text: str) -> Trunk:
    secrets = SecretPlaces(Path("/nonexistent"), {"VOXGATE_SECRET_P": "x"})
    source = Source("f", f"{HEAD}  it: {{pbxs: hq, {text}}}\n")
    return load_sources((source,), secrets, datetime(2026, 1, 1, tzinfo=UTC)).config.trunks["it"]


@pytest.mark.parametrize("name", profiles())
def test_a_profile_and_what_it_needs_are_a_trunk(name: str) -> None:
    trunk = loaded(f"profile: {name}, {NEEDED[name]}")
    assert trunk.profile == name
    assert set(profiles()[name].settings) <= trunk.model_fields_set


def test_the_file_goes_before_the_profile_key_by_key() -> None:
    trunk = loaded(f"profile: registering, {NEEDED['registering']}, keepalive: true")
    assert (trunk.keepalive, trunk.identity.caller.value) == (True, "account")
    assert trunk.register is not None
    assert (trunk.register.user, trunk.register.expires_seconds) == ("u", 300)
    own = "outbound_proxy: 198.51.100.9, tls: {server_name: x.example}"
    teams = loaded(f"profile: teams, edge_name: sbc.example.com, {own}")
    assert [str(one) for one in teams.outbound_proxy] == ["198.51.100.9"]
    assert teams.transport is Transport.TLS
    assert teams.tls is not None
    assert teams.tls.server_name == "x.example"


def test_a_mistyped_profile_is_named_where_it_stands() -> None:
    with pytest.raises(ConfigError) as caught:
        loaded("addresses: 198.51.100.7, profile: team")
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == ("trunks.it.profile", 4)
    assert "address, registering, teams" in problem.advice


@pytest.mark.parametrize("name", profiles())
def test_a_profile_says_what_it_is_and_what_it_needs(name: str) -> None:
    profile = profiles()[name]
    assert profile.summary.endswith(".")
    assert profile.docs.endswith(".")
    assert profile.needs
