"""What a request looks like when it leaves towards a side: Via, Record-Route, socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.message import unbracketed
from voxgate_sip.route import ForbiddenError

if TYPE_CHECKING:
    from voxgate_sip.browsers import Browsers
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.policy import Node
    from voxgate_sip.route import Router

#: The next hop as text, as `Legs.next_hop` reads it.
NEXT_HOP: Final = "$_s($nh(d) $nh(p) $nh(P))"
#: Characters of a request URI up to which its alias is followed. A Contact is anybody's choice and comes back here
#: through the PBX, and `handle_ruri_alias` of older Kamailios copies what is longer than 1024 beyond its buffer.
LONGEST_URI: Final = 1000


class Leg(NamedTuple):
    """A way out. `own`: `host:port;transport=...` as parties there see the edge; `via`: address for Via where it is

    not the socket's; `socket`: the socket to send from where the engine would not find it by itself; `srtp`: policy for
    the encryption of media of whoever is beyond.
    """

    side: str
    proto: str
    own: str
    via: str
    socket: str
    srtp: str


class Legs:
    """All ways out of one policy generation."""

    def __init__(self, ksr: Ksr, router: Router, browsers: Browsers | None = None) -> None:
        self._router = router
        self._browsers = browsers
        self._legs = _legs(router)
        self._node_legs = {
            node.uri: self._legs[node.side, node.proto]._replace(srtp=pbx.srtp)
            for pbx in router.policy.pbxs.values()
            for node in (*pbx.plain, *pbx.secure)
            if (node.side, node.proto) in self._legs
        }
        #: Next hops that are PBX nodes, as `NEXT_HOP` gives them: everyone may go there.
        self.pbx_hops = {
            f"{host} {node.port} {node.proto.upper()}": self._node_legs[node.uri]
            for pbx in router.policy.pbxs.values()
            for node in (*pbx.plain, *pbx.secure)
            for host in {node.address, bracketed(node.address)}
            if node.uri in self._node_legs
        }
        # The advertised address is a static buffer: once one side needs it, every message must set it.
        self._advertises = any(leg.via for leg in self._legs.values())
        self._set_advertised_address = ksr.set_advertised_address
        self._set_send_socket = ksr.corex.set_send_socket

    def own_uris(self) -> dict[tuple[str, str], str]:
        """(side, transport) -> `host:port;transport=...` as parties on that side see the edge."""
        return {key: leg.own for key, leg in self._legs.items()}

    def looks_the_same(self, leg: Leg, side: str, proto: str) -> bool:
        """Whether parties beyond `leg` and parties on `side` see the same address, port and transport of the edge."""
        other = self._legs.get((side, proto))
        return other is not None and other.own == leg.own

    def to(self, side: str, proto: str) -> Leg:
        """The way to a side by a transport. Raises ForbiddenError when there is none."""
        leg = self._legs.get((side, proto))
        if leg is None:
            raise ForbiddenError("no-such-side")
        return leg

    def to_node(self, node: Node) -> Leg:
        """The way to a node of a PBX. Raises ForbiddenError when there is none."""
        return self._node_legs.get(node.uri) or self.to(node.side, node.proto)

    def to_next_hop(self, hop: str, *, from_pbx: bool) -> Leg:
        """The way to a next hop, as `NEXT_HOP` gives it; to a browser, the one connection that it has.

        Raises ForbiddenError when the request may not go there, FlowGoneError when that connection is gone.
        """
        leg = self.pbx_hops.get(hop)
        if leg is not None:
            return leg
        host, port, proto = hop.split(" ", 2)
        if not port.isdecimal():
            raise ForbiddenError("next-hop-is-no-address")
        side = self._router.next_side(from_pbx=from_pbx, host=unbracketed(host), port=int(port))
        leg = self.to(side, proto.lower())
        if leg.proto == "ws" and self._browsers:
            self._browsers.pin(f"{host}:{port}")
        trunk = self._router.trunk_at(unbracketed(host))
        return leg._replace(srtp=trunk.srtp) if trunk else leg

    def dress(self, leg: Leg) -> None:
        """Make the current request's own Via and its socket fit the way it takes."""
        if self._advertises:
            self._set_advertised_address(leg.via)
        if leg.socket:
            self._set_send_socket(leg.socket)


def bracketed(address: str) -> str:
    """`address` as it stands in a URI: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def _legs(router: Router) -> dict[tuple[str, str], Leg]:
    sides = router.policy.sides
    legs = {}
    for side, view in sides.items():
        # Where sides of one IP version share a socket, the engine finds it by itself.
        apart = any(other[1] == side[1] and sides[other].local != view.local for other in sides)
        for proto, port in view.ports.items():
            legs[side, proto] = Leg(
                side,
                proto,
                own=f"{bracketed(view.shown)}:{port};transport={proto}",
                via=bracketed(view.shown) if view.shown != view.local else "",
                socket=f"{proto}:{bracketed(view.local)}:{port}" if apart else "",
                srtp=router.policy.srtp,
            )
        door = router.policy.websocket
        if door and "ws" in view.ports:
            # All sides' browsers come in at one listener on loopback, whose address nobody may see.
            there = f"tcp:{door.address}:{door.port}"
            legs[side, "ws"] = legs[side, "ws"]._replace(via=bracketed(view.shown), socket=there)
    return legs
