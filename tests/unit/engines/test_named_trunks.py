"""What DNS answered of a trunk's name becomes addresses in the policy, whatever it answered."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.engines.networks import ONE, PUBLIC, TWO, config
from voxgate.config.secrets import Secret
from voxgate.config.trunknames import Target, lookups_of
from voxgate.engines.sip_policy import policy_of, sockets_of
from voxgate.engines.trunk_accounts import accounts_of
from voxgate_sip.policy import dumps, loads
from voxgate_sip.trunks import Hop, Trunk, in_turn

if TYPE_CHECKING:
    from voxgate.config.network import Network

BASE: dict[str, Any] = {"server": "sip.carrier.example", "dids": {"0555": "hq"}, "pbxs": ["hq"]}


def target(address: str, port: int = 5060, transport: str = "udp", priority: int = 0, weight: int = 0) -> Target:
    return Target(ip_address(address), port, transport, priority, weight)


def trunk(answer: tuple[Target, ...], network: Network = TWO, **keys: Any) -> Trunk:
    made = config(trunks={"carrier": BASE | keys})
    answers = {lookup: answer for _, lookup in lookups_of(made)}
    policy = policy_of(made, replace(network, answers=answers), 1, media=True)
    assert loads(dumps(policy)) == policy
    return policy.trunks["carrier"]


def hops(made: Trunk) -> list[str]:
    return [f"{hop.priority} {hop.uri}" for hop in made.hops]


def test_the_order_of_the_answer_is_kept() -> None:
    made = trunk((target("198.51.100.2", 5070, priority=1), target("198.51.100.1", priority=0)))
    assert hops(made) == ["0 sip:198.51.100.1:5060;transport=udp", "1 sip:198.51.100.2:5070;transport=udp"]
    assert (made.host, made.sources) == ("sip.carrier.example", ("198.51.100.1", "198.51.100.2"))


def test_the_order_of_the_file_counts_first() -> None:
    answer = (target("198.51.100.1", priority=0), target("198.51.100.2", priority=3))
    made = trunk(answer, outbound_proxy=["198.51.100.9", "p.carrier.example"])
    assert [hop.address for hop in made.hops] == ["198.51.100.9", "198.51.100.1", "198.51.100.2"]


@pytest.mark.parametrize(
    ("keys", "network", "expected"),
    [
        ({}, TWO, ["198.51.100.1"]),
        ({"ip_version": 6}, TWO, ["2001:db8:9::1"]),
        ({"ip_version": 6}, PUBLIC, []),
        ({}, PUBLIC, ["198.51.100.1"]),
    ],
)
def test_calls_go_out_over_one_ip_version_and_come_in_over_both(
    keys: dict[str, Any], network: Network, expected: list[str]
) -> None:
    made = trunk((target("198.51.100.1"), target("2001:db8:9::1")), network, **keys)
    assert [hop.address for hop in made.hops] == expected
    assert set(made.sources) == {"198.51.100.1", "2001:db8:9::1"}


@pytest.mark.parametrize(
    "address", ["192.168.1.20", "203.0.113.45", "192.168.1.10", "127.0.0.1", "0.0.0.0", "224.0.0.5", "::1"]
)
def test_a_name_cannot_pass_for_a_pbx_or_the_edge(address: str) -> None:
    made = trunk((target(address), target("198.51.100.1")), ONE)
    assert (made.sources, [hop.address for hop in made.hops]) == (("198.51.100.1",), ["198.51.100.1"])


def test_a_name_without_an_answer_yet_is_a_trunk_without_addresses() -> None:
    made = trunk(())
    assert (made.hops, made.sources) == ((), ())
    register = {"user": "u", "password": Secret("p")}
    assert accounts_of(config(trunks={"carrier": BASE | {"register": register}}), TWO) == ()


def test_an_answer_opens_no_socket() -> None:
    made = config(trunks={"carrier": BASE}, listen={"sip": {"udp": 5060}})
    before = sockets_of(policy_of(made, TWO, 1, media=True))
    answers = {lookup: (target("198.51.100.1"),) for _, lookup in lookups_of(made)}
    assert sockets_of(policy_of(made, replace(TWO, answers=answers), 1, media=True)) == before


def hop(name: str, priority: int, weight: int = 0) -> Hop:
    return Hop(name, name, 5060, "udp", "o4", priority, weight)


def test_equals_are_tried_by_their_shares() -> None:
    served = (hop("a", 0, 3), hop("b", 0, 1), hop("c", 1, 9))
    first = [next(in_turn(served, partial(float, n / 100))).uri for n in range(100)]
    assert (first.count("a"), first.count("b")) == (75, 25)
    assert [one.uri for one in in_turn(served, lambda: 0.99)] == ["b", "a", "c"]
    assert {next(in_turn((hop("a", 0), hop("b", 0)), partial(float, n))).uri for n in (0.1, 0.9)} == {"a", "b"}


def test_a_strict_order_needs_no_chance() -> None:
    def never() -> float:
        raise AssertionError

    assert [one.uri for one in in_turn((hop("a", 0), hop("b", 1, 5)), never)] == ["a", "b"]
