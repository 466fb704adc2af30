"""Sets of networks, and whom an address belongs to."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.guard.world import net
from voxgate.guard.networks import NetworkSet, network_of, requester

networks = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)),
    st.tuples(st.integers(2**64, 2**128 - 1), st.integers(0, 128)),
).map(lambda pair: ip_network((pair[0], pair[1]), strict=False))


@given(st.lists(networks, max_size=8), st.ip_addresses())
def test_the_longest_network_that_holds_an_address_is_found(held: list[object], address: object) -> None:
    fitting = [one for one in held if one.version == address.version and address in one]  # type: ignore[attr-defined,operator]
    found = NetworkSet(held).holding(address)  # type: ignore[arg-type]
    longest = max((one.prefixlen for one in fitting), default=None)  # type: ignore[attr-defined]
    assert (found.prefixlen if found else None) == longest


def test_what_was_discarded_is_not_found() -> None:
    held = NetworkSet([net("10.0.0.0/8"), net("10.1.0.0/16")])
    held.discard(net("10.1.0.0/16"))
    assert held.holding(ip_address("10.1.2.3")) == net("10.0.0.0/8")
    held.discard(net("10.0.0.0/8"))
    assert held.holding(ip_address("10.1.2.3")) is None


@pytest.mark.parametrize(
    ("held", "what", "holds"),
    [
        ("10.0.0.0/16", "10.0.0.0/16", True),
        ("10.0.0.0/16", "10.0.0.0/24", True),
        ("10.0.0.0/16", "10.0.0.0/8", False),
        ("2001:db8::/64", "2001:db8::/48", False),
        ("203.0.113.9/32", "203.0.113.9/32", True),
    ],
)
def test_a_network_is_held_only_as_a_whole(held: str, what: str, *, holds: bool) -> None:
    assert (NetworkSet([net(held)]).holding(net(what)) is not None) is holds


def test_a_single_address_is_held_and_counted() -> None:
    held = NetworkSet([net("203.0.113.9/32"), net("2001:db8::9/128")])
    assert held.holding(ip_address("203.0.113.9")) == net("203.0.113.9/32")
    assert held.holding(ip_address("2001:db8::9")) == net("2001:db8::9/128")
    assert len(held) == 2


@pytest.mark.parametrize(("wide", "shares"), [("10.0.0.0/7", True), ("10.1.2.0/24", True), ("12.0.0.0/8", False)])
def test_networks_overlap_both_ways(wide: str, *, shares: bool) -> None:
    assert (NetworkSet([net("10.1.0.0/16")]).overlapping(net(wide)) is not None) is shares


@pytest.mark.parametrize(
    ("address", "lengths", "whose"),
    [
        ("203.0.113.9", (32, 64), "203.0.113.9/32"),
        ("203.0.113.9", (24, 64), "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", (32, 64), "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::4", (32, 56), "2001:db8:1::/56"),
        ("2001:db8:1:2:3::4", (32, 128), "2001:db8:1:2:3::4/128"),
    ],
)
def test_an_address_belongs_to_its_requester(address: str, lengths: tuple[int, int], whose: str) -> None:
    assert requester(ip_address(address), *lengths) == net(whose)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.9", "203.0.113.9/32"),
        (" 203.0.113.9\n", "203.0.113.9/32"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
        ("203.0.113.9/24", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("[2001:db8::5]", "2001:db8::/64"),
        ("2001:db8::/48", "2001:db8::/48"),
    ],
)
def test_people_write_addresses_and_networks(text: str, network: str) -> None:
    assert network_of(text) == net(network)
