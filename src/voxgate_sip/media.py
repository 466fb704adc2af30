"""Audio and video: what rtpengine is told about each offer and answer, and what is kept of an answered call.

The two sides of a call pick rtpengine's interfaces, so that every party finds an address of its own side in
SDP; `crypto` picks the profile. rtpengine remembers both for the dialog; answers need none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip import crypto, record
from voxgate_sip.crypto import INSISTS, Offer, Party, Refused
from voxgate_sip.insisting import Insisting, worth_knowing
from voxgate_sip.message import NOTHING, unbracketed

if TYPE_CHECKING:
    from voxgate_sip.events import Refusals
    from voxgate_sip.gate import Gate
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg
    from voxgate_sip.route import Router

#: Methods whose request or reply may carry an offer or an answer (RFC 3261, 3311, 3262).
WITH_SDP: Final = frozenset({"INVITE", "ACK", "UPDATE", "PRACK"})
_REPLACE: Final = "replace-origin replace-session-connection"
#: Some phones read keys only with the padding that RFC 4568 leaves in doubt.
_ANSWER: Final = f"{_REPLACE} rtcp-mux-demux SDES-pad"
_INTERFACE: Final = {"i": "inside", "o": "outside"}
#: Who sent the request of the current reply, by which transport, and in which dialog.
_ASKED: Final = "$_s($T_req($si)\n$T_req($pr)\n$T_req($tt))"
#: An answered call is forgotten after a day, should its BYE never pass here.
RECORD_LIFETIME_S: Final = 86400


class NotAcceptableError(Exception):
    """An offer is against a party's policy (488); the argument is the reason that is counted and logged."""


