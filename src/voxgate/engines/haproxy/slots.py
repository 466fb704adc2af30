"""Which node serves which of a PBX's slots. Pure.

A request falls into one of `SLOTS` slots, by the client's address or by chance; each belongs to a node. When a node is
down only its own slots move, so that clients of the others stay where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voxgate.config.nodes import Node
    from voxgate.config.scalars import IpAddress

SLOTS: Final = 32


def slots(nodes: tuple[Node, ...], down: frozenset[IpAddress] = frozenset()) -> tuple[IpAddress, ...]:
    """The node of every slot: of the best priority, in proportion to weights. With all down, as if none were."""
    whole = _shared(_best(nodes))
    up = tuple(node for node in nodes if node.address not in down)
    if not up:
        return whole
    heirs = iter(_shared(_best(up)))
    return tuple(next(heirs) if address in down else address for address in whole)


def _best(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    first = min(node.priority for node in nodes)
    best = tuple(node for node in nodes if node.priority == first)
    # A weight of nothing is for a node that is being emptied; alone it serves all the same.
    return tuple(node for node in best if node.weight) or best


def _shared(nodes: tuple[Node, ...]) -> tuple[IpAddress, ...]:
    """Each slot goes to the node that is furthest behind its share (as in smooth weighted round-robin)."""
    weights = {node.address: node.weight or 1 for node in nodes}
    total = sum(weights.values())
    behind = dict.fromkeys(weights, 0)
    found = []
    for _ in range(SLOTS):
        behind = {address: behind[address] + weight for address, weight in weights.items()}
        chosen = max(behind, key=lambda address: behind[address])
        behind[chosen] -= total
        found.append(chosen)
    return tuple(found)
