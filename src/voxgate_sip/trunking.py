"""Carries out calls from and to trunks: one attempt after the other, each dressed for where it goes.

PBXs and trunks of one call may be on different sides and transports. So what depends on the way (Record-Route, media,
headers for the receiver) is done in the branch route, where it holds for one attempt alone. The transaction remembers
all attempts in `CHAIN`, for the failure route and for whoever writes call records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate_sip.accounts import ACCOUNT, ACCOUNT_HIDDEN, CHAIN
from voxgate_sip.attempts import Attempt, Attempts, request_uri
from voxgate_sip.authorising import ASKS, credentials
from voxgate_sip.chain import Chain, chain_of
from voxgate_sip.destinations import FromTrunk, ToTrunk
from voxgate_sip.events import plain
from voxgate_sip.guise import ASKED, BARE, Guise, Worn, called_by
from voxgate_sip.media import WITH_SDP
from voxgate_sip.message import forwarded_for
from voxgate_sip.nomedia import MediaError
from voxgate_sip.ownways import mark
from voxgate_sip.passages import Passages, marked
from voxgate_sip.replies import FROM_HIDDEN, FROM_PBX, FROM_PHONE, TO_HIDDEN
from voxgate_sip.route import ForbiddenError
from voxgate_sip.shunned import shun
from voxgate_sip.trunks import EDGE, TRUNK_HEADER, Hop

if TYPE_CHECKING:
    from voxgate_sip.accounts import Accounts
    from voxgate_sip.attempts import Choose
    from voxgate_sip.events import Refusals
    from voxgate_sip.hiding import Hider
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg, Legs
    from voxgate_sip.media import Media
    from voxgate_sip.policy import Node
    from voxgate_sip.route import Request, Router


class Trunking:
    """For one policy generation; only made where there are trunks."""

    def __init__(
        self,
        ksr: Ksr,
        router: Router,
        legs: Legs,
        media: Media | None,
        refusals: Refusals,
        *,
        hider: Hider,
        accounts: Accounts,
    ) -> None:
        self._ksr = ksr
        self._router = router
        self._legs = legs
        self._media = media
        self._refusals = refusals
        self._hider = hider
        self._accounts = accounts
        self._attempts = Attempts(ksr, router)
        self._guise = Guise(ksr, router)
        self._passages = Passages(ksr, legs)
        #: The attempt that is being sent, for the branch route.
        self._now: tuple[Chain, Leg] | None = None
        #: Header line with our credentials for the attempt that is being sent.
        self._credentials = ""
        #: Why no attempt can be made at all.
        self._stopped: MediaError | None = None

    def perform(self, request: Request, decision: FromTrunk | ToTrunk, choose: Choose) -> bool:
        """Send the current request where it was decided; whether it has left."""
        ksr = self._ksr
        if request.has_route:
            ksr.hdr.remove("Route")
        ksr.hdr.remove(TRUNK_HEADER)
        chain = (
            self._from_trunk(request, decision)
            if isinstance(decision, FromTrunk)
            else self._to_trunk(request, decision)
        )
        if ksr.tm.t_newtran() <= 0:
            # A copy: the transaction has sent its last answer again.
            return True
        if self._on(chain, choose, silent=True, code=0):
            return True
        stopped = self._stopped
        ksr.tm.t_reply(*(stopped.answer if stopped else (503, "Service Unavailable")))
        reason = str(stopped or ("no-node-answers" if chain.way == "in" else "no-trunk-answers"))
        self._refusals.note(reason, request.source, request.proto, request.method, request.ruri_host)
        return False

    def _from_trunk(self, request: Request, decision: FromTrunk) -> Chain:
        """The chain of a provider's request, which is made fit for PBXs."""
        ksr, pbxs = self._ksr, decision.did.pbxs
        hidden = self._hides(decision, self._router.side_of(request.source))
        shape = (FROM_HIDDEN if hidden else FROM_PBX).get(request.method, "")
        if hidden:
            self._hider.asked_by(request.source, request.proto)
        chain = self._chain("in", decision.trunk.name, request, decision.number, pbxs)
        if not chain.passage:
            ksr.nathelper.set_contact_alias_trim()
        if request.method == "INVITE":
            ksr.hdr.append(forwarded_for(request.source))
        return chain._replace(hidden="1"[:hidden], shape=shape, node=decision.node)

    def _to_trunk(self, request: Request, decision: ToTrunk) -> Chain:
        """The chain of a request for a provider."""
        own = decision.pbx == EDGE
        hidden = not own and any(
            self._hider.hides(request.source, hop.side, trunk.hides) for trunk in decision.trunks for hop in trunk.hops
        )
        number, shape = decision.number, TO_HIDDEN if hidden else FROM_PHONE.get(request.method, "")
        if request.method == "REGISTER":
            number, shape = ("", "") if own else (self._ksr.kx.get_ruri(), ACCOUNT_HIDDEN if hidden else ACCOUNT)
        chain = self._chain("out", decision.pbx, request, number, tuple(trunk.name for trunk in decision.trunks))
        return chain._replace(hidden="1"[:hidden], shape=shape)

    def _chain(self, way: str, owner: str, request: Request, number: str, targets: tuple[str, ...]) -> Chain:
        came = f"{self._router.side_of(request.source)}{request.proto}"
        source, method = request.source, request.method
        passage = self._passages.of(request)
        return Chain(way, owner, number, request.user, source, came, method, "", "", "", targets, passage=passage)

    def _hides(self, call: FromTrunk, side: str) -> bool:
        """Whether a trunk on `side` must not see one of the PBXs that its call may lead to."""
        pbxs, told = self._router.policy.pbxs, call.trunk.hides
        found = [pbxs[name] for name in call.did.pbxs if name in pbxs]
        return any(self._hider.hides(node.address, side, told) for pbx in found for node in (*pbx.plain, *pbx.secure))

    def next(self, choose: Choose, *, silent: bool, code: int) -> bool:
        """In the failure route: go on where that is declared; False when the failure stays as it is."""
        text = str(self._ksr.pv.get(CHAIN) or "")
        if not text:
            return False
        chain = chain_of(text)
        if code in ASKS and not silent and chain.way == "out" and self._authorised(chain, code):
            return True
        chain = chain.ended("timeout" if silent else str(code))
        self._ksr.pv.sets(CHAIN, chain.text())
        target, uri, outcome = chain.tried[-1]
        self._ksr.notice(
            f"event=trunk_attempt_failed way={chain.way} owner={chain.owner} target={target} uri={uri} "
            f"outcome={outcome} attempt={len(chain.tried)} number={plain(chain.number)}\n"
        )
        if silent:
            shun(self._ksr, uri, self._router.policy.shun_s)
        return self._on(chain, choose, silent=silent, code=code)

    def _authorised(self, chain: Chain, code: int) -> bool:
        """Send the last attempt again with the trunk's credentials, once."""
        target, uri, _ = chain.tried[-1]
        trunk = self._router.policy.trunks.get(target)
        hop = next((hop for hop in trunk.hops if hop.uri == uri), None) if trunk else None
        if trunk is None or hop is None or chain.method == "REGISTER":
            return False
        answered = [attempt[:2] for attempt in chain.tried].count((target, uri)) - 1
        attempt = Attempt(target, request_uri(trunk, chain), hop, trunk.timeout_ms)
        self._credentials = credentials(self._ksr, trunk, code, attempt.uri, answered=answered)
        if not self._credentials:
            return False
        chain = chain.ended(str(code))
        return self._send(chain._replace(tried=(*chain.tried, (target, uri, ""))), attempt)

    def branch(self) -> None:
        """The branch route: what holds for this attempt alone."""
        if self._now is None:
            return
        chain, leg = self._now
        ksr = self._ksr
        hidden, shape = chain.way == "out" and bool(chain.hidden), chain.shape
        if chain.way == "out" and chain.method != "REGISTER":
            # Each trunk of a chain may be told something else.
            hidden = self._hider.hides(chain.source, leg.side, leg.hides)
            shape = TO_HIDDEN if hidden else FROM_PHONE.get(chain.method, "")
        worn = self._dressed(chain, leg, hidden=hidden) if chain.way == "out" else BARE
        if chain.method == "INVITE":
            owner = self._router.policy.trunks.get(chain.owner)
            whose = mark(chain.way, owner, leg.group) + (called_by(owner) if owner else worn.mark)
            whose += marked(chain.passage)
            ksr.rr.record_route_preset_one(f"{leg.own};e={chain.came}{whose}")
        if self._credentials:
            ksr.hdr.append(self._credentials)
        if chain.way == "in":
            ksr.hdr.append(f"{TRUNK_HEADER}: {chain.owner}\r\n")
        ending = ""
        if self._media and chain.method in WITH_SDP:
            try:
                ending = self._media.at(chain.passage).request(chain.method, chain.source, chain.came[2:], leg)
            except MediaError as error:
                self._stopped = error
        if self._stopped:
            ksr.set_drop()
            return
        if worn.asked:
            ksr.tm.t_on_reply((shape or "ksr_from_phone") + ASKED + ending)
        elif shape or ending:
            ksr.tm.t_on_reply((shape or "ksr_from_pbx") + ending)
        if hidden:
            self._hider.cover(chain.method, leg, worn=worn)

    def _dressed(self, chain: Chain, leg: Leg, *, hidden: bool) -> Worn:
        """Make the current branch what the provider shall see."""
        if chain.method != "REGISTER":
            trunk = self._router.policy.trunks[chain.tried[-1][0]]
            return self._guise.put_on(trunk, chain.raised, hidden=hidden)
        if chain.number:
            self._accounts.show(chain.owner, chain.source, leg.own)
        return BARE

    # -- attempts ----------------------------------------------------------------------------------

    def _on(self, chain: Chain, choose: Choose, *, silent: bool, code: int) -> bool:
        """Relay to the next target that can be tried; False when there is none."""
        self._stopped = None
        while attempt := next(self._attempts.after(chain, choose, silent=silent, code=code), None):
            chain = chain._replace(tried=(*chain.tried, (attempt.target, attempt.hop.uri, "")))
            if self._send(chain, attempt):
                return True
            if self._stopped:
                return False
            chain, silent = chain.ended("unreachable"), True
        return False

    def _send(self, chain: Chain, attempt: Attempt) -> bool:
        ksr, leg, hop = self._ksr, self._leg(attempt.hop, attempt.target), attempt.hop
        if self._legs.vouching:
            try:
                self._legs.vouching.use(leg, f"{hop.address} {hop.port} {hop.proto}")
            except ForbiddenError:
                return False
        ksr.pv.sets(CHAIN, chain.text())
        ksr.pv.sets("$ru", attempt.uri)
        # In a failure route only an assignment to $du makes a new branch; setdsturi does not.
        ksr.pv.sets("$du", attempt.hop.uri)
        self._legs.dress(leg)
        ksr.tm.t_set_fr(0, attempt.timeout_ms)
        ksr.tm.t_on_branch("ksr_trunk_branch")
        ksr.tm.t_on_failure("ksr_failure")
        self._now = chain, leg
        try:
            return ksr.tm.t_relay() > 0
        finally:
            self._now, self._credentials = None, ""

    def _leg(self, hop: Node | Hop, target: str) -> Leg:
        if isinstance(hop, Hop):
            return self._legs.to_trunk(self._router.policy.trunks[target], hop.side, hop.proto)
        return self._legs.to_node(hop)
