from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.engines.networks import ONE, PUBLIC, TWO, config, pbx
from voxgate.engines.sip_policy import policy_of, sockets_of
from voxgate_sip.policy import Policy, dumps, loads

if TYPE_CHECKING:
    from voxgate.config.network import Network


def policy(pbxs: dict[str, Any] | None = None, network: Network = ONE, **sections: object) -> Policy:
    return policy_of(config(pbxs, **sections), network, 7, media=True)


def shown_ports(made: Policy, name: str) -> tuple[str, str, dict[str, int]]:
    view = made.sides[name]
    return view.shown, view.local, view.ports


DEFAULT = {"udp": 5060, "tcp": 5060, "tls": 5061}


@pytest.mark.parametrize(
    ("network", "name", "view"),
    [
        pytest.param(ONE, "i4", ("192.168.1.10", "192.168.1.10", DEFAULT), id="one interface: phones on the LAN"),
        pytest.param(ONE, "o4", ("203.0.113.45", "192.168.1.10", DEFAULT), id="one interface: phones outside"),
        pytest.param(ONE, "o6", ("2001:db8:1::10", "2001:db8:1::10", DEFAULT), id="one interface: IPv6"),
        pytest.param(TWO, "i4", ("172.16.0.1", "172.16.0.1", DEFAULT), id="two interfaces: inside"),
        pytest.param(TWO, "o4", ("203.0.113.45", "203.0.113.45", DEFAULT), id="two interfaces: outside"),
    ],
)
def test_each_side_is_shown_its_own_address(network: Network, name: str, view: object) -> None:
    assert shown_ports(policy(network=network), name) == view


def test_a_network_without_ipv6_has_no_sides_for_it() -> None:
    assert set(policy(network=PUBLIC).sides) == {"i4", "o4"}


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        pytest.param(TWO, {"tls": 5061, "udp": 5060}, {"tls": 5061}, id="two interfaces: inside only"),
        pytest.param(ONE, {"tls": 5061, "udp": 5060}, {"tls": 5061, "udp": 5060}, id="one: the socket is the same"),
    ],
)
def test_a_transport_that_only_pbxs_need_is_opened_towards_them(
    network: Network, inside: dict[str, int], outside: dict[str, int]
) -> None:
    made = policy(network=network, listen={"sip": {"tls": 5061}})
    assert (made.sides["i4"].ports, made.sides["o4"].ports) == (inside, outside)
    assert made.served == {"tls"}, "phones may use it all the same only where it is served"


def test_a_port_of_ones_own_is_used_towards_pbxs_too() -> None:
    made = policy(network=TWO, listen={"sip": {"udp": 5070}})
    assert made.sides["i4"].ports == {"udp": 5070}


def test_every_socket_is_opened_once_with_brackets_around_ipv6() -> None:
    assert sockets_of(policy(listen={"sip": {"udp": 5060, "tls": 5061}})) == (
        ("tls", "192.168.1.10", 5061),
        ("udp", "192.168.1.10", 5060),
        ("tls", "[2001:db8:1::10]", 5061),
        ("udp", "[2001:db8:1::10]", 5060),
    )


def test_the_edges_own_names_are_all_its_addresses_and_its_domain() -> None:
    assert policy().own == {"edge.example.com", "192.168.1.10", "203.0.113.45", "2001:db8:1::10"}


def test_domains_lead_to_their_pbx_and_gatekeeper_ids_are_none() -> None:
    names = {"names": ["Example.COM", "gk.example/berlin"], "nodes": ["192.168.1.20"]}
    assert policy({"hq": names}).domains == {"example.com": "hq"}


@pytest.mark.parametrize(
    ("target", "plain", "secure"),
    [
        pytest.param({"udp": 5060}, ["udp"], [], id="UDP"),
        pytest.param({"tcp": 5080}, ["tcp"], [], id="TCP"),
        pytest.param({"udp": 5060, "tcp": 5060}, ["udp"], [], id="both: UDP first"),
        pytest.param({"tls": 5061}, [], ["tls"], id="TLS only"),
        pytest.param({"tcp": 5060, "tls": 5061}, ["tcp"], ["tls"], id="plain and TLS"),
    ],
)
def test_the_targets_of_a_pbx_are_its_nodes_by_transport(
    target: dict[str, int], plain: list[str], secure: list[str]
) -> None:
    made = policy({"hq": pbx("192.168.1.20", sip=target)}).pbxs["hq"]
    assert ([node.proto for node in made.plain], [node.proto for node in made.secure]) == (plain, secure)


