"""What a request needs on its way out, worked out once for many: Record-Route, callbacks for what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.message import forwarded_for
from voxgate_sip.passages import marked
from voxgate_sip.replies import AS_IS, FROM_HIDDEN, FROM_PBX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate_sip.hiding import Hider
    from voxgate_sip.legs import Leg, Legs
    from voxgate_sip.policy import Node
    from voxgate_sip.route import Request, Router

#: Methods that open a dialog or a subscription outside of one (RFC 3261, 6665, 3515).
DIALOG_FORMING: Final = frozenset({"INVITE", "SUBSCRIBE", "REFER"})
#: Ways to nodes that a worker remembers, before it forgets them all.
MOST_WAYS: Final = 4096


#: The methods whose ways are remembered: a stranger may send any other.
_ORDINARY: Final = frozenset({"INVITE", "REGISTER", "SUBSCRIBE", "OPTIONS", "MESSAGE", "PUBLISH"})


class Way(NamedTuple):
    """What is the same for all requests of one method, from one source by one transport, that leave by one leg.

    `shape` is the callback for their replies, empty for none, and `answered` the one where these carry SDP; `route` is
    the edge's Record-Route, `failure` the callback for a failed transaction, both empty for none. `to_flow`: it ends
    in a connection that only the other end can open. `hides`: replies must not show the PBX. `forwarded` is the line
    that tells a PBX who calls, empty for none.
    """

    leg: Leg
    route: str
    shape: str
    answered: str
    failure: str
    to_flow: bool
    hides: bool
    forwarded: str = ""


class Ways:
    """Of one policy generation."""

    def __init__(self, router: Router, legs: Legs, hider: Hider) -> None:
        self._router = router
        self._legs = legs
        self._hider = hider
        self._media = router.policy.media
        self._guarded = router.policy.hygiene is not None
        self._pbx_protos = router.policy.pbx_protos
        self._known: dict[tuple[str, str, str, str], Way] = {}

    def to_node(self, node: Node, request: Request) -> Way:
        """The way of `request` to a node."""
        # As they stand in a request: method, source, transport.
        key = (node.uri, *request[:3])
        known = self._known.get(key)
        if known is not None:
            return known
        shapes, leg = FROM_PBX, self._legs.to_node(node)
        if self._hider.active and request.source not in self._pbx_protos:
            side = self._router.side_of(request.source)
            shapes = FROM_HIDDEN if self._hider.hides(node.address, side) else FROM_PBX
        way = self.of(request, leg, shapes)
        if request.method == "INVITE" and not self._router.is_pbx(*request[1:4]):
            way = way._replace(forwarded=forwarded_for(request.source))
        if request.method in _ORDINARY:
            if len(self._known) >= MOST_WAYS:
                self._known.clear()
            self._known[key] = way
        return way

    def again(self, request: Request, way: Way, passage: str) -> Way:
        """The same way in a later passage of a call: replies find it by what Record-Route carries."""
        came = self._router.side_of(request.source)
        answered = "ksr_from_pbx" if way.answered == AS_IS else way.answered
        return way._replace(
            route=f"{way.leg.own};e={came}{request.proto}{marked(passage)}",
            shape=way.shape or answered,
            answered=answered,
        )

    def of(self, request: Request, leg: Leg, shapes: Mapping[str, str]) -> Way:
        """The way of `request` by `leg`; `shapes` are the callbacks for its replies by method."""
        method, route = request.method, ""
        shape, answered = shapes.get(method, ""), shapes.get(method, "ksr_from_pbx")
        if method in DIALOG_FORMING:
            came = self._router.side_of(request.source)
            route = f"{leg.own};e={came}{request.proto}"
            if self._legs.looks_the_same(leg, came, request.proto):
                # Nothing to turn round; the mark tells the edge's own entry from others.
                route = f"{leg.own};e=-"
                if shapes is FROM_PBX:
                    shape, answered = "", AS_IS
        failure = ""
        if method == "INVITE" and self._media:
            failure = "ksr_failure"
        elif self._guarded and method != "REGISTER":
            failure = "ksr_challenged"
        to_flow = leg.proto != "udp" and shapes not in (FROM_PBX, FROM_HIDDEN)
        return Way(leg, route, shape, answered, failure, to_flow, shapes is FROM_HIDDEN)
