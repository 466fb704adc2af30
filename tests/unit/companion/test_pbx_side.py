"""What each system has to be told: every file is whole, and says this edge's own addresses."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tests.unit.engines.networks import ONE, TWO, config, pbx
from voxgate.companion.settings import SYSTEMS, advice

MADE = config(
    {
        "hq": pbx("172.16.0.10", sip={"tcp": 5080}, srtp="required", http={"plain": 80, "allow_urls": "@everything"},
                  h323={"plain": 1720}, ldap={"plain": 389})
    },
    trunks={"carrier": {"addresses": ["198.51.100.7"], "dids": {"5X": "hq"}, "pbxs": ["hq"]}},
)  # fmt: skip


def test_each_system_has_a_file_and_each_file_is_a_system() -> None:
    found = {one.name.removesuffix(".yaml") for one in (files("voxgate.companion") / "systems").iterdir()}
    assert found == set(SYSTEMS)


@pytest.mark.parametrize("system", SYSTEMS)
def test_it_names_the_address_that_the_pbx_sees_and_gives_reasons(system: str) -> None:
    text = str(advice(system, "hq", MADE, TWO))
    assert "172.16.0.1" in text
    assert "203.0.113.45" not in text, "the PBX never sees the public side"
    settings = advice(system, "hq", MADE, TWO).settings
    assert len(settings) >= 4
    assert all(one.where and one.value and len(one.why) > 30 for one in settings)
    # A placeholder that nothing stands for would have raised; FreeSWITCH's own variables stay.
    assert "{" not in text.replace("$${local_ip_v4}", "")


def test_what_is_not_used_is_not_asked_for() -> None:
    plain = config({"hq": pbx("192.168.1.20")})
    assert "match_header" not in str(advice("asterisk", "hq", plain, ONE))
    assert "match_header = X-Voxgate-Trunk: carrier" in str(advice("asterisk", "hq", MADE, TWO))
    assert "media_encryption" not in str(advice("asterisk", "hq", plain, ONE))
    assert "H.323/TLS" not in str(advice("innovaphone", "hq", plain, ONE))


@pytest.mark.parametrize("system", ["asterisk", "freepbx"])
def test_a_trunk_is_never_told_by_the_edges_address(system: str) -> None:
    """Phones outside come from there as well, and a trunk needs no password."""
    lines = str(advice(system, "hq", MADE, TWO)).splitlines()
    assert not [line for line in lines if "match" in line.lower() and "=" in line and "172.16.0.1" in line]
    assert [line for line in lines if "identify_by = header" in line]
