"""Audio and video: what rtpengine is told about each offer and answer, and what is kept of an answered call.

The two sides of a call pick rtpengine's interfaces, so that every party finds an address of its own side in
SDP. rtpengine remembers the directions of an offer; answers need none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip import record
from voxgate_sip.message import unbracketed

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Router

#: Methods whose request or reply may carry an offer or an answer (RFC 3261, 3311, 3262).
WITH_SDP: Final = frozenset({"INVITE", "ACK", "UPDATE", "PRACK"})
_COMMON: Final = "replace-origin replace-session-connection rtcp-mux-demux"
_INTERFACE: Final = {"i": "inside", "o": "outside"}
#: An answered call is forgotten after a day, should its BYE never pass here.
RECORD_LIFETIME_S: Final = 86400


class Media:
    """Offers and answers for one policy generation; only made where there is a media relay."""

    def __init__(self, ksr: Ksr, router: Router) -> None:
        self._ksr = ksr
        self._router = router
        self._pbxs = router.policy.pbx_protos
        self._status = ksr.kx.get_status
        self._source = ksr.kx.get_srcip
        self._method = ksr.kx.get_method
        self._call_id = ksr.kx.get_callid
        self._pv_get = ksr.pv.get
        self._has_body = ksr.textops.has_body_type
        self._offer = ksr.rtpengine.rtpengine_offer
        self._answer = ksr.rtpengine.rtpengine_answer
        self._delete = ksr.rtpengine.rtpengine_delete0
        self._flags: dict[tuple[str, str, str], str] = {}

    def request(self, method: str, source: str, side: str) -> str:
        """Offer or answer in the current request from `source`, which goes to `side`.

        Gives the ending of the name of the callback that its replies need. Raises ConnectionError when rtpengine
        does not serve.
        """
        if method not in WITH_SDP:
            return ""
        has_sdp = self._has_body("application/sdp") > 0
        if method == "ACK":
            if has_sdp:
                self._answer(self._answer_flags(source))
            return ""
        if not has_sdp:
            return "_late_offer" if method == "INVITE" else ""
        if self._offer(self._offer_flags(source, side)) < 0:
            raise ConnectionError
        return "_answer"

    def in_request(self, method: str, source: str, side: str) -> str:
        """The same inside a dialog, where BYE ends the media and a call goes on even without its relay."""
        if method == "BYE":
            self.end()
            return ""
        try:
            return self.request(method, source, side)
        except ConnectionError:
            return ""

    def answer(self) -> None:
        """SDP in a reply to a request that had an offer."""
        status = self._status()
        if not 100 < status < 300:
            return
        if self._has_body("application/sdp") > 0:
            self._answer(self._answer_flags(unbracketed(self._source())))
        if status >= 200:
            self._keep()

    def late_offer(self) -> None:
        """SDP in a reply to an INVITE without one is the offer; the answer comes in ACK (RFC 3261 section 13.2.1)."""
        status = self._status()
        if not 100 < status < 300:
            return
        if self._has_body("application/sdp") > 0:
            asked = self._router.side_of(unbracketed(str(self._pv_get("$T_req($si)"))))
            self._offer(self._offer_flags(unbracketed(self._source()), asked))
        if status >= 200:
            self._keep()

    def end(self, *, answered: bool = True) -> None:
        """The call, or the attempt, is over."""
        self._delete()
        if answered:
            self._ksr.htable.sht_rm("calls", self._call_id())

    def _offer_flags(self, source: str, side: str) -> str:
        came = self._router.side_of(source)
        trust = self._trust(source)
        key = (came, side, trust)
        flags = self._flags.get(key)
        if flags is None:
            flags = (
                f"{_COMMON} ICE=remove direction={_INTERFACE[came[0]]} direction={_INTERFACE[side[0]]} "
                f"address-family=IP{side[1]}{trust}"
            )
            self._flags[key] = flags
        return flags

    def _answer_flags(self, source: str) -> str:
        return f"{_COMMON}{self._trust(source)}"

    def _trust(self, source: str) -> str:
        """A phone's packets come from where its signalling comes from, not from what a NAT hides in its SDP.

        PBXs and trunks have no NAT, and their audio may come from other machines than their signalling.
        """
        trunks = self._router.trunks
        return "" if source in self._pbxs or (trunks and trunks.at(source)) else " SIP-source-address"

    def _keep(self) -> None:
        """Keep both parties of a call that was just answered, so that the edge itself can hang up."""
        if self._method() == "INVITE" and not self._pv_get("$T_req($tt)"):
            self._ksr.htable.sht_setxs("calls", self._call_id(), record.of_reply(self._ksr), RECORD_LIFETIME_S)
