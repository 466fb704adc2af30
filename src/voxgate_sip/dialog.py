"""Requests inside a dialog: along the route set, as fast as can be. Two thirds of all requests are of this kind.

The route set decides (RFC 3261 section 16.4); the next hop is judged afterwards, because route headers can be
forged: for everyone but PBXs it must be a PBX.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from voxgate_sip.guise import ASKED, BARE, Guise
from voxgate_sip.hiding import MARK
from voxgate_sip.inside import Inside
from voxgate_sip.legs import LONGEST_URI, NEXT_HOP
from voxgate_sip.media import MediaError
from voxgate_sip.message import unbracketed
from voxgate_sip.replies import AS_IS, FROM_HIDDEN, FROM_PBX, FROM_PHONE, SHAPED, TO_HIDDEN, not_sent
from voxgate_sip.route import ForbiddenError

if TYPE_CHECKING:
    from voxgate_sip.events import Refusals
    from voxgate_sip.hiding import Hider
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg, Legs
    from voxgate_sip.media import Media
    from voxgate_sip.route import Router

#: Our port in the Via of an own request.
_SENT_FROM: Final = re.compile(r"^[^;]*:(\d{1,5})(?:;|$)")


class DialogRelay:
    """Relays them for one policy generation; `media` is None where there is no media relay."""

    def __init__(
        self, ksr: Ksr, router: Router, legs: Legs, media: Media | None, refusals: Refusals, *, hider: Hider
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
        guise = Guise(ksr, router) if router.trunks else None
        #: None where nothing is worn inside of a dialog.
        self._guise = guise if guise and guise.active else None
        self.inside = Inside(ksr, router, legs, guise, hider=hider) if guise and guise.active else None
        self._pv_get = ksr.pv.get
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
        if MARK in uri and not from_pbx:
            try:
                routes = self._hider.reveal(uri)
            except ValueError:
                self._refuse("bad-seal", source, proto, method)
                return
        if self._loose_route() < 0:
            self._without_route(method)
            return
        if routes:
            self._hider.follow(routes)
        if from_pbx:
            if len(self._ksr.kx.get_ruri()) > LONGEST_URI:
                if method != "ACK":
                    self._ksr.sl.send_reply(414, "Request-URI Too Long")
                return
            self._ksr.nathelper.handle_ruri_alias()
        elif method in SHAPED:
            self._set_contact_alias()
        elif method == "BYE" and self.inside and self._router.trunk_at(source):
            self.inside.over()
        hop = str(self._pv_get(NEXT_HOP))
        to_trunk = bool(from_pbx and self._trunks and self._trunks.at(unbracketed(hop.partition(" ")[0])))
        # A phone's connection cannot be made again from here, a trunk's can.
        if from_pbx and not to_trunk:
            self._ksr.set_forward_no_connect()
        try:
            leg = self._pbx_hops.get(hop) or self._legs.to_next_hop(hop, from_pbx=from_pbx)
        except ForbiddenError as error:
            self._refuse(str(error), source, proto, method, error.answer)
            return
        self._leave(method, source, proto, leg, hop, from_pbx=from_pbx, guise=self._guise if to_trunk else None)

    def _leave(
        self, method: str, source: str, proto: str, leg: Leg, hop: str, *, from_pbx: bool, guise: Guise | None
    ) -> None:
        hider, worn = self._hider, BARE
        self._legs.dress(leg)
        # Inside a dialog nothing is recorded, so that a PBX's replies have nothing that must be shaped.
        shapes, shape, ending = FROM_PBX, "", ""
        if from_pbx:
            shapes = FROM_PHONE
            if hider.active and hop not in self._pbx_hops and hider.hides(source, leg.side, leg.hides):
                shapes = dict.fromkeys((method,), TO_HIDDEN)
            shape = shapes.get(method, "")
        elif hider.active and hider.hides(
            unbracketed(hop.partition(" ")[0]), self._router.side_of(source), self._told(source)
        ):
            shapes = FROM_HIDDEN
            shape = shapes.get(method, "")
        if self._media:
            try:
                ending = self._media.in_request(method, source, proto, leg)
            except MediaError as error:
                self._refuse(str(error), source, proto, method, error.answer)
                return
            if ending:
                shape = (AS_IS if shapes is FROM_PBX else shapes.get(method, "ksr_from_pbx")) + ending
        hidden = shape.startswith(TO_HIDDEN)
        if guise:
            worn = guise.keep_on(hidden=hidden)
            if worn.asked:
                shape = f"{TO_HIDDEN if hidden else 'ksr_from_phone'}{ASKED}{ending}"
            if self.inside and worn.account and self.inside.sends(method, leg, hop, worn, (shape, ending, hidden)):
                return
        if shape:
            self._t_on_reply(shape)
        if hidden and not hider.request(method, leg, worn=worn):
            return
        if self._t_relay() < 0:
            not_sent(self._ksr, to_flow=from_pbx and leg.proto != "udp")

    def _told(self, source: str) -> bool | None:
        """What a trunk at `source` may see of PBXs; None where it is none, or says nothing."""
        found = self._trunks.at(source) if self._trunks else ()
        return found[0].hides if found else None

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
        if leg.group and self._ksr.kx.get_method() == "OPTIONS":
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
