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


def office(folder: Path, *, hide: bool = True, domain: str = DOMAIN) -> Edge:
    """A worker whose first PBX has a domain."""
    pbx = replace(OFFICE, hide_topology=hide, domain=domain)
    return Edge(folder, pbxs={**policy().pbxs, "office": pbx})


@pytest.mark.parametrize("inside", [{}, {"tt": "b"}], ids=["at-first", "inside-a-dialog"])
@pytest.mark.parametrize("method", ["INVITE", "BYE", "MESSAGE"])
def test_phones_outside_see_the_domain_and_the_answer_is_put_right(
    tmp_path: Path, inside: dict[str, Any], method: str
) -> None:
    edge = office(tmp_path).pbx(method, fd="10.0.0.1", **inside)
    assert edge.said("pv.sets") == [("$fd", DOMAIN)]
    assert edge.said("tm.t_on_reply") == [("ksr_from_phone",)]


KEPT = {
    "does-not-hide": ({"hide": False}, {"fd": "10.0.0.1"}, PHONE),
    "has-no-domain": ({"domain": ""}, {"fd": "10.0.0.1"}, PHONE),
    "writes-its-domain": ({}, {"fd": DOMAIN}, PHONE),
    "to-a-phone-inside": ({}, {"fd": "10.0.0.1"}, DESK),
}


@pytest.mark.parametrize("inside", [{}, {"tt": "b"}], ids=["at-first", "inside-a-dialog"])
@pytest.mark.parametrize(("setup", "variables", "hop"), KEPT.values(), ids=KEPT)
def test_from_stays_as_it_is(
    tmp_path: Path, setup: dict[str, Any], variables: dict[str, Any], hop: str, inside: dict[str, Any]
) -> None:
    assert office(tmp_path, **setup).pbx("INVITE", hop=hop, **variables, **inside).said("pv.sets") == []


def test_an_ack_needs_no_answer_put_right(tmp_path: Path) -> None:
    edge = office(tmp_path).pbx("ACK", fd="10.0.0.1", tt="b")
    assert edge.said("pv.sets") == [("$fd", DOMAIN)]
    assert edge.said("tm.t_on_reply") == []


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
    edge.script.ksr_from_phone(None)
    assert edge.said("pv.sets") == put
