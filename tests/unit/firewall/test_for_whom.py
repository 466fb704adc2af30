"""Openings that are for some only, and what needs none."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.engines.networks import ONE, PUBLIC, TWO, pbx
from tests.unit.firewall.places import paper
from tests.unit.firewall.test_openings import ANY, BOTH, incoming
from voxgate.config.secrets import Secret
from voxgate.engines.base import EngineState, Listener, Process
from voxgate.engines.dnsmasq import PURPOSE as LOCAL_DNS
from voxgate.firewall.opening import Way
from voxgate.firewall.openings import openings

if TYPE_CHECKING:
    from voxgate.plan.desired import Desired

SHARED = {"shared_secret": Secret("0123456789abcdef"), "peers": ["172.16.0.0/24"]}


def listening(*listeners: Listener) -> Desired:
    """One interface, and another engine that listens there."""
    desired = paper(ONE)
    more = EngineState("more", Process(("more",), "more"), listeners=listeners)
    return replace(desired, engines=(*desired.engines, more))


def test_what_listens_on_loopback_needs_no_opening() -> None:
    loopback = (Listener("tcp", address, 5080, "SIP over WebSocket") for address in ("127.0.0.1", "::1"))
    assert openings(listening(*loopback)) == openings(paper(ONE))


def test_names_are_told_to_the_inside_alone_on_an_interface_that_strangers_reach_too() -> None:
    found = incoming(listening(Listener("udp", "192.168.1.10", 53, LOCAL_DNS)))
    assert found["53/udp"] == (["192.168.1.10"], ["192.168.1.0/24", "2001:db8:1::20/128"], "dns.port")


def test_the_routers_address_is_told_where_there_is_a_router() -> None:
    assert {one.public for one in openings(paper(ONE)) if one.way is Way.IN} == {(ip_address("203.0.113.45"),)}
    assert {one.public for one in openings(paper(TWO)) if one.way is Way.IN} == {()}


def test_loopback_is_nobody_inside() -> None:
    network = replace(TWO, local_networks=(*TWO.local_networks, ip_network("127.0.0.0/8")))
    assert {one.sources for one in openings(paper(network)) if one.key == "media.ports"} == {(), TWO.local_networks}


def test_each_provider_has_its_own_port_and_no_other_transport_of_that_number() -> None:
    trunks = {
        name: {"addresses": [address], "source_port": port, "dids": {"5X": "hq"}}
        for name, address, port in (("one", "198.51.100.7", 5070), ("two", "198.51.100.8", 5072))
    }
    listen = {"sip": {"udp": 5060, "tcp": 5070}}
    found = incoming(paper(trunks={**trunks, "plain": {"addresses": ["198.51.100.9"]}}, listen=listen))
    assert found["5070/udp"] == (BOTH, ["198.51.100.7/32"], "trunks.one.source_port")
    assert found["5072/udp"] == (BOTH, ["198.51.100.8/32"], "trunks.two.source_port")
    assert found["5070/tcp"] == (BOTH, ANY, "listen.sip.tcp")


@pytest.mark.parametrize(
    ("turn", "opened"),
    [
        (SHARED, True),
        ({"peers": ["172.16.0.0/24"], "accounts": {"hq": Secret("0123456789abcdef")}}, True),
        ({"peers": ["172.16.0.0/24"]}, False),
        ({"shared_secret": Secret("0123456789abcdef")}, False),
    ],
)
def test_relay_ports_are_open_where_somebody_may_relay_to_somebody(turn: dict[str, Any], *, opened: bool) -> None:
    assert ("30000-32767/udp" in incoming(paper(PUBLIC, turn=turn))) is opened


def test_the_relay_is_reached_from_outside_alone() -> None:
    addresses = [one.addresses for one in openings(paper(TWO, turn=SHARED)) if one.key == "turn.relay_ports"]
    assert addresses == [(ip_address("203.0.113.45"), ip_address("2001:db8:1::10"))]


def test_only_the_outside_is_asked_by_a_certificates_authority() -> None:
    asked = [one for one in openings(paper(TWO, certificates={"default": {"acme": {}}})) if one.key == "certificates"]
    assert [one.addresses for one in asked] == [(ip_address("203.0.113.45"), ip_address("2001:db8:1::10"))]
    assert "80/tcp" not in incoming(paper(certificates={"others": {"shop": {"names": ["example.org"]}}}))


def test_an_authority_that_asks_on_port_80_leaves_other_ports_as_they_are() -> None:
    http = {"plain": 80, "allow_urls": "@everything", "allow_from": ["198.51.100.0/24"]}
    listen = {"sip": {"udp": 5060}, "http": {"plain": 8080}}
    made = {"hq": pbx("192.168.1.20", http=http)}
    found = incoming(paper(ONE, made, listen=listen, certificates={"default": {"acme": {}}}))
    assert found["8080/tcp"][1] == ["198.51.100.0/24"]


@pytest.mark.parametrize(
    ("forward", "purposes"),
    [
        ({"udp": 4569, "note": "IAX"}, ["IAX"]),
        ({"udp": 4569}, ["port forward"]),
        ({"udp": 4569, "allow_from": ["198.51.100.0/24"]}, ["port forward"]),
        ({"udp": 4569, "allow_from": ["2001:db8:9::/48"]}, []),
        ({"udp": 4569, "node": "fd00:172::10"}, []),
    ],
)
def test_a_forward_that_nobody_can_use_needs_no_opening(forward: dict[str, Any], purposes: list[str]) -> None:
    listed = openings(paper(PUBLIC, {"hq": pbx("172.16.0.10", forwards=[forward])}))
    assert [one.purpose for one in listed if one.way is Way.THROUGH] == purposes
