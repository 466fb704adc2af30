"""Contradictions around H.323, each found where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from voxgate.config.h323check import h323_cautions
from voxgate.config.load import Source, load_sources
from voxgate.config.model import Config
from voxgate.engines.router import rules_of
from voxgate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "edge: {domain: edge.example.com}\n"
LISTEN = "listen: {h323: {plain: 1720, tls: 1300}}\n"
PBX = "pbxs: {hq: {names: [example.com], nodes: [172.16.0.10], h323: {plain: 1720}}}\n"


def problems(tmp_path: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigError) as caught:
        load_sources((Source(tmp_path / "edge.yaml", text),), {}, None)  # type: ignore[arg-type]
    return [(one.line, one.key, one.message) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("listen", "target", "key", "words"),
    [
        ("{plain: 1720}", "{}", "pbxs.hq.h323", "names no port"),
        ("{plain: 1720}", "{plain: 1720, tls: 1720}", "pbxs.hq.h323.tls", "plain H.323 and TLS both"),
        ("{plain: 1720}", "{plain: 1720, verify_certificate: true}", "pbxs.hq.h323.verify_certificate", "no port"),
        ("{plain: 1720}", "{plain: 1720, tls: 1300, check_certificate: true}", "check_certificate", "over TLS"),
        ("{tls: 1300}", "{tls: 1300, check_certificate: true}", "check_certificate", "one without"),
        ("{}", "{plain: 1720}", "listen.h323", "names no port"),
        ("{plain: 1720, tls: 1720}", "{plain: 1720}", "listen.h323.tls", "H.323/TCP and H.323/TLS both"),
        ("{plain: 5060}", "{plain: 1720}", "listen.h323.plain", "listen.sip.tcp both"),
        ("{plain: 1720, ipv4: false, ipv6: false}", "{plain: 1720}", "listen.h323.ipv6", "neither"),
    ],
)
def test_a_contradiction_is_named(tmp_path: Path, listen: str, target: str, key: str, words: str) -> None:
    text = HEAD + f"listen: {{sip: {{tcp: 5060}}, h323: {listen}}}\n" + PBX.replace("{plain: 1720}", target)
    found = problems(tmp_path, text)
    assert any(place.endswith(key) and words in message for _, place, message in found), found


def test_a_target_without_a_listener_and_an_id_twice_are_named(tmp_path: Path) -> None:
    assert "pbxs.hq.h323" in [key for _, key, _ in problems(tmp_path, HEAD + PBX)]
    two = (
        "pbxs:\n"
        "  hq: {names: [example.com], nodes: [172.16.0.10], h323: {plain: 1720}}\n"
        "  two: {names: [two.example], nodes: [172.16.0.11], h323: {plain: 1720, names: [EXAMPLE.com]}}\n"
    )
    found = problems(tmp_path, HEAD + LISTEN + two)
    assert [(line, key) for line, key, _ in found] == [(5, "pbxs.two.h323.names")]


def loaded(**h323: object) -> Config:
    pbx = {"names": ["example.com", "example.com/Branch"], "nodes": [{"address": "172.16.0.10"}], "h323": h323}
    return Config.model_validate(
        {"edge": {"domain": "edge.example.com"}, "listen": {"h323": {"tls": 1300}}, "pbxs": {"hq": pbx}}
    )


def test_a_check_without_a_trust_list_is_told_but_served() -> None:
    config = loaded(plain=1720, tls=1300, check_certificate=True)
    assert [one.key for one in h323_cautions(config)] == ["pbxs.hq.h323.check_certificate"]
    assert not list(h323_cautions(loaded(plain=1720)))


def test_the_router_gets_every_gatekeeper_id_in_lower_case() -> None:
    config = loaded(plain=1720, tls=1300, check_certificate=True, verify_certificate=True)
    table = rules_of(config).services["h323"]
    assert {name: (one.pbx, one.verify, one.check_certificate) for name, one in table.items()} == {
        "example.com": ("hq", "example.com", True),
        "example.com/branch": ("hq", "example.com", True),
    }
    own = loaded(plain=1720, names=["other.example/x"])
    assert list(rules_of(own).services["h323"]) == ["other.example/x"]
