"""Calls to a trunk are calls out: the toll-fraud guard and the limits hold for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.offices import INSIDE
from tests.unit.voxgate_sip.shared import Shared
from voxgate_sip.chain import Chain, chain_of
from voxgate_sip.fraud import Guard
from voxgate_sip.trunks import Hop, Trunk

if TYPE_CHECKING:
    from pathlib import Path

HOP = Hop("sip:192.0.2.9:5060;transport=udp", "192.0.2.9", 5060, "udp", "o4")
CARRIER = Trunk(
    name="carrier", group=9, host="sip.carrier.example", server="sip.carrier.example", hops=(HOP,),
    sources=("192.0.2.9/32",), protos=frozenset({"udp"}), dids=(), pbxs=frozenset({"office"}), prefixes=(), rank=0,
    codes=frozenset({503}), timeout_ms=1500, rules_in=(), rules_out=(), probe=False, account="", auth_user="",
    password="", srtp="off",
)  # fmt: skip
GUARD = Guard(refuse=True, verdicts={"0088": False}, classes={}, calls={}, metered=(), nights=())


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    made = Edge(tmp_path, trunks={"carrier": CARRIER}, fraud={"office": GUARD}, limits={"pbx:office": (1, 0)})
    Shared(made.fake)
    return made


def call(edge: Edge, number: str, call_id: str = "one") -> Edge:
    return edge.pbx("INVITE", hop=INSIDE, rU=number, ci=call_id, ft=f"tag-{call_id}", cs=1, hdrc=0)


def test_a_call_to_a_trunk_leaves_as_the_trunk_wants_it(edge: Edge) -> None:
    call(edge, "030")
    assert ("$ru", "sip:030@sip.carrier.example") in edge.said("pv.sets")
    assert ("$du", HOP.uri) in edge.said("pv.sets")
    assert edge.said("tm.t_set_fr") == [(0, 1500)]
    assert edge.done()[-1] == "tm.t_relay"


def test_the_toll_fraud_guard_holds_for_trunks(edge: Edge) -> None:
    assert call(edge, "00881").said("sl.send_reply") == [(403, "Forbidden")]
    assert "tm.t_relay" not in edge.done()


def test_the_limits_of_a_pbx_hold_for_trunks(edge: Edge) -> None:
    call(edge, "030")
    call(edge, "030", "two")
    assert "tm.t_relay" not in edge.done()


def test_a_call_that_could_not_leave_gives_its_place_back(edge: Edge) -> None:
    edge.fake.answers["tm.t_relay"] = -1
    assert call(edge, "030").said("tm.t_reply") == [(503, "Service Unavailable")]
    edge.fake.answers["tm.t_relay"] = 1
    assert call(edge, "030", "two").done()[-1] == "tm.t_relay"


def test_a_chain_of_attempts_comes_back_from_its_text() -> None:
    chain = Chain("out", "hq", "030", "1", "10.0.0.1", "i4udp", "INVITE", "1", "ksr_to_hidden", "", ("a", "b"))
    tried = chain._replace(tried=(("a", "sip:192.0.2.1", "503"), ("b", "sip:192.0.2.2", "")))
    assert chain_of(chain.text()) == chain
    assert chain_of(tried.ended("timeout").text()).tried[-1] == ("b", "sip:192.0.2.2", "timeout")
