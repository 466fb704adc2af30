"""Which node of a PBX serves the current request: `balance` with what the engine knows of the nodes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from voxgate_sip.balance import Asks, choose, highest, seeds_of, unloaded
from voxgate_sip.gate import LEAST_CALLS
from voxgate_sip.shunned import is_shunned

if TYPE_CHECKING:
    from voxgate_sip.gate import Gate
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.policy import Node, Pbx
    from voxgate_sip.route import Router


class Nodes:
    """For one policy generation."""

    def __init__(self, ksr: Ksr, router: Router, gate: Gate | None = None) -> None:
        self._ksr = ksr
        self._gate = gate
        self._is_active = ksr.dispatcher.ds_is_active_uri
        pbxs = router.policy.pbxs.values()
        self._asks = {pbx.name: self._asks_about(pbx) for pbx in pbxs}
        #: Nodes of the policy of which the user alone decides, by their identity: as most PBXs have them.
        self._even = {
            id(nodes): seeds_of(nodes) for pbx in pbxs for nodes in (pbx.plain, pbx.secure) if _is_even(pbx, nodes)
        }

    def choose(
        self, pbx: Pbx, nodes: tuple[Node, ...], user: str, tried: list[str] | None = None, *, shunning: bool = True
    ) -> Node | None:
        """The node for `user`, or None when none is left; `shunning` False: none is known to have failed of late."""
        even = None if tried else self._even.get(id(nodes))
        if even:
            first = highest(user, even)
            if self._is_active(pbx.group, first.uri) > 0 and not (shunning and is_shunned(self._ksr, first.uri)):
                return first
        if len(nodes) == 1 and not tried:
            # Nothing to fall back on: only the health check puts a lone node aside.
            return nodes[0] if self._is_active(pbx.group, nodes[0].uri) > 0 else None
        strict, lenient = self._asks[pbx.name]
        node = choose(pbx, nodes, user, strict if shunning else lenient, tried or ())
        if node is None and shunning:
            # A node that failed a request of late is better than none.
            node = choose(pbx, nodes, user, lenient, tried or ())
        if pbx.balance == LEAST_CALLS and self._gate and node and self._ksr.kx.get_method() == "INVITE":
            self._gate.seat(node)
        return node

    def _asks_about(self, pbx: Pbx) -> tuple[Asks, Asks]:
        """What is asked about the nodes of a PBX: whether they are up and none failed of late; whether they are up."""

        def usable(node: Node) -> bool:
            return self._is_active(pbx.group, node.uri) > 0 and not is_shunned(self._ksr, node.uri)

        def turn() -> int:
            return int(self._ksr.htable.sht_inc("turns", pbx.name))

        def active(node: Node) -> bool:
            return self._is_active(pbx.group, node.uri) > 0

        load = self._gate.load if pbx.balance == LEAST_CALLS and self._gate else unloaded
        strict = Asks(usable, turn, random.random, load)
        return strict, strict._replace(usable=active)


def _is_even(pbx: Pbx, nodes: tuple[Node, ...]) -> bool:
    """Whether there are several of one priority and weight, and users are spread over them."""
    alike = len({(node.priority, node.weight) for node in nodes}) == 1
    return alike and len(nodes) > 1 and pbx.balance == "hash-user"