class Media:
    """Offers and answers for one policy generation; only made where there is a media relay."""

    def __init__(self, ksr: Ksr, router: Router, refusals: Refusals, gate: Gate | None = None) -> None:
        self._ksr = ksr
        self._router = router
        self._refusals = refusals
        self._gate = gate
        self._pbxs = router.policy.pbx_protos
        self._phones = router.policy.srtp
        self._srtp = {
            node.address: pbx.srtp for pbx in router.policy.pbxs.values() for node in (*pbx.plain, *pbx.secure)
        }
        self._insisting = Insisting(ksr)
        self._status = ksr.kx.get_status
        self._source = ksr.kx.get_srcip
        self._proto = ksr.kx.get_proto
        self._method = ksr.kx.get_method
        self._call_id = ksr.kx.get_callid
        self._pv_get = ksr.pv.get
        self._has_body = ksr.textops.has_body_type
        self._offer = ksr.rtpengine.rtpengine_offer
        self._answer = ksr.rtpengine.rtpengine_answer
        self._delete = ksr.rtpengine.rtpengine_delete0
        self._known: dict[tuple[str, str, str, Party, Party, bool, Offer], tuple[str, str]] = {}

    def request(self, method: str, source: str, proto: str, leg: Leg, *, first: bool = True) -> str:
        """Offer or answer in the current request, which came from `source` by `proto` and leaves by `leg`.

        Gives the ending of the name of the callback that its replies need. Raises ConnectionError when rtpengine
        does not serve, NotAcceptableError.
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
        party = Party(leg.srtp, leg.proto)
        if worth_knowing(*party[:2]):
            party = party._replace(insists_on=self._insisting.callee_does())
        flags, ending = self._offered(source, proto, leg.side, party, first=first)
        if self._offer(flags) < 0:
            raise ConnectionError
        return ending

    def in_request(self, method: str, source: str, proto: str, leg: Leg) -> str:
        """The same inside a dialog, where BYE ends the media and a call goes on even without its relay."""
        if method == "BYE":
            self.end()
            return ""
        try:
            return self.request(method, source, proto, leg, first=False)
        except ConnectionError:
            return ""

    def answer(self, profile: str = "") -> None:
        """SDP in a reply to a request that had an offer; `profile` where the offerer's own choice does not count."""
        status = self._status()
        if not 100 < status < 300:
            return
        if self._has_body("application/sdp") > 0:
            self._answer(self._answer_flags(unbracketed(self._source())) + profile)
        if status >= 200:
            self._keep()

    def plain_answer(self) -> None:
        """The same, to an offer that leaves the choice of encryption, where policy is against it."""
        self.answer(" RTP/AVP")

    def sdes_answer(self) -> None:
        """The same, to a phone that insists on encryption with keys in SDP."""
        self._insisting_answer(Offer.SDES)

    def dtls_answer(self) -> None:
        """The same, to a phone that insists on DTLS-SRTP."""
        self._insisting_answer(Offer.DTLS)

    def _insisting_answer(self, on: Offer) -> None:
        self.answer()
        if 200 <= self._status() < 300:
            self._insisting.caller_does(on)

    def late_offer(self) -> None:
        """SDP in a reply to an INVITE without one is the offer; the answer comes in ACK (RFC 3261 section 13.2.1)."""
        status = self._status()
        if not 100 < status < 300:
            return
        if self._has_body("application/sdp") > 0:
            source, proto = unbracketed(self._source()), self._proto()
            asked, transport, tag = str(self._pv_get(_ASKED)).split("\n")
            asked = unbracketed(asked)
            party = Party(self._srtp.get(asked, self._phones), transport)
            try:
                flags, _ = self._offered(source, proto, self._router.side_of(asked), party, first=tag == NOTHING)
                self._offer(flags)
            except NotAcceptableError as error:
                # Too late for 488. Without an offer no media flows, and whoever asked hangs up.
                self._refusals.note(str(error), source, proto, "INVITE", "")
                self._ksr.textopsx.remove_body()
        if status >= 200:
            self._keep()

    def end(self, *, answered: bool = True) -> None:
        """The call, or the attempt, is over."""
        self._delete()
        if self._gate:
            self._gate.over()
        if answered:
            self._ksr.htable.sht_rm("calls", self._call_id())

    def _offered(self, source: str, proto: str, side: str, answerer: Party, *, first: bool) -> tuple[str, str]:
        """Flags for the offer in the current message, and the ending of the callback. Raises NotAcceptableError."""
        offerer = Party(self._srtp.get(source, self._phones), proto)
        came, trust = self._router.side_of(source), self._trust(source)
        learns = first and worth_knowing(offerer.srtp, proto) and source not in self._pbxs
        offer = self._kind() if learns or crypto.must_look(offerer, answerer) else Offer.PLAIN
        if learns and offer not in INSISTS:
            self._insisting.caller_does_not()
        key = (came, side, trust, offerer, answerer, first, offer)
        known = self._known.get(key)
        if known is None:
            judgement = crypto.judge(offerer, answerer, offer, first=first)
            if isinstance(judgement, Refused):
                raise NotAcceptableError(judgement.reason)
            flags = (
                f"{_REPLACE} {judgement.offer} direction={_INTERFACE[came[0]]} direction={_INTERFACE[side[0]]} "
                f"address-family=IP{side[1]}{trust}"
            )
            ending = INSISTS.get(offer, "") if learns else ""
            ending += "_plain_answer" if judgement.strips else "_answer"
            known = self._known[key] = (flags, ending)
        return known

    def _kind(self) -> Offer:
        try:
            sdp = str(self._pv_get("$rb") or "")
        except UnicodeDecodeError:
            # Names of sessions may be in any character set (RFC 8866 section 6.10).
            sdp = bytes.fromhex(str(self._pv_get("$(rb{s.encode.hexa})"))).decode("latin-1")
        return crypto.kind_of(sdp)

    def _answer_flags(self, source: str) -> str:
        return f"{_ANSWER}{self._trust(source)}"

    def _trust(self, source: str) -> str:
        """A phone's packets come from where its signalling comes from, not from what a NAT hides in its SDP."""
        return "" if source in self._pbxs else " SIP-source-address"

    def _keep(self) -> None:
        """Keep both parties of a call that was just answered, so that the edge itself can hang up."""
        if self._method() == "INVITE" and not self._pv_get("$T_req($tt)"):
            call_id, kept = self._call_id(), record.of_reply(self._ksr)
            self._ksr.htable.sht_setxs("calls", call_id, kept, RECORD_LIFETIME_S)
            if self._gate:
                self._gate.answered(call_id, record.from_tag(kept))
