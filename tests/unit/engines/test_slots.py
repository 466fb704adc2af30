"""Which node serves which slot: by weight among the best, and a node's loss moves its own slots alone."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.config.nodes import Node
from voxgate.engines.haproxy.slots import SLOTS, slots

if TYPE_CHECKING:
    from voxgate.config.scalars import IpAddress


def node(number: int, *, weight: int = 1, priority: int = 1) -> Node:
    return Node.model_validate({"address": f"192.0.2.{number}", "weight": weight, "priority": priority})


def shares(nodes: tuple[Node, ...], *down: int) -> dict[int, int]:
    """Last number of a node's address -> its slots."""
    found = slots(nodes, frozenset(ip_address(f"192.0.2.{number}") for number in down))
    assert len(found) == SLOTS
    return dict(Counter(int(address) & 0xFF for address in found))


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ((node(1),), {1: 32}),
        ((node(1), node(2)), {1: 16, 2: 16}),
        ((node(1, weight=3), node(2)), {1: 24, 2: 8}),
        ((node(1), node(2), node(3)), {1: 11, 2: 11, 3: 10}),
        # A worse priority gets nothing while a better one is there.
        ((node(1, priority=2), node(2)), {2: 32}),
        # A weight of nothing: being emptied; alone it serves all the same.
        ((node(1, weight=0), node(2)), {2: 32}),
        ((node(1, weight=0), node(2, priority=2)), {1: 32}),
        ((node(1, weight=0), node(2, weight=0)), {1: 16, 2: 16}),
    ],
)
def test_slots_follow_priority_and_weight(nodes: tuple[Node, ...], expected: dict[int, int]) -> None:
    assert shares(nodes) == expected


def test_the_next_priority_serves_where_the_best_is_down() -> None:
    nodes = (node(1), node(2), node(3, priority=2))
    assert shares(nodes, 1) == {2: 32}
    assert shares(nodes, 1, 2) == {3: 32}


def test_with_all_down_nothing_changes() -> None:
    nodes = (node(1), node(2))
    assert shares(nodes, 1, 2) == shares(nodes)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 2)), min_size=1, max_size=6), st.sets(st.integers(0, 5)))
def test_only_the_slots_of_what_is_down_move(spread: list[tuple[int, int]], fallen: set[int]) -> None:
    nodes = tuple(node(n, weight=weight, priority=priority) for n, (weight, priority) in enumerate(spread))
    down: frozenset[IpAddress] = frozenset(node(n).address for n in fallen if n < len(nodes))
    whole, left = slots(nodes), slots(nodes, down)
    if len(down) == len(nodes):
        assert left == whole
        return
    assert not set(left) & down
    assert all(now == before for now, before in zip(left, whole, strict=True) if before not in down)
