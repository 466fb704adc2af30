"""`Decision` -> calls on an injected KSR, for requests outside of a dialog. The dull part: no rule is decided here.

Every request that leaves is dressed for the side of its next hop. Media is offered to rtpengine with the
interfaces of both sides. When a node does not answer, the failure route goes on to the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never
from urllib.parse import quote

from voxgate_sip.destinations import FromTrunk, ToTrunk
from voxgate_sip.legs import LONGEST_URI, NEXT_HOP, bracketed
from voxgate_sip.media import WITH_SDP
from voxgate_sip.message import forwarded_for
from voxgate_sip.nodes import Nodes
from voxgate_sip.nomedia import MediaError
from voxgate_sip.notes import NOTE, note_of, read
from voxgate_sip.passages import Passages
from voxgate_sip.replies import FROM_PHONE, TO_HIDDEN, not_sent
from voxgate_sip.route import NO_ROUTES, Answer, ForbiddenError, Ignore, ToPbx, ToPhone
from voxgate_sip.shunned import shun
from voxgate_sip.trunking import Trunking
from voxgate_sip.trunks import TRUNK_HEADER
from voxgate_sip.ways import Ways

if TYPE_CHECKING:
    from voxgate_sip.accounts import Accounts
    from voxgate_sip.events import Refusals
    from voxgate_sip.gate import Gate
    from voxgate_sip.hiding import Hider
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg, Legs
    from voxgate_sip.media import Media
    from voxgate_sip.policy import Node, Pbx
    from voxgate_sip.reporting import CallReports
    from voxgate_sip.route import Decision, Request, Router
    from voxgate_sip.ways import Way

#: The engine's own `fr_timer`, so that most requests need not set it: the default of `failover.timeout_seconds`.
DEFAULT_TIMEOUT_MS: Final = 2000
#: How long a PBX may take to answer at all when there is no other node to turn to.
LONE_NODE_TIMEOUT_MS: Final = 10000
#: How long a phone may take to answer at all: mobile phones must wake up first.
PHONE_TIMEOUT_MS: Final = 16000


class Performer:
    """Carries out decisions for one policy generation; `media` is None where there is no media relay."""

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
        gate: Gate | None = None,
        reports: CallReports | None = None,
    ) -> None:
        self._ksr = ksr
        self._reports = reports
        self._router = router
        self._legs = legs
        self._media = media
        self._refusals = refusals
        self._hider = hider
        self._dresses = legs.dresses
        self.trunking = (
            Trunking(ksr, router, legs, media, refusals, hider=hider, accounts=accounts) if router.trunks else None
        )
        self._choose = Nodes(ksr, router, gate).choose
        self._ways = Ways(router, legs, hider)
        self._passages = Passages(ksr, legs)
        self._append = ksr.hdr.append
        self._pv_sets = ksr.pv.sets
        self._record_route = ksr.rr.record_route_preset_one
        self._set_contact_alias = ksr.nathelper.set_contact_alias_trim
        self._t_on_failure = ksr.tm.t_on_failure
        self._t_on_reply = ksr.tm.t_on_reply
        self._t_relay = ksr.tm.t_relay
        #: Whether the last request that was performed has left, and the node of a PBX that it was sent to.
        self.left, self.node = False, ""

    def perform(self, request: Request, decision: Decision) -> None:
        """Do what was decided about the current request."""
        self.left = False
        if isinstance(decision, ToPbx):
            self._to_pbx(request, decision.pbx, decision.nodes)
            return
        if request.caller and request.method == "INVITE":
            self._ksr.pv.sets(NOTE, note_of(request.caller))
        match decision:
            case ToPhone():
                self._to_phone(request)
            case FromTrunk() | ToTrunk() if self.trunking:
                self.left = self.trunking.perform(request, decision, self._choose)
            case Ignore(reason):
                if reason:
                    self._refuse(reason, request)
            case Answer(code, phrase, reason):
                if reason:
                    self._refuse(reason, request)
                self._ksr.sl.send_reply(code, phrase)
            case FromTrunk() | ToTrunk():
                raise AssertionError("decided by trunks that are not there")
            case _:
                assert_never(decision)

    # -- the two ways onwards ----------------------------------------------------------------------

    def _to_phone(self, request: Request) -> None:
        ksr = self._ksr
        if len(ksr.kx.get_ruri()) > LONGEST_URI:
            ksr.sl.send_reply(414, "Request-URI Too Long")
            return
        if ksr.rr.loose_route_preloaded() < 0 and ksr.nathelper.handle_ruri_alias() < 0:
            self._refuse("no-way-to-phone", request)
            ksr.sl.send_reply(404, "Not Found")
            return
        hop = str(ksr.pv.get(NEXT_HOP))
        try:
            leg = self._legs.to_next_hop(hop, from_pbx=True)
        except ForbiddenError as error:
            self._refuse(str(error), request)
            ksr.sl.send_reply(*error.answer)
            return
        ksr.tm.t_set_fr(0, PHONE_TIMEOUT_MS)
        ksr.set_forward_no_connect()
        shapes = FROM_PHONE
        if self._hider.active and hop not in self._legs.pbx_hops and self._hider.hides(request.source, leg.side):
            shapes = dict.fromkeys((request.method,), TO_HIDDEN)
        self._leave(request, *self._passing(request, self._ways.of(request, leg, shapes)))

    def _to_pbx(self, request: Request, pbx: Pbx, nodes: tuple[Node, ...]) -> None:
        ksr = self._ksr
        if self.trunking:
            ksr.hdr.remove(TRUNK_HEADER)
        node = self._choose(pbx, nodes, request.user, shunning=request.shunning)
        if node is None:
            ksr.sl.send_reply(503, "Service Unavailable")
            self._refuse("no-node-answers", request)
            return
        method, uri = request.method, node.uri
        way = self._ways.to_node(node, request)
        media = self._media
        if method == "REGISTER":
            self._path(request, way.leg)
        else:
            if request.routes == NO_ROUTES:
                self._set_contact_alias()
            else:
                way, media = self._proxied(request, way)
            if way.forwarded:
                self._append(way.forwarded)
        several = len(nodes) > 1
        if several:
            timeout_ms = pbx.timeout_ms
            kind = "secure" if nodes is pbx.secure else "plain"
            self._pv_sets(NOTE, note_of(request.caller, pbx.name, kind, request.user, uri))
        else:
            timeout_ms = LONE_NODE_TIMEOUT_MS
            if request.caller and method == "INVITE":
                self._pv_sets(NOTE, note_of(request.caller))
        if timeout_ms != DEFAULT_TIMEOUT_MS:
            ksr.tm.t_set_fr(0, timeout_ms)
        ksr.setdsturi(uri)
        self.node = uri
        self._leave(request, way, media, failover=several)

    def _proxied(self, request: Request, way: Way) -> tuple[Way, Media | None]:
        """The same as `_passing`, of a request to a PBX; it is made fit for that."""
        self._ksr.hdr.remove("Route")
        passing = self._passing(request, way)
        if passing[0] is way:
            # In a later passage it shows where the caller really is, and not its proxy.
            self._ksr.nathelper.set_contact_alias_trim()
        return passing

    def _passing(self, request: Request, way: Way) -> tuple[Way, Media | None]:
        """`way`, and what serves its media, as they are in this passage of the call through the edge."""
        passage = self._passages.of(request) if way.route else ""
        if not passage:
            return way, self._media
        return self._ways.again(request, way, passage), self._media and self._media.at(passage)

    def _leave(self, request: Request, way: Way, media: Media | None, *, failover: bool = False) -> None:
        """Send the current request on."""
        leg, route, shape, answered, failure, to_flow, hides, _ = way
        method, source, proto = request[:3]
        if self._dresses:
            self._legs.dress(leg)
        if hides:
            self._hider.asked_by(source, proto)
        if route:
            self._record_route(route)
        if media and method in WITH_SDP:
            try:
                ending = media.request(method, source, proto, leg)
            except MediaError as error:
                self._refuse(str(error), request)
                self._ksr.sl.send_reply(*error.answer)
                return
            if ending:
                shape = answered + ending
        if shape:
            self._t_on_reply(shape)
        if failover:
            self._t_on_failure("ksr_failure")
        elif failure:
            self._t_on_failure(failure)
        if shape.startswith(TO_HIDDEN) and not self._hider.request(method, leg):
            return
        self.left = self._t_relay() >= 0 or (failover and self._next_node())
        if not self.left:
            not_sent(self._ksr, to_flow=to_flow)

    def _path(self, request: Request, leg: Leg) -> None:
        """RFC 3327: the PBX will send calls for this phone to us, with the phone's flow in `received`."""
        hdr = self._ksr.hdr
        if request.has_route:
            hdr.remove("Route")
        source = f"{bracketed(request.source)}:{self._ksr.kx.get_srcport()}"
        flow = quote(f"sip:{source};transport={request.proto}", safe=":[]")
        # RFC 5626 section 5.1: to a phone with several flows the edge is the first hop, and tells them apart.
        mark = ";ob" if "reg-id" in hdr.gete("Contact").lower() else ""
        hdr.insert(f"Path: <sip:{leg.own};lr{mark};received={flow}>\r\n{forwarded_for(request.source)}")
        if "path" not in hdr.gete("Supported").lower():
            hdr.append("Supported: path\r\n")

    # -- when that fails -----------------------------------------------------------------------------

    def failure(self) -> None:
        """The failure route: the next node where that is declared, else the end of this attempt's media."""
        tm, silent, code = self._ksr.tm, False, 487
        reports = self._reports if self._reports and self._ksr.kx.get_method() == "INVITE" else None
        if not (cancelled := tm.t_is_canceled() >= 0):
            silent = tm.t_branch_timeout() > 0 and tm.t_branch_replied() < 0
            code = tm.t_get_status_code()
            if reports:
                reports.tried(silent=silent, code=code)
            if self._next_node(silent=silent, code=code):
                return
            if self.trunking and self.trunking.next(self._choose, silent=silent, code=code):
                return
        if self._media:
            self._media.failed()
        if reports:
            reports.failed(silent=silent, code=code, cancelled=cancelled)

    def _next_node(self, *, silent: bool = True, code: int = 0) -> bool:
        """Relay the current request to a node that was not tried yet; False when it stays as it is."""
        ksr = self._ksr
        caller, tried = read(str(ksr.pv.get(NOTE) or ""))
        pbx = self._router.policy.pbxs.get(tried.pbx) if tried else None
        if tried is None or pbx is None or not (silent or code in pbx.codes):
            return False
        nodes, uris = pbx.secure if tried.kind == "secure" else pbx.plain, list(tried.uris)
        # Bounded: every turn tries one node more.
        while True:
            if silent:
                shun(ksr, uris[-1], self._router.policy.shun_s)
            node = self._choose(pbx, nodes, tried.user, uris)
            if node is None:
                return False
            uris.append(node.uri)
            self.node = node.uri
            ksr.pv.sets(NOTE, note_of(caller, *tried[:3], *uris))
            # In a failure route only an assignment to $du makes a new branch; setdsturi does not.
            ksr.pv.sets("$du", node.uri)
            self._legs.dress(self._legs.to(node.side, node.proto))
            ksr.tm.t_on_failure("ksr_failure")
            if ksr.tm.t_relay() > 0:
                return True
            silent = True

    def _refuse(self, reason: str, request: Request) -> None:
        self._refusals.note(reason, request.source, request.proto, request.method, request.ruri_host)