@pytest.mark.parametrize(
    ("address", "network", "name", "uri"),
    [
        ("192.168.1.20", ONE, "i4", "sip:192.168.1.20:5060;transport=udp"),
        ("2001:db8:1::20", ONE, "i6", "sip:[2001:db8:1::20]:5060;transport=udp"),
        ("198.51.100.7", ONE, "o4", "sip:198.51.100.7:5060;transport=udp"),
        ("2001:db8:77::7", TWO, "o6", "sip:[2001:db8:77::7]:5060;transport=udp"),
        ("172.16.200.1", TWO, "i4", "sip:172.16.200.1:5060;transport=udp"),
    ],
)
def test_a_node_is_on_the_side_of_its_address(address: str, network: Network, name: str, uri: str) -> None:
    (node,) = policy({"hq": pbx(address)}, network).pbxs["hq"].plain
    assert (node.side, node.uri, node.address) == (name, uri, address)


def test_nodes_stand_in_the_order_of_their_priority_and_keep_that_of_the_file_within() -> None:
    nodes = (
        {"address": "192.168.1.23", "priority": 2},
        {"address": "192.168.1.22", "weight": 10},
        {"address": "192.168.1.21"},
    )
    made = policy({"hq": pbx(*nodes)}).pbxs["hq"]
    assert [node.address for node in made.plain] == ["192.168.1.22", "192.168.1.21", "192.168.1.23"]


def test_pbxs_keep_their_groups_when_others_come_and_go() -> None:
    few = {f"pbx{n}": pbx("192.168.1.20", name=f"n{n}.example") for n in range(0, 40, 7)}
    many = {f"pbx{n}": pbx("192.168.1.20", name=f"n{n}.example") for n in range(40)}
    before, after = policy(few).pbxs, policy(many).pbxs
    assert {name: before[name].group for name in few} == {name: after[name].group for name in few}


def test_no_two_of_a_thousand_pbxs_share_a_group_and_all_fit_the_dispatcher() -> None:
    groups = [
        one.group for one in policy({f"p{n}": pbx("192.168.1.20", name=f"n{n}.x") for n in range(1000)}).pbxs.values()
    ]
    assert len(set(groups)) == 1000
    assert min(groups) >= 1
    assert max(groups) < 2**31


def test_two_names_with_the_same_checksum_get_two_groups() -> None:
    # crc32 of both is 0x4DDB0C25
    groups = [
        one.group
        for one in policy(
            {name: pbx("192.168.1.20", name=f"{name}.x") for name in ("plumless", "buckeroo")}
        ).pbxs.values()
    ]
    assert abs(groups[0] - groups[1]) == 1


def test_a_failed_node_is_passed_over_until_the_health_check_has_had_its_say() -> None:
    made = policy(health={"interval_seconds": 10, "down_after": 3})
    assert made.shun_s == 35


def test_the_policy_comes_back_from_its_text_as_it_was() -> None:
    tls = pbx("2001:db8:1::20", {"address": "192.168.1.21", "priority": 3}, sip={"tcp": 5060, "tls": 5061})
    made = policy({"hq": tls, "two": pbx("198.51.100.7", name="two.example")})
    assert loads(dumps(made)) == made
    assert dumps(loads(dumps(made))) == dumps(made)


def test_limits_are_given_for_those_who_have_some() -> None:
    made = policy(
        {"hq": pbx("172.16.0.10", limits={"calls": 60}), "two": pbx("172.16.0.12", name="b.example", limits={})},
        listen={"sip": {"udp": 5060, "requester": {"calls_per_second": 9}}},
    )
    assert made.limits == {"pbx:hq": (60, 0), "from": (0, 9)}
    assert loads(dumps(made)).limits == made.limits


def test_encryption_of_media_reaches_the_script_and_can_change_without_a_restart() -> None:
    made = policy(pbxs={"hq": pbx("172.16.0.10", srtp="required"), "branch": pbx("172.16.8.10", names=["b.example"])})
    assert (made.srtp, made.pbxs["hq"].srtp, made.pbxs["branch"].srtp) == ("optional", "required", "off")
    assert policy(media={"srtp": "off"}).srtp == "off"
    assert loads(dumps(made)) == made
