"""What a request looks like when it leaves towards a side: Via, Record-Route, socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.message import unbracketed
from voxgate_sip.ownways import at_port, group_of, meant, reached_at, shown_in_replies
from voxgate_sip.route import ForbiddenError

if TYPE_CHECKING:
    from voxgate_sip.browsers import Browsers
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.policy import Node
    from voxgate_sip.route import Router
    from voxgate_sip.trunks import Trunk
    from voxgate_sip.vouching import Vouching

#: The next hop as text, as `Legs.next_hop` reads it.
NEXT_HOP: Final = "$_s($nh(d) $nh(p) $nh(P))"
#: Characters of a request URI up to which its alias is followed. A Contact is anybody's choice and comes back here
#: through the PBX, and `handle_ruri_alias` of older Kamailios copies what is longer than 1024 beyond its buffer.
LONGEST_URI: Final = 1000
#: What a new TLS connection asks for (RFC 6066 section 3); kamailio.cfg tells the engine where it stands.
SERVER_NAME: Final = "$xavp(tls=>server_name)"


class Leg(NamedTuple):
    """A way out. `own`: `host:port;transport=...` as parties there see the edge; `via`: address for Via where it is

    not the socket's; `socket`: the socket to send from where the engine would not find it by itself; `srtp`: policy for
    the encryption of media of whoever is beyond.

    Of a trunk with a way of its own, else empty: `profile` and `server_name` for TLS; `group`; `source`: `own` with an
    address for its name. `hides`: whether a trunk must not see PBXs, None: as the PBXs say. `host`: a trunk's own.
    """

    side: str
    proto: str
    own: str
    via: str
    socket: str
    srtp: str
    profile: str = ""
    server_name: str = ""
    group: str = ""
    source: str = ""
    hides: bool | None = None
    host: str = ""


class Legs:
    """All ways out of one policy generation."""

    def __init__(
        self, ksr: Ksr, router: Router, browsers: Browsers | None = None, vouching: Vouching | None = None
    ) -> None:
        self._router = router
        #: None where no provider's certificate must have a name.
        self.vouching = vouching if vouching and vouching.active else None
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
        owns = [trunk.own for trunk in router.policy.trunks.values() if trunk.own]
        #: Whether a provider sees the edge in a way of its own.
        self.apart = bool(owns)
        self._profiled = any(own.profile for own in owns)
        self._trunk_legs: dict[tuple[str, str, str], Leg] = {}
        # The advertised address is a static buffer: once one side needs it, every message must set it.
        self._advertises = any(leg.via for leg in self._legs.values()) or any(own.name for own in owns)
        #: Whether there is anything that `dress` may have to do.
        self.dresses = self._advertises or self._profiled or any(leg.socket for leg in self._legs.values())
        self._ksr = ksr
        self._set_advertised_address = ksr.set_advertised_address
        self._set_send_socket = ksr.corex.set_send_socket

    def own_uris(self) -> dict[tuple[str, str], str]:
        """(side, transport) -> `host:port;transport=...` as parties on that side see the edge."""
        return {key: leg.own for key, leg in self._legs.items()}

    def trunk_uris(self) -> dict[str, str]:
        """The same for providers with a way of their own, by the mark that their calls have in Record-Route."""
        trunks = self._router.policy.trunks
        own = {
            (name, *key): self.to_trunk(trunk, *key).own
            for name, trunk in trunks.items()
            for key in (self._legs if trunk.own else ())
        }
        return shown_in_replies(trunks, own)

    def own_towards(self, address: str, side: str, proto: str, port: int) -> str:
        """`host:port` of the edge as a provider at `address`, who has asked our `port`, sees it; empty: as all do."""
        trunks = self._router.trunks
        if not trunks or not (found := trunks.at(address)) or (side, proto) not in self._legs:
            return ""
        return self.to_trunk(at_port(found, proto, port), side, proto).own.partition(";")[0]

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

    def to_trunk(self, trunk: Trunk, side: str, proto: str) -> Leg:
        """The way to an address of a trunk. Raises ForbiddenError when there is none."""
        leg = self._trunk_legs.get((trunk.name, side, proto))
        if leg is None:
            leg = self.to(side, proto)._replace(srtp=trunk.srtp, hides=trunk.hides, host=trunk.host)
            if trunk.own:
                view, own = self._router.policy.sides[side], trunk.own
                port = own.port or view.ports[proto]
                leg = leg._replace(
                    own=f"{own.name or bracketed(view.shown)}:{port};transport={proto}",
                    via=own.name or leg.via,
                    socket=f"{proto}:{bracketed(view.local)}:{port}" if own.port else leg.socket,
                    profile=own.profile,
                    server_name=own.server_name,
                    group=group_of(trunk),
                    source=f"{bracketed(view.shown)}:{port}",
                )
            self._trunk_legs[trunk.name, side, proto] = leg
        return leg

    def to_next_hop(self, hop: str, *, from_pbx: bool, sent_from: int = 0) -> Leg:
        """The way to a next hop, as `NEXT_HOP` gives it; to a browser, the one connection that it has.

        `sent_from` is the port of an own request. Raises ForbiddenError when the request may not go there,
        FlowGoneError when that connection is gone.
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
        if trunk is None:
            return leg
        if self.apart and self._router.trunks:
            found = self._router.trunks.at(unbracketed(host))
            if len(found) > 1:
                route = str(self._ksr.pv.get("$hdr(Route)") or "")
                there = reached_at(found, unbracketed(host), int(port), leg.proto)
                trunk = at_port(there, leg.proto, sent_from) if sent_from else meant(found, there, leg.proto, route)
        leg = self.to_trunk(trunk, side, leg.proto)
        if self.vouching and not sent_from:
            self.vouching.use(leg, hop)
        return leg

    def dress(self, leg: Leg) -> None:
        """Make the current request's own Via and its socket fit the way it takes."""
        if self._advertises:
            self._set_advertised_address(leg.via)
        if leg.socket:
            self._set_send_socket(leg.socket)
        if self._profiled:
            self.set_profile(leg)

    def set_profile(self, leg: Leg) -> None:
        """The certificate to show where a connection must be opened."""
        if self._profiled and leg.proto == "tls":
            # It stays until a connection is opened, so that others must take it back.
            self._ksr.tls.set_connect_server_id(leg.profile)
            self._ksr.pv.sets(SERVER_NAME, leg.server_name)

    def open(self, leg: Leg, hop: str) -> None:
        """Open a connection to `hop` (as `NEXT_HOP` gives it) where it must ask for a name, or ping it if it is there.

        tm sends its own requests when what was set for them is forgotten.
        """
        if leg.server_name:
            host, port, _ = hop.split(" ", 2)
            view = self._router.policy.sides[leg.side]
            socket = leg.socket or f"{leg.proto}:{bracketed(view.local)}:{view.ports[leg.proto]}"
            self._ksr.corex.sendx(f"sip:{host}:{port};transport={leg.proto}", socket, "\r\n\r\n")


def bracketed(address: str) -> str:
    """`address` as it stands in a URI: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def _legs(router: Router) -> dict[tuple[str, str], Leg]:
    sides = router.policy.sides
    # A socket that one attempt has named stays for the next one.
    ports = any(trunk.own and trunk.own.port for trunk in router.policy.trunks.values())
    legs = {}
    for side, view in sides.items():
        # Where sides of one IP version share a socket, the engine finds it by itself.
        apart = any(other[1] == side[1] and sides[other].local != view.local for other in sides) or ports
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
