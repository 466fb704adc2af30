"""From of PBXs that write their own address: the domain for phones outside, the PBX's own words for the PBX."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.offices import DESK, OFFICE, PHONE, policy

if TYPE_CHECKING:
    from pathlib import Path

DOMAIN = "pbx.example.com"
VIAS: dict[str, Any] = {"hdrc(Via)": 1}
TO_NODE: dict[str, Any] = {"nh(d)": "10.0.0.1", "nh(p)": 5060, "nh(P)": "UDP", "tt": "b"}


def office(folder: Path, *, hide: bool = True, domain: str = DOMAIN) -> Edge:
    """A worker whose first PBX has a domain."""
    pbx = replace(OFFICE, hide_topology=hide, domain=domain)
    return Edge(folder, pbxs={**policy().pbxs, "office": pbx}, hide_topology=True)


INSIDE = pytest.mark.parametrize("inside", [{}, {"tt": "b"}], ids=["at-first", "inside-a-dialog"])


@INSIDE
@pytest.mark.parametrize("method", ["INVITE", "BYE", "MESSAGE"])
def test_phones_outside_see_the_domain(tmp_path: Path, inside: dict[str, Any], method: str) -> None:
    edge = office(tmp_path).pbx(method, fd="10.0.0.1", **VIAS, **inside)
    assert edge.said("pv.sets") == [("$fd", DOMAIN)]
    assert edge.said("tm.t_on_reply") == [("ksr_to_hidden",)]


KEPT: dict[str, tuple[dict[str, Any], str, str]] = {
    "does-not-hide": ({"hide": False}, "10.0.0.1", PHONE),
    "has-no-domain": ({"domain": ""}, "10.0.0.1", PHONE),
    "writes-its-domain": ({}, DOMAIN, PHONE),
    "to-a-phone-inside": ({}, "10.0.0.1", DESK),
}


@INSIDE
@pytest.mark.parametrize(("setup", "from_host", "hop"), KEPT.values(), ids=KEPT)
def test_from_stays_as_it_is(
    tmp_path: Path, setup: dict[str, Any], from_host: str, hop: str, inside: dict[str, Any]
) -> None:
    edge = office(tmp_path, **setup).pbx("INVITE", hop=hop, fd=from_host, **VIAS, **inside)
    assert edge.said("pv.sets") == []
    assert edge.done()[-1] == "tm.t_relay"


@pytest.mark.parametrize(
    ("now", "before", "put"),
    [
        (DOMAIN, "10.0.0.1", [("$fd", "10.0.0.1")]),
        (DOMAIN, DOMAIN, []),
        ("else.example", "10.0.0.1", []),
        ("10.0.0.1", "10.0.0.1", []),
    ],
)
def test_only_what_was_changed_is_put_right(tmp_path: Path, now: str, before: str, put: list[tuple[str, str]]) -> None:
    edge = office(tmp_path)
    edge.fake.variables |= {"$rs": 200, "$fd": now, "$T_req($fd)": before}
    script: Any = edge.script
    script.ksr_to_hidden(None)
    assert edge.said("pv.sets") == put


@pytest.mark.parametrize(("hide", "answered"), [(True, "ksr_from_hidden"), (False, "ksr_from_pbx")])
def test_each_pbx_is_hidden_by_itself(tmp_path: Path, hide: bool, answered: str) -> None:
    assert office(tmp_path, hide=hide).phone().said("tm.t_on_reply") == [(answered,)]
    other = office(tmp_path, hide=hide).phone(rd="vault.example.com", fd="vault.example.com")
    assert other.said("tm.t_on_reply") == [("ksr_from_hidden",)]
    within = office(tmp_path, hide=hide).phone("INVITE", **TO_NODE)
    assert within.said("tm.t_on_reply") == ([(answered,)] if hide else [])
