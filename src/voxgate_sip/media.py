"""Audio and video: what rtpengine is told about each offer and answer, and what is kept of an answered call.

The two sides of a call pick rtpengine's interfaces, so that every party finds an address of its own side in
SDP; `crypto` picks the profile. rtpengine remembers both for the dialog; answers need none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip import crypto, record
from voxgate_sip.crypto import INSISTS, REQUIRED, Offer, Party, Refused
from voxgate_sip.insisting import Insisting, worth_knowing
from voxgate_sip.message import unbracketed
from voxgate_sip.nomedia import NOT_ACCEPTABLE, NoRelayError, NotAcceptableError
from voxgate_sip.passages import PASSAGE, PassedEngine

if TYPE_CHECKING:
    from voxgate_sip.events import Refusals
    from voxgate_sip.gate import Gate
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg
    from voxgate_sip.reporting import CallReports
    from voxgate_sip.route import Router

#: Methods whose request or reply may carry an offer or an answer (RFC 3261, 3311, 3262).
WITH_SDP: Final = frozenset({"INVITE", "ACK", "UPDATE", "PRACK"})
#: Those that rtpengine has to be told of inside a dialog.
TOLD: Final = WITH_SDP | {"BYE"}
_REPLACE: Final = "replace-origin replace-session-connection"
#: Some phones read keys only with the padding that RFC 4568 leaves in doubt.
_ANSWER: Final = f"{_REPLACE} rtcp-mux-demux SDES-pad"
_INTERFACE: Final = {"i": "inside", "o": "outside"}
#: Where a transaction keeps what its answers need: who asked for a late offer, or one of the words below.
NOTE: Final = "$avp(voxgate_media)"
#: Keys are not to be taken.
_STRIPS: Final = "strips"
#: The callee was offered that.
_TRIED: Final = {"tried-either": Offer.EITHER, "tried-sdes": Offer.SDES, "tried-dtls": Offer.DTLS}
#: The caller insists on that.
_INSISTS: Final = {"sdes": Offer.SDES, "dtls": Offer.DTLS}
#: Begins the ending of callbacks for calls that pass again.
AGAIN: Final = "_again"
#: An answered call is forgotten after a day, should its BYE never pass here.
RECORD_LIFETIME_S: Final = 86400
#: That of the current message's call.
_RECORD: Final = "$sht(calls=>$ci)"
#: Sources whose flags a worker remembers, before it forgets them all.
MOST_PLAIN: Final = 4096


class Media:
    """Offers and answers for one policy generation; only made where there is a media relay."""

    def __init__(
        self,
        ksr: Ksr,
        router: Router,
        refusals: Refusals,
        gate: Gate | None = None,
        reports: CallReports | None = None,
        *,
        passed: bool = False,
    ) -> None:
        self._ksr = ksr
        self._reports = reports
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
        self._forget = ksr.pv.unset
        self._pv_get = ksr.pv.get
        self._pv_sets = ksr.pv.sets
        self._has_body = ksr.textops.has_body_type
        self._offer = ksr.rtpengine.rtpengine_offer
        self._answer = ksr.rtpengine.rtpengine_answer
        self._delete = ksr.rtpengine.rtpengine_delete0
        if passed:
            engine = PassedEngine(ksr)
            self._offer, self._answer, self._delete = engine.offer, engine.answer, engine.delete
        #: The same for calls that pass again; None in that itself. Its callbacks have names of their own.
        self._again = None if passed else Media(ksr, router, refusals, gate, reports, passed=True)
        prefix = AGAIN if passed else ""
        self._endings = f"{prefix}_answer", f"{prefix}_noted_answer", f"{prefix}_late_offer"
        self._answers: dict[str, str] = {}
        self._plain: dict[tuple[str, str, Leg, bool], tuple[str, str]] = {}
        self._known: dict[tuple[str, str, str, Party, Party, bool, Offer], tuple[str, str]] = {}

    def request(self, method: str, source: str, proto: str, leg: Leg, *, first: bool = True) -> str:
        """Offer or answer in the current request of `WITH_SDP`, which came from `source` by `proto`, leaves by `leg`.

        Gives the ending of the name of the callback that its replies need. Raises MediaError.
        """
        has_sdp = self._has_body("application/sdp") > 0
        if method == "ACK":
            if has_sdp:
                self._answer(self._answers.get(source) or self._remembered_answer(source))
            return ""
        if not has_sdp:
            if method != "INVITE":
                return ""
            asker = self._wants(source)
            self._pv_sets(NOTE, f"{source} {proto} {asker} {leg.srtp} {int(first)}")
            return self._endings[2]
        flags, note = self._plain.get((source, proto, leg, first)) or self._judged(source, proto, leg, first=first)
        if self._offer(flags) < 0:
            raise NoRelayError("no-media-relay")
        if not note:
            return self._endings[0]
        self._pv_sets(NOTE, note)
        return self._endings[1]

    def _judged(self, source: str, proto: str, leg: Leg, *, first: bool) -> tuple[str, str]:
        """Flags and note for the offer in the current request; kept where they are the same for every such offer."""
        party = Party(leg.srtp, leg.proto)
        asks = source in self._pbxs and (first or leg.srtp == REQUIRED) and worth_knowing(leg.srtp, leg.proto)
        if asks:
            party = party._replace(insists_on=self._insisting.callee_does())
        offerer = Party(self._wants(source), proto)
        judged = self._offered(source, leg.side, offerer, party, first=first)
        if not (asks or self._learns(source, offerer, first=first) or crypto.must_look(offerer, party)):
            if len(self._plain) >= MOST_PLAIN:
                self._plain.clear()
            self._plain[source, proto, leg, first] = judged
        return judged

    def answer(self, profile: str = "") -> None:
        """SDP in a reply to a request that had an offer; `profile` where the offerer's own choice does not count."""
        status = self._status()
        if not 100 < status < 300:
            return
        has_sdp = self._has_body("application/sdp") > 0
        if has_sdp:
            source = unbracketed(self._source())
            flags = self._answers.get(source) or self._remembered_answer(source)
            self._answer(flags + profile if profile else flags)
        if status >= 200:
            self._keep(has_sdp=has_sdp)
        elif self._reports:
            self._reports.progressed()

    def pbx_answer(self) -> None:
        """The same in a reply of a PBX, whose SDP tells where it is."""
        status = self._status()
        if 100 < status < 300:
            has_sdp = self._has_body("application/sdp") > 0
            if has_sdp:
                self._answer(_ANSWER)
            if status >= 200:
                self._keep(has_sdp=has_sdp)
            elif self._reports:
                self._reports.progressed()

    def noted_answer(self) -> None:
        """The same, where something was noted about the offer."""
        note = str(self._pv_get(NOTE))
        self.answer(" RTP/AVP" if note == _STRIPS else "")
        status = self._status()
        if status == NOT_ACCEPTABLE and note in _TRIED:
            self._insisting.callee_refuses(_TRIED[note])
        elif 200 <= status < 300 and note in _INSISTS:
            self._insisting.caller_does(_INSISTS[note])

    def late_offer(self) -> None:
        """SDP in a reply to an INVITE without one is the offer; the answer comes in ACK (RFC 3261 section 13.2.1)."""
        status = self._status()
        if not 100 < status < 300:
            return
        has_sdp = self._has_body("application/sdp") > 0
        if has_sdp:
            source, proto = unbracketed(self._source()), self._proto()
            # Not from the transaction's request: where topology is hidden, the engine was told another source. And not
            # from this worker's policy: it may be older than the request's.
            asked, transport, asker, offerer, first = str(self._pv_get(NOTE)).split(" ")
            parties = Party(offerer, proto), Party(asker, transport)
            try:
                flags, _ = self._offered(source, self._router.side_of(asked), *parties, first=first == "1")
                self._offer(flags)
            except NotAcceptableError as error:
                # Too late for 488. Without an offer no media flows, and whoever asked hangs up.
                self._refusals.note(str(error), source, proto, "INVITE", "")
                self._ksr.textopsx.remove_body()
        if status >= 200:
            self._keep(has_sdp=has_sdp)
        elif self._reports:
            self._reports.progressed()

    @property
    def again(self) -> Media:
        """What serves the passages of a call after the first one."""
        return self._again or self

    def at(self, passage: str) -> Media:
        """What serves that passage of the current call through the edge; for its replies as well."""
        if not passage:
            return self
        self._pv_sets(PASSAGE, passage)
        return self.again

    def failed(self) -> None:
        """The attempt of the current transaction is over."""
        (self.again if self._pv_get(PASSAGE) else self).end(answered=False)

    def end(self, *, answered: bool = True) -> None:
        """The call, or the attempt, is over."""
        self._delete()
        if self._gate:
            self._gate.over()
        if answered:
            self._forget(_RECORD)
            if self._reports:
                self._reports.ended()

    def _offered(self, source: str, side: str, offerer: Party, answerer: Party, *, first: bool) -> tuple[str, str]:
        """Flags for the offer in the current message, and its note. Raises NotAcceptableError."""
        came, trust = self._router.side_of(source), self._trust(source)
        learns = self._learns(source, offerer, first=first)
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
            note = _STRIPS if judgement.strips else offer.name.lower() if learns and offer in INSISTS else ""
            if first and source in self._pbxs and not note:
                note = f"tried-{judgement.tried.name.lower()}" if judgement.tried else ""
            known = self._known[key] = (flags, note)
        return known

    def _learns(self, source: str, offerer: Party, *, first: bool) -> bool:
        """Whether what an offer holds tells what the phone that sent it insists on."""
        return first and worth_knowing(offerer.srtp, offerer.transport) and self._is_phone(source)

    def _kind(self) -> Offer:
        try:
            sdp = str(self._pv_get("$rb") or "")
        except UnicodeDecodeError:
            # Names of sessions may be in any character set (RFC 8866 section 6.10).
            sdp = bytes.fromhex(str(self._pv_get("$(rb{s.encode.hexa})"))).decode("latin-1")
        return crypto.kind_of(sdp)

    def _remembered_answer(self, source: str) -> str:
        if len(self._answers) >= MOST_PLAIN:
            self._answers.clear()
        flags = self._answers[source] = f"{_ANSWER}{self._trust(source)}"
        return flags

    def _trust(self, source: str) -> str:
        """A phone's packets come from where its signalling comes from, not from what a NAT hides in its SDP.

        PBXs and trunks have no NAT, and their audio may come from other machines than their signalling.
        """
        return " SIP-source-address" if self._is_phone(source) else ""

    def _is_phone(self, source: str) -> bool:
        return source not in self._pbxs and (not self._router.trunks or self._router.trunk_at(source) is None)

    def _wants(self, source: str) -> str:
        """The policy of the party at an address."""
        srtp = self._srtp.get(source)
        if srtp is None:
            trunk = self._router.trunk_at(source)
            srtp = trunk.srtp if trunk else self._phones
        return srtp

    def _keep(self, *, has_sdp: bool) -> None:
        """Keep both parties of a call that was just answered, so that the edge itself can hang up."""
        answered = record.of_reply(self._ksr)
        if answered:
            call_id, kept = answered
            self._ksr.htable.sht_setxs("calls", call_id, kept, RECORD_LIFETIME_S)
            if self._gate:
                self._gate.answered(call_id, record.from_tag(kept))
            if self._reports:
                self._reports.answered(has_sdp=has_sdp)
