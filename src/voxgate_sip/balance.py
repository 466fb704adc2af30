"""Which node of a PBX serves a request. Pure; time, randomness and what is known of nodes are arguments."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from voxgate_sip.policy import Node, Pbx


def unloaded(_node: Node) -> int:
    """For PBXs whose nodes' calls nobody counts."""
    return 0


class Asks(NamedTuple):
    """What is only asked when it is needed.

    `usable`: whether a node can be used; `turn` counts up for every request of the PBX, `draw` gives a number in
    [0, 1), `load` the running calls of a node.
    """

    usable: Callable[[Node], bool]
    turn: Callable[[], int]
    draw: Callable[[], float]
    load: Callable[[Node], int] = unloaded


def choose(pbx: Pbx, nodes: tuple[Node, ...], key: str, asks: Asks, tried: Collection[str] = ()) -> Node | None:
    """The node that serves the next request, or None when none is left.

    Among nodes not in `tried` (URIs), those with the lowest priority value count, as long as one of them is usable;
    `pbx.balance` decides between them. `key` is the user to hash. Only nodes that would be taken are asked whether they
    are usable.
    """
    left: Sequence[Node] = [node for node in nodes if node.uri not in tried] if tried else nodes
    while left:
        # They are in the order of their priorities.
        alike = left[-1].priority == left[0].priority
        best = left if alike else [node for node in left if node.priority == left[0].priority]
        node = best[0] if len(best) == 1 else _pick(pbx, best, key, asks)
        if asks.usable(node):
            return node
        left = [other for other in left if other is not node]
    return None


def _pick(pbx: Pbx, best: Sequence[Node], key: str, asks: Asks) -> Node:
    match pbx.balance:
        case "least-calls":
            return _least(best, asks.turn(), asks.load)
        case "hash-user":
            return _hashed(key, best)
        case "weight":
            return _weighted(best, asks.draw())
        case "round-robin":
            return best[asks.turn() % len(best)]
        case _:
            return best[0]


def _least(nodes: Sequence[Node], turn: int, load: Callable[[Node], int]) -> Node:
    """The node with the fewest calls for its weight; among equals they take turns."""
    turned = [*nodes[turn % len(nodes) :], *nodes[: turn % len(nodes)]]
    willing = [node for node in turned if node.weight]
    return min(willing or turned, key=lambda node: (load(node) + 1) / (node.weight or 1))


def _weighted(nodes: Sequence[Node], drawn: float) -> Node:
    """Weights are shares (RFC 2782); all zero counts as all equal."""
    total = sum(node.weight for node in nodes)
    if total == 0:
        return nodes[int(drawn * len(nodes))]
    mark = drawn * total
    for node in nodes:
        mark -= node.weight
        if mark < 0:
            return node
    return nodes[-1]


#: A number for each pair; the highest wins (Thaler and Ravishankar, 1998): a node that goes moves its own users. crc32
#: alone is linear, so that similar users would stay together: one multiplication spreads them.
_SPREAD, _BITS = 0x9E3779B97F4A7C15, 0xFFFFFFFFFFFFFFFF


def seeds_of(nodes: Sequence[Node]) -> tuple[tuple[Node, int], ...]:
    """Each node with what its numbers begin with."""
    return tuple((node, _seed(node.uri)) for node in nodes)


def highest(key: str, seeds: Sequence[tuple[Node, int]]) -> Node:
    """The node for `key` among at least one, all of the same weight."""
    user, chosen, best = key.encode(), seeds[0][0], -1
    for node, seed in seeds:
        number = crc32(user, seed) * _SPREAD & _BITS
        if number > best:
            chosen, best = node, number
    return chosen


@cache
def _seed(uri: str) -> int:
    return crc32(uri.encode())


def _hashed(key: str, nodes: Sequence[Node]) -> Node:
    """The node for `key`. With different weights the logarithm makes shares proportional to them."""
    if all(node.weight == nodes[0].weight for node in nodes):
        return highest(key, seeds_of(nodes))
    user = key.encode()
    return max(nodes, key=lambda node: _share(user, node))


def _share(key: bytes, node: Node) -> float:
    number = crc32(key, _seed(node.uri)) * _SPREAD & _BITS
    return node.weight / -math.log((number + 1) / 0x10000000000000001)
