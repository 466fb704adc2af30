"""Requests inside a dialog: along the route set, as fast as can be. Two thirds of all requests are of this kind.

The route set decides (RFC 3261 section 16.4); the next hop is judged afterwards, because route headers can be
forged: for everyone but PBXs it must be a PBX.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from voxgate_sip.guise import ASKED, BARE, Guise
from voxgate_sip.hiding import MARK
from voxgate_sip.inside import Inside
from voxgate_sip.legs import LONGEST_URI, NEXT_HOP, bracketed
from voxgate_sip.media import TOLD
from voxgate_sip.message import NOTHING, unbracketed
from voxgate_sip.nomedia import MediaError, NoRelayError
from voxgate_sip.onlookers import Onlookers
from voxgate_sip.passages import HOP_ALONG, HOP_ENDS, URI_ALONG, passage_along
from voxgate_sip.replies import AS_IS, FROM_HIDDEN, FROM_PBX, FROM_PHONE, SHAPED, TO_HIDDEN, not_sent
from voxgate_sip.route import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voxgate_sip.events import Emitter, Refusals
    from voxgate_sip.guise import Worn
    from voxgate_sip.hiding import Hider
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg, Legs
    from voxgate_sip.media import Media
    from voxgate_sip.route import Router

#: Next hops that a worker remembers, before it forgets them all.
MOST_HOPS: Final = 4096
#: For `subst`, which takes bytes as they are in brackets, and ends a match at a line's end.
_SECOND_TAG: Final = "/^(From:[^\r]*;tag=[^;\r]*);tag=[^;\r]*/\\1/"
#: Our port in the Via of an own request.
_SENT_FROM: Final = re.compile(r"^[^;]*:(\d{1,5})(?:;|$)")


class DialogRelay:
    """Relays them for one policy generation; `media` is None where there is no media relay."""

    def __init__(
        self,
        ksr: Ksr,
        router: Router,
        legs: Legs,
        media: Media | None,
        refusals: Refusals,
        *,
        hider: Hider,
        events: Emitter,
    ) -> None:
        self._ksr = ksr
        self._router = router
        self._pbx_protos = router.policy.pbx_protos
        self._served = router.policy.served
        self._trunks = router.trunks
        self._legs = legs
        self._pbx_hops = legs.pbx_hops
        self._media = media
        self._refusals = refusals
        self._hider = hider
        self._onlookers = Onlookers(ksr, router, legs, hider)
        self._hides = hider.active
        guise = Guise(ksr, router) if router.trunks else None
        #: None where nothing is worn inside of a dialog.
        self._guise = worn = guise if guise and guise.active else None
        self._dresses = legs.dresses
        own = (*legs.own_uris().values(), *legs.trunk_uris().values())
        #: `host:port` of the edge and of PBXs.
        self._known = frozenset(uri.partition(";")[0] for uri in own) | {
            f"{bracketed(node.address)}:{node.port}"
            for pbx in router.policy.pbxs.values()
            for node in (*pbx.plain, *pbx.secure)
        }
        self.inside = Inside(ksr, router, legs, worn, hider=hider, events=events) if worn else None
        self._pv_get = ksr.pv.get
        #: Templates give texts, whatever a variable may give.
        self._text = cast("Callable[[str], str]", ksr.pv.get)
        #: What a next hop is in a URI, without asking: to take one apart costs the engine more than to give it.
        self._hops: dict[str, str] = {}
        self._loose_route = ksr.rr.loose_route
        self._set_contact_alias = ksr.nathelper.set_contact_alias_trim
        self._t_on_reply = ksr.tm.t_on_reply
        self._t_relay = ksr.tm.t_relay

    def relay(self, method: str, source: str, proto: str, received_on: str, uri: str) -> None:
        """Send the current request on, or answer it. `uri` is its request URI."""
        from_pbx = source in self._pbx_protos and self._router.is_pbx(source, proto, received_on)
        if not (from_pbx or proto in self._served or self._router.is_trunk(source, proto, received_on)):
            self._refusals.note("transport-not-served", source, proto, method, "")
            return
        routes = ""
        if MARK in uri:
            try:
                routes = self._hider.reveal(uri)
            except ValueError:
                # A PBX may have such a parameter for itself.
                if not from_pbx:
                    self._refuse("bad-seal", source, proto, method)
                    return
        if self._loose_route() < 0:
            self._without_route(method)
            return
        if from_pbx:
            if len(self._ksr.kx.get_ruri()) > LONGEST_URI:
                if method != "ACK":
                    self._ksr.sl.send_reply(414, "Request-URI Too Long")
                return
            self._beyond(uri, routes)
        else:
            if routes:
                self._hider.follow(routes)
            if method in SHAPED:
                self._set_contact_alias()
            elif method == "BYE" and self.inside and self._router.trunk_at(source):
                self.inside.over()
        self._onwards(method, source, proto, from_pbx=from_pbx)

    def _beyond(self, uri: str, routes: str) -> None:
        """Where a PBX's request goes when its Routes for this edge are done with; `routes` were sealed in `uri`."""
        onwards = self._ksr.kx.get_duri()
        if onwards is not None and self._is_known(str(onwards)):
            # The edge itself or a PBX comes next. Seal and alias are for a later passage of the call through this edge.
            if MARK in uri:
                self._ksr.seturi(uri)
        elif routes and onwards is None:
            self._hider.follow(routes)
        else:
            # Any other next Route may be the lure of whoever has called the PBX: his own address is known.
            self._ksr.nathelper.handle_ruri_alias()

    def _is_known(self, uri: str) -> bool:
        """Whether a URI leads to a PBX or here again; our Path, which Asterisk sends along, leads to the phone."""
        there = uri.partition(";")[0].partition(":")[2].rpartition("@")[2]
        return ";received=" not in uri and (there in self._known or f"{there}:5060" in self._known)

    def _onwards(self, method: str, source: str, proto: str, *, from_pbx: bool) -> None:
        """Send the current request, whose route set has been followed, to its next hop."""
        hop = self._hops.get(uri := self._text(URI_ALONG)) or self._apart(uri)
        leg = self._pbx_hops.get(hop)
        media = self._media
        if leg is None:
            if not hop.endswith(HOP_ENDS):
                hop, media = self._passing()
            try:
                leg = self._legs.to_next_hop(hop, from_pbx=from_pbx)
            except ForbiddenError as error:
                self._refuse(str(error), source, proto, method, error.answer)
                return
        elif not (from_pbx or self._dresses):
            self._to_its_pbx(media, method, source, proto, hop)
            return
        guise = self._guise if from_pbx and self._leads_to_trunk(hop) else None
        if self._dresses:
            self._legs.dress(leg)
        shapes: Mapping[str, str] = FROM_PHONE if from_pbx else FROM_PBX
        if self._hides:
            shapes = self._onlookers.answers(method, source, proto, hop, leg if from_pbx else None)
        # Inside a dialog nothing is recorded, so that a PBX's replies have nothing that must be shaped.
        shape, ending = "" if shapes is FROM_PBX else shapes.get(method, ""), ""
        if media and method in TOLD:
            told = self._tell(media, method, source, proto, leg)
            if told is None:
                return
            if ending := told:
                shape = (AS_IS if shapes is FROM_PBX else shapes.get(method, "ksr_from_pbx")) + ending
        if guise:
            sends = self._in_guise(method, leg, hop, guise, (shape, ending))
        else:
            sends = not shape or self._watched(method, leg, shape)
        if sends and self._t_relay() < 0:
            not_sent(self._ksr, to_flow=from_pbx and leg.proto != "udp")

    def _apart(self, uri: str) -> str:
        """The next hop, which is remembered for its URI (`URI_ALONG`)."""
        hop = self._text(HOP_ALONG)
        if NOTHING not in uri:
            if len(self._hops) >= MOST_HOPS:
                self._hops.clear()
            self._hops[uri] = hop
        return hop

    def _to_its_pbx(self, media: Media | None, method: str, source: str, proto: str, hop: str) -> None:
        """Send the current request of anybody but a PBX to its PBX, where it leaves as it has come."""
        hidden = self._hides and self._onlookers.cover(method, source, proto, hop)
        shape = FROM_HIDDEN.get(method, "") if hidden else ""
        if media and method in TOLD:
            ending = self._tell(media, method, source, proto, self._pbx_hops[hop])
            if ending is None:
                return
            if ending:
                shape = (FROM_HIDDEN.get(method, "ksr_from_pbx") if hidden else AS_IS) + ending
        if shape:
            self._t_on_reply(shape)
        if self._t_relay() < 0:
            not_sent(self._ksr, to_flow=False)

    def _passing(self) -> tuple[str, Media | None]:
        """Next hop and media of a request whose Route has a tilde in it: perhaps the mark of a later passage."""
        passage = passage_along(str(self._pv_get("$hdr(Route)")))
        return self._text(NEXT_HOP), self._media and self._media.at(passage)

    def _leads_to_trunk(self, hop: str) -> bool:
        """Whether a PBX's request goes to a trunk; whose connection can be made again from here, a phone's cannot."""
        if self._trunks and self._trunks.at(unbracketed(hop.partition(" ")[0])):
            return True
        self._ksr.set_forward_no_connect()
        return False

    def _tell(self, media: Media, method: str, source: str, proto: str, leg: Leg) -> str | None:
        """Tell the media relay; gives the ending of the callback that replies need, None where the request has ended.

        BYE ends the media, and a call goes on even without its relay.
        """
        if method == "BYE":
            media.end()
            return ""
        try:
            return media.request(method, source, proto, leg, first=False)
        except NoRelayError:
            return ""
        except MediaError as error:
            self._refuse(str(error), source, proto, method, error.answer)
            return None

    def _in_guise(self, method: str, leg: Leg, hop: str, guise: Guise, callback: tuple[str, str]) -> bool:
        """Whether the current request, which goes to a provider, is still to be sent."""
        shape, ending = callback
        hidden = shape.startswith(TO_HIDDEN)
        worn = guise.keep_on(hidden=hidden)
        if worn.asked:
            shape = f"{TO_HIDDEN if hidden else 'ksr_from_phone'}{ASKED}{ending}"
        if self.inside and worn.account and self.inside.sends(method, leg, hop, worn, (shape, ending, hidden)):
            return False
        return self._watched(method, leg, shape, worn)

    def _watched(self, method: str, leg: Leg, shape: str, worn: Worn = BARE) -> bool:
        """Whether the current request, whose replies are shaped by `shape`, is to be sent; False: it is a copy."""
        if shape:
            self._t_on_reply(shape)
        return not shape.startswith(TO_HIDDEN) or self._hider.request(method, leg, worn=worn)

    def own_request(self) -> None:
        """The edge's own request must name the edge as it looks from where it goes.

        tm has written its Via by then. It writes a new one for another socket; otherwise only the text can change.
        """
        sent_from = 0
        if self._legs.apart:
            port = _SENT_FROM.search(str(self._pv_get("$hdr(Via)")))
            sent_from = int(port[1]) if port else 0
        hop = str(self._pv_get(NEXT_HOP))
        leg = self._legs.to_next_hop(hop, from_pbx=True, sent_from=sent_from)
        own = leg.own.partition(";")[0]
        vouching, asks = self._legs.vouching, self._ksr.kx.get_method() == "OPTIONS"
        if vouching and asks:
            vouching.asks(hop)
        elif vouching:
            try:
                vouching.use(leg, hop)
            except ForbiddenError:
                self._ksr.set_drop()
                return
        if not asks:
            # `tm.t_uac_start` gives From a tag, whether it has one or not: a dialog's party would not know its call.
            self._ksr.textops.subst(_SECOND_TAG)
            if self.inside and leg.host:
                self.inside.asks_own()
        if leg.group and asks:
            # Some know whom they speak with by its Contact.
            self._ksr.hdr.append(f"Contact: <sip:{leg.own}>\r\n")
        if leg.socket and not (sent_from and own.endswith(f":{sent_from}")):
            self._legs.dress(leg)
            self._legs.open(leg, hop)
            return
        self._legs.set_profile(leg)
        self._legs.open(leg, hop)
        if leg.via:
            self._ksr.textops.subst(rf"/^(Via: SIP\/2\.0\/[A-Z]+ )[^;]+/\1{own}/")

    def _refuse(
        self, reason: str, source: str, proto: str, method: str, answer: tuple[int, str] = ForbiddenError.answer
    ) -> None:
        self._refusals.note(reason, source, proto, method, "")
        if method != "ACK":
            self._ksr.sl.send_reply(*answer)

    def _without_route(self, method: str) -> None:
        if method != "ACK":
            self._ksr.sl.send_reply(481, "Call/Transaction Does Not Exist")
        # The ACK of a refused INVITE is for the transaction here (RFC 3261 section 17.1.1.3).
        elif self._ksr.tm.t_check_trans() > 0:
            self._t_relay()
