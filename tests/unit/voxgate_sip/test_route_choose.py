"""Which node serves: priorities first, then the declared balance; weights are shares."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.voxgate_sip.offices import node, pbx
from voxgate_sip.balance import Asks, choose

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from voxgate_sip.policy import Node

A, B, C = node("10.0.0.1"), node("10.0.0.2"), node("10.0.0.3")
SPARE = node("10.0.0.4", priority=1)
NODES = st.lists(st.integers(1, 250), min_size=2, max_size=8, unique=True).map(
    lambda ends: tuple(node(f"10.0.0.{end}") for end in ends)
)


def chosen(
    balance: str,
    nodes: tuple[Node, ...],
    key: str = "100",
    *,
    turn: int = 0,
    draw: float = 0.0,
    down: Collection[Node] = (),
    tried: Collection[Node] = (),
    calls: Mapping[Node, int] | None = None,
) -> Node | None:
    return choose(
        pbx("office", nodes, balance=balance),
        nodes,
        key,
        Asks(lambda entry: entry not in down, lambda: turn, lambda: draw, lambda entry: (calls or {}).get(entry, 0)),
        tried=[entry.uri for entry in tried],
    )


CASES = {
    "priority-takes-the-first": (chosen("priority", (A, B)), A),
    "priority-after-the-first-failed": (chosen("priority", (A, B), tried=[A]), B),
    "priority-after-the-first-is-down": (chosen("priority", (A, B), down=[A]), B),
    "round-robin-first-turn": (chosen("round-robin", (A, B, C), turn=3), A),
    "round-robin-next-turn": (chosen("round-robin", (A, B, C), turn=4), B),
    "round-robin-leaves-out-what-was-tried": (chosen("round-robin", (A, B, C), turn=1, tried=[B]), C),
    "round-robin-leaves-out-what-is-down": (chosen("round-robin", (A, B), turn=1, down=[B]), A),
    "spare-waits": (chosen("round-robin", (A, B, SPARE), turn=2), A),
    "spare-when-all-before-are-down": (chosen("round-robin", (A, B, SPARE), turn=2, down=[A, B]), SPARE),
    "spare-when-all-before-were-tried": (chosen("hash-user", (A, B, SPARE), tried=[A, B]), SPARE),
    "least-calls-takes-the-idle-one": (chosen("least-calls", (A, B, C), calls={A: 2, B: 1}), C),
    "least-calls-takes-turns-among-equals": (chosen("least-calls", (A, B, C), turn=1), B),
    "least-calls-leaves-out-what-is-down": (chosen("least-calls", (A, B), calls={B: 9}, down=[A]), B),
    "weight-lowest-draw": (chosen("weight", (A, B), draw=0.0), A),
    "weight-highest-draw": (chosen("weight", (A, B), draw=0.9999999), B),
    "weight-zero-gets-nothing": (chosen("weight", (node("10.0.0.5", weight=0), B), draw=0.0), B),
    "weights-all-zero-are-equal-low": (chosen("weight", (node("10.0.0.5", weight=0), node("10.0.0.6", weight=0))),
                                       node("10.0.0.5", weight=0)),
    "weights-all-zero-are-equal-high": (
        chosen("weight", (node("10.0.0.5", weight=0), node("10.0.0.6", weight=0)), draw=0.99),
        node("10.0.0.6", weight=0),
    ),
    "weight-zero-serves-when-alone": (chosen("weight", (node("10.0.0.5", weight=0),)), node("10.0.0.5", weight=0)),
    "none-left-of-those-down": (chosen("hash-user", (A, B, SPARE), down=[A, B, SPARE]), None),
    "none-left-of-those-tried": (chosen("priority", (A, B), tried=[A, B]), None),
    "none-at-all": (chosen("priority", ()), None),
}  # fmt: skip


@pytest.mark.parametrize(("node_", "expected"), CASES.values(), ids=CASES)
def test_the_balance_decides_between_nodes_of_the_best_priority(node_: Node | None, expected: Node | None) -> None:
    assert node_ == expected


def test_round_robin_serves_all_alike() -> None:
    assert Counter(chosen("round-robin", (A, B, C), turn=turn) for turn in range(30)) == {A: 10, B: 10, C: 10}


@given(NODES, st.text(max_size=20), st.data())
def test_a_node_that_goes_moves_only_its_own_users(nodes: tuple[Node, ...], user: str, data: st.DataObject) -> None:
    before = chosen("hash-user", nodes, user)
    gone = data.draw(st.sampled_from(nodes))
    left = tuple(entry for entry in nodes if entry != gone)
    for after in (chosen("hash-user", left, user), chosen("hash-user", nodes, user, down=[gone])):
        assert after in left
        assert before in {gone, after}


@given(NODES, st.text(max_size=20))
def test_the_order_of_nodes_does_not_move_users(nodes: tuple[Node, ...], user: str) -> None:
    assert chosen("hash-user", nodes, user) == chosen("hash-user", nodes[::-1], user)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 10), min_size=2, max_size=4), st.sampled_from(["weight", "hash-user"]))
def test_weights_are_shares(weights: list[int], balance: str) -> None:
    nodes = tuple(node(f"10.0.0.{end}", weight=weight) for end, weight in enumerate(weights, 1))
    total = 1500
    got = Counter(chosen(balance, nodes, f"user{index}", draw=index / total) for index in range(total))
    for entry in nodes:
        share = total * entry.weight / sum(weights)
        assert abs(got[entry] - share) <= 0.25 * share + 40


def test_numbers_in_sequence_are_spread() -> None:
    got = Counter(chosen("hash-user", (A, B, C), str(number)) for number in range(1000, 1900))
    assert min(got.values()) > 200


def test_a_node_of_weight_zero_gets_users_only_when_no_other_is_left() -> None:
    resting = node("10.0.0.5", weight=0)
    assert {chosen("hash-user", (resting, A), str(number)) for number in range(200)} == {A}
    assert chosen("hash-user", (resting, A), down=[A]) == resting
