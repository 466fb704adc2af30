"""Providers that see the edge in a way of their own: which trunk a request is for, and what each party sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.calls.test_hangup import PHONE_TO_PBX, changed
from tests.unit.engines.networks import TWO, config
from tests.unit.engines.test_named_trunks import trunk
from voxgate.calls.hangup import byes
from voxgate.engines.sip_policy import policy_of, sockets_of
from voxgate_sip.guise import called_by
from voxgate_sip.ownways import at_port, group_of, mark, may_see, meant, reached_at, shown_in_replies
from voxgate_sip.replies import RecordRouteRewriter
from voxgate_sip.trunks import Own, Trunk

ONE = replace(trunk((), addresses=["198.51.100.7"]), name="one", group=0xA1, own=Own(port=5072))
TWO_PORT = replace(ONE, name="two", group=0xA2, own=Own(port=5074))
PLAIN = replace(ONE, name="plain", group=0xA3, own=None)
HUB = replace(ONE, name="hub", group=0xA4, own=Own(name="sbc.example.com"), protos=frozenset({"tls"}))
ALL = (ONE, TWO_PORT, HUB, PLAIN)
SEEN = {("i4", "udp"): "172.16.0.1:5060;transport=udp", ("o4", "udp"): "203.0.113.45:5060;transport=udp"}
REWRITER = RecordRouteRewriter(
    SEEN,
    shown_in_replies({"one": ONE, "two": TWO_PORT}, {
        ("one", "o4", "udp"): "203.0.113.45:5072;transport=udp",
        ("two", "o4", "udp"): "203.0.113.45:5074;transport=udp",
    }),
)  # fmt: skip


@pytest.mark.parametrize(
    ("way", "owner", "target", "expected"),
    [("in", ONE, "", ".a1"), ("in", PLAIN, "", ""), ("out", None, "a2", "-a2"), ("out", None, "", "")],
)
def test_record_route_says_whose_call_it_is(way: str, owner: Trunk | None, target: str, expected: str) -> None:
    assert mark(way, owner, target) == expected


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("<sip:172.16.0.1:5060;transport=udp;t=a2;lr>", "two"),
        ("<sip:172.16.0.1:5060;transport=udp;e=o4udp.a2;lr>", "two"),
        ("<sip:172.16.0.1:5060;transport=udp;e=o4udp.a1;lr>,<sip:p;t=a2;lr>", "one"),
        ("<sip:172.16.0.1:5060;transport=udp;lr>", "plain"),
        ("<sip:172.16.0.1:5060;transport=udp;t=ff;lr>", "plain"),
        ("", "plain"),
    ],
)
def test_a_route_says_which_trunk_at_an_address_is_meant(route: str, expected: str) -> None:
    assert meant(ALL, ALL, "udp", route).name == expected


@pytest.mark.parametrize(
    ("hides", "route", "expected"),
    [
        ((True, False), "<sip:172.16.0.1:5060;transport=udp;t=a2;lr>", False),
        ((False, True), "<sip:172.16.0.1:5060;transport=udp;t=a2;lr>", True),
        ((False, None), "<sip:172.16.0.1:5060;transport=udp;t=a1;lr>", False),
        ((False, True), "<sip:172.16.0.1:5060;transport=udp;lr>", True),
        ((False, None), "", None),
        ((False, False), "", False),
    ],
)
def test_what_trunks_at_one_address_may_see_is_said_by_the_one_or_by_the_most_wary(
    hides: tuple[bool | None, bool | None], route: str, *, expected: bool | None
) -> None:
    found = (replace(ONE, hides=hides[0]), replace(TWO_PORT, hides=hides[1]))
    assert may_see(found, route) is expected


@pytest.mark.parametrize(
    ("proto", "port", "expected"),
    [("udp", 5072, "one"), ("udp", 5074, "two"), ("udp", 5060, "plain"), ("tls", 5061, "hub")],
)
def test_a_port_says_which_trunk_at_an_address_speaks(proto: str, port: int, expected: str) -> None:
    assert at_port(ALL, proto, port).name == expected


def test_the_caller_sees_the_port_of_its_trunk() -> None:
    value = "<sip:172.16.0.1:5060;transport=udp;e=o4udp.a2;lr>"
    assert REWRITER.rewrite(value) == "<sip:203.0.113.45:5074;transport=udp;lr>"


def test_a_pbx_that_called_a_trunk_keeps_the_trunk_in_its_route() -> None:
    value = "<sip:203.0.113.45:5074;transport=udp;e=i4udp-a2;u=1-a2-t;lr>"
    assert REWRITER.rewrite(value) == "<sip:172.16.0.1:5060;transport=udp;t=a2;u=1-a2-t;lr>"


@pytest.mark.parametrize("side", ["i4udp-ff", "i4udp-", "i9udp-a2", "-a2", "i4udp-a2.a1"])
def test_a_mark_that_is_none_of_ours_is_left_alone(side: str) -> None:
    value = f"<sip:203.0.113.45:5074;transport=udp;e={side};lr>"
    assert REWRITER.rewrite(value) == value


def test_a_port_is_opened_on_every_side_and_a_name_is_the_edges() -> None:
    base: dict[str, Any] = {"addresses": ["198.51.100.7"], "dids": {"0555": "hq"}}
    trunks = {
        "one": {**base, "source_port": 5072},
        "hub": {**base, "dids": {"7": "hq"}, "edge_name": "sbc.example.com"},
    }
    policy = policy_of(config(trunks=trunks), TWO, 1, media=True)
    assert ("udp", "203.0.113.45", 5072) in sockets_of(policy)
    assert "sbc.example.com" in policy.own


def test_a_bye_of_the_edges_own_finds_the_provider_by_what_stands_in_record_route() -> None:
    own, account = replace(ONE, password=""), replace(PLAIN, password="x")  # noqa: S106 - nobody's
    written = {
        mark("in", own, ""): (group_of(own), ""),
        mark("out", None, group_of(own)): ("", group_of(own)),
        called_by(account): (group_of(account), ""),
        f"{mark('out', None, group_of(own))};u=1-{group_of(own)}-t": ("", group_of(own)),
        "": ("", ""),
    }
    for marks, found in written.items():
        route = f"<sip:192.168.1.10:5060;transport=udp;e=o4udp{marks};ftag=1;lr>"
        to_caller, to_callee = byes("c", changed(PHONE_TO_PBX, callee_routes=route))
        assert (to_caller.trunk, to_callee.trunk) == found


def test_trunks_at_one_address_are_told_apart_by_the_port_that_they_are_called_at() -> None:
    hop = ONE.hops[0]
    here = replace(ONE, hops=(replace(hop, port=5081, proto="tls"),))
    there = replace(HUB, hops=(replace(hop, port=5085, proto="tls"), replace(hop, port=5086, proto="tls")))
    found = (here, there)
    assert [reached_at(found, hop.address, port, "tls") for port in (5081, 5085, 5086)] == [(here,), (there,), (there,)]
    # From elsewhere, or by another transport, it may be either's.
    assert reached_at(found, hop.address, 5060, "tls") == reached_at(found, hop.address, 5081, "tcp") == found
    # What stands in the route goes before the port.
    assert meant(found, (here,), "tls", f"<sip:203.0.113.45;t={group_of(there)};lr>") is there
    assert meant(found, (there,), "tls", "") is there
