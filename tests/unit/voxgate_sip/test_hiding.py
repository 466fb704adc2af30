"""What of a PBX is taken out of its requests towards parties outside, and for whom nothing is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.offices import INSIDE, OFFICE, PHONE, PUBLIC, SHOP
from tests.unit.voxgate_sip.test_trunk_calls import CARRIER
from voxgate_sip.hiding import ASKER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ksr.fake import Value
    from voxgate_sip.hiding import Hider

CONTACT = "<sip:600@10.0.0.1>"


def sent(folder: Path, method: str = "INVITE", /, **variables: Value) -> Edge:
    """A request of the first node to a phone, where topology is hidden; `variables` by name without the dollar."""
    named = replace(OFFICE, domain="pbx.example.com")
    edge = Edge(folder, hide_topology=True, pbxs={"office": named}, domains={"pbx.example.com": "office"})
    edge.fake.variables |= {"$hdrc(Via)": 1, "$hdr(Via)": "SIP/2.0/UDP 10.0.0.1", "$ct": CONTACT, "$hdrc(Contact)": 1}
    edge.fake.variables |= {f"${name}": value for name, value in variables.items()}
    return edge.pbx(method)


def removed(edge: Edge) -> list[str]:
    return [str(name) for (name,) in edge.said("hdr.remove") if name in {"Contact", "Record-Route"}]


def added(edge: Edge, header: str) -> list[str]:
    return [str(line) for (line,) in edge.said("hdr.append") if str(line).startswith(f"{header}:")]


def test_contact_and_proxies_of_a_pbx_are_replaced_by_the_edge(tmp_path: Path) -> None:
    variables: dict[str, Value] = {"(hdr(Record-Route)[*])": "<sip:10.0.0.8;lr>"}
    edge = sent(tmp_path, **variables)
    assert removed(edge) == ["Record-Route", "Contact"]
    assert len(added(edge, "Contact")) == 1
    assert not any("10.0.0." in line for line in added(edge, "Contact") + added(edge, "Record-Route"))


@pytest.mark.parametrize(("contacts", "gone"), [(1, ["Contact"]), (0, [])])
def test_a_contact_that_means_nothing_goes_without_another_in_its_place(
    tmp_path: Path, contacts: int, gone: list[str]
) -> None:
    variables: dict[str, Value] = {"hdrc(Contact)": contacts}
    edge = sent(tmp_path, "MESSAGE", **variables)
    assert removed(edge) == gone
    assert not added(edge, "Contact")


@pytest.mark.parametrize(("vias", "removals"), [(1, 0), (3, 2), (1000, 69)])
def test_the_vias_of_proxies_behind_a_pbx_go_and_the_first_becomes_the_edges(
    tmp_path: Path, vias: int, removals: int
) -> None:
    variables: dict[str, Value] = {"hdrc(Via)": vias}
    edge = sent(tmp_path, **variables)
    assert edge.said("textops.remove_hf_idx") == [("Via", number) for number in range(1, removals + 1)]
    assert len(edge.said("textops.replace_hdrs_str")) == 1


@pytest.mark.parametrize("claims", [1, 0])
def test_who_calls_is_named_by_the_pbxs_domain_in_from_and_in_what_it_asserts(tmp_path: Path, claims: int) -> None:
    variables: dict[str, Value] = {
        "fd": "10.0.0.1",
        "hdrc(P-Asserted-Identity)": claims,
        "(hdr(P-Asserted-Identity)[*])": "<sip:600@10.0.0.1>",
    }
    edge = sent(tmp_path, **variables)
    assert ("$fd", "pbx.example.com") in edge.said("pv.sets")
    told = ["P-Asserted-Identity: <sip:600@pbx.example.com>\r\n"] if claims else []
    assert added(edge, "P-Asserted-Identity") == told


def hider(folder: Path, **changes: Any) -> Hider:
    return Edge(folder, domains={}, **changes).script._hider


def test_a_pbx_is_hidden_outside_unless_it_or_a_trunk_says_otherwise(tmp_path: Path) -> None:
    pbxs = {"office": OFFICE, "shop": replace(SHOP, hide_topology=False)}
    made = hider(tmp_path, hide_topology=True, pbxs=pbxs)
    asked = [("10.0.0.1", "o4", None), ("10.0.0.1", "i4", None), ("198.51.100.7", "o4", None)]
    assert [made.hides(*one) for one in asked] == [True, False, False]
    assert [made.hides("10.0.0.1", "i4", True), made.hides("10.0.0.1", "o4", False)] == [True, False]


@pytest.mark.parametrize(
    ("changes", "active"),
    [
        ({}, False),
        ({"hide_topology": True}, True),
        ({"hide_topology": True, "pbxs": {"office": replace(OFFICE, hide_topology=False)}}, False),
        ({"trunks": {"carrier": replace(CARRIER, hides=True)}}, True),
        ({"trunks": {"carrier": CARRIER}}, False),
    ],
)
def test_nothing_is_hidden_where_nobody_wants_it(tmp_path: Path, changes: dict[str, Any], *, active: bool) -> None:
    assert hider(tmp_path, **changes).active is active


@pytest.mark.parametrize("asker", ["said", "of the transaction"])
@pytest.mark.parametrize("claims", [1, 0])
def test_an_answer_of_a_pbx_shows_the_edge_and_the_pbxs_domain(tmp_path: Path, asker: str, claims: int) -> None:
    edge = sent(tmp_path)
    edge.fake.calls.clear()
    if asker == "said":
        edge.fake.variables |= {ASKER: f"{PHONE}\nudp"}
    edge.fake.variables |= {
        "$T_req($si)": PHONE,
        "$T_req($pr)": "udp",
        "$(hdr(Record-Route)[*])": f"<sip:{INSIDE}:5060;transport=udp;e=o4udp;lr>",
        "$hdrc(P-Asserted-Identity)": claims,
        "$(hdr(P-Asserted-Identity)[*])": "<sip:600@10.0.0.1>",
    }
    assert edge.reply("ksr_from_hidden") == 1
    assert removed(edge) == ["Record-Route", "Contact"]
    assert added(edge, "Record-Route") == [f"Record-Route: <sip:{PUBLIC}:5060;transport=udp;lr>\r\n"]
    (contact,) = added(edge, "Contact")
    assert contact.startswith(f"Contact: <sip:600@{PUBLIC}:5060;n=")
    assert len(added(edge, "P-Asserted-Identity")) == claims


def test_an_answer_to_a_pbx_goes_back_the_way_that_its_request_came(tmp_path: Path) -> None:
    edge = sent(tmp_path)
    edge.fake.calls.clear()
    vias = "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.8;branch=z9hG4bK2"
    edge.fake.variables |= {"$T_req($(hdr(Via)[*]))": vias, "$T_req($fd)": "10.0.0.1", "$fd": "pbx.example.com"}
    edge.reply("ksr_to_hidden")
    assert edge.said("textops.remove_hf_idx") == [("Via", 1)]
    assert added(edge, "Via") == [f"Via: {vias}\r\n"]
    assert ("$fd", "10.0.0.1") in edge.said("pv.sets")
