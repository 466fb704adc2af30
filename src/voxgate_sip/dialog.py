"""Requests inside a dialog: along the route set, as fast as can be. Two thirds of all requests are of this kind.

The route set decides (RFC 3261 section 16.4); the next hop is judged afterwards, because route headers can be
forged: for everyone but PBXs it must be a PBX.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate_sip.legs import NEXT_HOP
from voxgate_sip.message import unbracketed
from voxgate_sip.replies import FROM_PBX, FROM_PHONE, SHAPED
from voxgate_sip.route import ForbiddenError

if TYPE_CHECKING:
    from voxgate_sip.events import Refusals
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Legs
    from voxgate_sip.media import Media
    from voxgate_sip.route import Router


class DialogRelay:
    """Relays them for one policy generation; `media` is None where there is no media relay."""

    def __init__(self, ksr: Ksr, router: Router, legs: Legs, media: Media | None, refusals: Refusals) -> None:
        self._ksr = ksr
        self._router = router
        self._pbx_protos = router.policy.pbx_protos
        self._served = router.policy.served
        self._trunks = router.trunks
        self._legs = legs
        self._pbx_hops = legs.pbx_hops
        self._media = media
        self._refusals = refusals
        self._pv_get = ksr.pv.get
        self._loose_route = ksr.rr.loose_route
        self._set_contact_alias = ksr.nathelper.set_contact_alias
        self._t_on_reply = ksr.tm.t_on_reply
        self._t_relay = ksr.tm.t_relay

    def relay(self, method: str, source: str, proto: str, received_on: str) -> None:
        """Send the current request on, or answer it."""
        from_pbx = source in self._pbx_protos and self._router.is_pbx(source, proto, received_on)
        if not (from_pbx or proto in self._served or self._router.is_trunk(source, proto, received_on)):
            self._refusals.note("transport-not-served", source, proto, method, "")
            return
        if self._loose_route() < 0:
            self._without_route(method)
            return
        if from_pbx:
            self._ksr.nathelper.handle_ruri_alias()
        elif method in SHAPED:
            self._set_contact_alias()
        hop = str(self._pv_get(NEXT_HOP))
        # A phone's connection cannot be made again from here, a trunk's can.
        if from_pbx and not (self._trunks and self._trunks.at(unbracketed(hop.partition(" ")[0]))):
            self._ksr.set_forward_no_connect()
        try:
            leg = self._pbx_hops.get(hop) or self._legs.to_next_hop(hop, from_pbx=from_pbx)
        except ForbiddenError as error:
            self._refusals.note(str(error), source, proto, method, "")
            if method != "ACK":
                self._ksr.sl.send_reply(403, "Forbidden")
            return
        self._legs.dress(leg)
        # Inside a dialog nothing is recorded, so that a PBX's replies have nothing that must be shaped.
        shape = FROM_PHONE.get(method, "") if from_pbx else ""
        if self._media:
            ending = self._media.in_request(method, source, leg.side)
            if ending:
                shape = (FROM_PHONE if from_pbx else FROM_PBX).get(method, "ksr_from_pbx") + ending
        if shape:
            self._t_on_reply(shape)
        if self._t_relay() < 0:
            self._ksr.sl.sl_reply_error()

    def _without_route(self, method: str) -> None:
        if method != "ACK":
            self._ksr.sl.send_reply(481, "Call/Transaction Does Not Exist")
        # The ACK of a refused INVITE is for the transaction here (RFC 3261 section 17.1.1.3).
        elif self._ksr.tm.t_check_trans() > 0:
            self._t_relay()
