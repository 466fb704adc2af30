"""Kamailio's callbacks. The only file that imports KSR; everything it does is handed on.

Each callback is the last resort for its message: a bug in our own code must not take the worker's other
calls with it, so it is logged with its traceback and the request is answered with 500.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import KSR

sys.path.append(str(Path(__file__).resolve().parent.parent))

from voxgate_sip.accounts import Accounts
from voxgate_sip.browsers import Browsers
from voxgate_sip.callbacks import BrowserCallbacks, InsideCallbacks, ReplyCallbacks, VouchingCallbacks, shapes_of
from voxgate_sip.certificates import ClientCertificates
from voxgate_sip.challenges import Challenges
from voxgate_sip.dialog import DialogRelay
from voxgate_sip.doorman import Doorman
from voxgate_sip.events import Emitter, Refusals
from voxgate_sip.forked import part_from_openssl_at_fork
from voxgate_sip.gate import Gate, is_wanted
from voxgate_sip.guise import Guise
from voxgate_sip.hiding import Hider, Seal
from voxgate_sip.keepalive import Keepalive
from voxgate_sip.legs import Legs
from voxgate_sip.media import Media
from voxgate_sip.message import FORWARDED_FOR, GENERATION, IDENTITIES, NOBODY, NOTHING, MalformedError, Reader
from voxgate_sip.perform import Performer
from voxgate_sip.policy import loads
from voxgate_sip.registrations import Registrations
from voxgate_sip.replies import RecordRouteRewriter, Replies
from voxgate_sip.reporting import CallReports
from voxgate_sip.route import Router
from voxgate_sip.shunned import is_back
from voxgate_sip.shunned import sweep as sweep_shunned
from voxgate_sip.suspicion import Suspicion
from voxgate_sip.sweeper import Sweeper
from voxgate_sip.vouching import Vouching

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Decision, Request

#: RFC 3261 section 16.6: 70 is what clients send; twenty proxies are already a loop.
MAX_FORWARDS = 20
#: The sanity module's checks: its default message checks with Proxy-Require (512), and all URI checks.
#: Not Content-Length (128): it refuses what follows a message in its datagram; `message` has a better check.
SANITY_MESSAGE, SANITY_URI = 17895 + 512 - 128, 7


def mod_init() -> Script:
    """Called once by Kamailio, before it forks its workers."""
    part_from_openssl_at_fork()
    key = Path(os.environ["VOXGATE_TOPOLOGY_KEY"]).read_bytes()
    return Script(cast("Ksr", KSR), Path(os.environ["VOXGATE_POLICY"]), os.environ["VOXGATE_EVENTS"], key)


class Script(ReplyCallbacks, BrowserCallbacks, InsideCallbacks, VouchingCallbacks):
    """One per process. Policy is read again when the generation in shared memory has changed."""

    def __init__(self, ksr: Ksr, policy: Path, events: str, key: bytes) -> None:
        self._ksr = ksr
        self._key, self._seal = key, Seal(key)
        self._path = policy
        self._events = Emitter(events)
        self._suspicion = Suspicion(self._events)
        self._refusals = Refusals(ksr, suspicion=self._suspicion)
        self._seen = ""
        self._remove = ksr.hdr.remove
        self._process_maxfwd = ksr.maxfwd.process_maxfwd
        self._sanity_check = ksr.sanity.sanity_check
        self._sweeper = Sweeper(ksr, self._events)
        self._load()
        # What is loaded now lives as long as the worker: the collector need not touch, and so copy, it after the fork.
        gc.freeze()

    def _load(self) -> None:
        policy = loads(self._path.read_text(encoding="utf-8"))
        self._generation = policy.generation
        reader = Reader(self._ksr, callers=policy.media)
        self._envelope, self._read_request = reader.envelope, reader.request
        self._require_length = reader.require_length
        self._router = router = Router(policy)
        self._gate = Gate(self._ksr, policy, self._events) if is_wanted(policy) else None
        #: None where nobody keeps records of calls.
        self._reports = reports = CallReports(self._ksr, self._events) if policy.records else None
        self._media = Media(self._ksr, router, self._refusals, self._gate, reports) if policy.media else None
        self._browsers = Browsers(self._ksr, policy.websocket, self._refusals) if policy.websocket else None
        self._doorman = Doorman(self._ksr, router, policy.hygiene, self._refusals) if policy.hygiene else None
        self._challenges = Challenges(self._ksr, router, self._suspicion, self._key) if policy.hygiene else None
        self._vouching = Vouching(self._ksr, router, self._refusals, self._events)
        legs = Legs(self._ksr, router, self._browsers, self._vouching)
        replies = Replies(self._ksr, RecordRouteRewriter(legs.own_uris(), legs.trunk_uris()))
        # Also where nothing is hidden: calls of an earlier generation may still carry seals.
        self._hider = Hider(self._ksr, router, legs, self._seal, replies=replies)
        accounts = Accounts(self._ksr, router, self._seal, self._events, hider=self._hider)
        #: None where no PBX has one.
        self._accounts = accounts if accounts.active else None
        tools = (self._ksr, router, legs, self._media, self._refusals)
        self._performer = Performer(*tools, hider=self._hider, accounts=accounts, gate=self._gate, reports=reports)
        relay = DialogRelay(*tools, hider=self._hider, events=self._events)
        self._in_dialog, self._own_request, self._inside = relay.relay, relay.own_request, relay.inside
        self._registered = replies.registered
        self._registrations = Registrations(self._ksr, router, self._events)
        checks = any(pbx.check_certificate for pbx in policy.pbxs.values())
        self._certificates = ClientCertificates(self._ksr) if checks else None
        self._keepalive = Keepalive(self._ksr, router)
        self._shapes = shapes_of(replies, self._hider, Guise(self._ksr, router), accounts)

    def _refresh(self, seen: str) -> None:
        """One read of a file per worker and generation. A broken file keeps the former policy: calls go on."""
        self._seen = seen
        if seen == str(self._generation):
            return
        try:
            self._load()
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._ksr.err(f"event=policy_not_loaded generation={seen} reason={type(error).__name__}\n")

    def child_init(self, _rank: int) -> int:
        """Called in each process after the fork."""
        if not self._ksr.pv.get(GENERATION):
            self._ksr.pv.seti(GENERATION, self._generation)
        return 0

    def ksr_request_route(self, _msg: Any) -> int:
        try:
            self._request()
        except Exception:  # noqa: BLE001 - an exception that leaves a callback surfaces in an unrelated later call
            if self._bug():
                self._ksr.sl.send_reply(500, "Server Internal Error")
        return 1

    def ksr_reply_route(self, _msg: Any) -> int:
        """Any reply, before its transaction is looked for; only where browsers are served."""
        try:
            if self._browsers and not self._browsers.adopt():
                self._ksr.set_drop()
        except Exception:  # noqa: BLE001 - as above
            self._bug()
            self._ksr.set_drop()
        return 1

    def ksr_registered(self, _msg: Any) -> int:
        """A reply to REGISTER."""
        self._shaped(self._registered)
        self._challenged(Challenges.replied)
        return self._shaped(self._registrations.answered)

    def ksr_failure(self, _msg: Any) -> int:
        """A transaction failed; the reply has not gone back yet. This worker may have had no request for long."""
        try:
            if (seen := str(self._ksr.pv.get(GENERATION))) != self._seen:
                self._refresh(seen)
            self._challenged(Challenges.failed)
            self._performer.failure()
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    def ksr_local_request(self, _msg: Any, _name: str) -> int:
        """Kamailio itself sends a request: a health check, or the BYE of a call that has no audio any more."""
        try:
            if (seen := str(self._ksr.pv.get(GENERATION))) != self._seen:
                self._refresh(seen)
            if self._ksr.kx.get_method() in {"BYE", "OPTIONS"}:
                self._own_request()
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    def ksr_keepalive(self, _msg: Any, _timer: str) -> int:
        """A few times per second, in a process of its own."""
        try:
            self._refresh(str(self._ksr.pv.get(GENERATION)))
            self._keepalive.sweep()
            self._vouching.sweep()
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    def ksr_trunk_branch(self, _msg: Any) -> int:
        """A request is about to leave to or from a trunk."""
        try:
            if self._performer.trunking:
                self._performer.trunking.branch()
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    def ksr_dispatcher_event(self, _msg: Any, name: str) -> int:
        """A node went down or came back; `name` is dispatcher:dst-down or dispatcher:dst-up."""
        try:
            uri = self._ksr.kx.get_ruri()
            if name.endswith("up"):
                is_back(self._ksr, uri)
            self._events.send(event="node", state=name.rpartition("-")[2], uri=uri)
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    def ksr_sweep(self, _msg: Any, _name: str = "") -> int:
        """Every two seconds, in one process."""
        try:
            self._sweeper.sweep()
            sweep_shunned(self._ksr)
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    def _bug(self) -> bool:
        """Log the current exception; False when not we are to blame but bytes that are no UTF-8."""
        if isinstance(sys.exc_info()[1], UnicodeDecodeError):
            self._malformed()
            return False
        # Whoever finds a message that provokes a bug shall not fill the disk with it.
        if self._refusals.may_log():
            self._ksr.err("event=bug " + traceback.format_exc().replace("\n", " | ") + "\n")
        return True

    def _outside_dialog(self, method: str, source: str, proto: str, received_on: str, uri: str) -> None:
        request = self._read_request(method, source, proto, received_on)
        if proto == "tls" and self._certificates:
            request = request._replace(certificate=self._certificates.names())
        if self._doorman and self._doorman.turns_away(request):
            return
        decision = self._router.decide(request)
        if self._accounts and self._accounts.may_be_called(decision):
            decision = self._router.decide(self._accounts.called(request, uri))
        if method == "INVITE":
            self._invite(request, decision)
        else:
            self._performer.perform(request, decision)

    def _invite(self, request: Request, decision: Decision) -> None:
        gate, reports, performer = self._gate, self._reports, self._performer
        judged = gate.judge(request, decision) if gate else decision
        if judged is None:
            return
        opening = reports.opening(request.body) if reports else ""
        performer.left, performer.node = False, ""
        self._refusals.reason = ""
        try:
            performer.perform(request, judged)
        finally:
            if gate:
                gate.settle(left=performer.left)
        if reports:
            refused = "" if performer.left else self._refusals.reason or "not-sent"
            reports.begun(opening, judged, node=performer.node, refused=refused)

    def _malformed(self) -> None:
        self._refusals.note("malformed", self._ksr.kx.get_srcip(), self._ksr.kx.get_proto(), "", "")

    def _take_off_claims(self, source: str, proto: str, received_on: str) -> None:
        """What only PBXs and providers may say (RFC 3325 section 5)."""
        router = self._router
        if not router.is_pbx(source, proto, received_on) and not (
            router.trunks and router.trunks.comes_from(source, proto) and router.trunks.trusts(source)
        ):
            for name in IDENTITIES:
                self._remove(name)

    def _request(self) -> None:
        ksr = self._ksr
        if self._browsers and not self._browsers.adopt():
            return
        if self._process_maxfwd(MAX_FORWARDS) < 0:
            ksr.sl.send_reply(483, "Too Many Hops")
            return
        try:
            seen, banned, source, proto, received_on, method, to_tag, uri, claims = self._envelope()
            if seen != self._seen:
                self._refresh(seen)
            if self._doorman and not self._doorman.admits(source, proto, received_on, banned):
                return
            # Only the edge may say that. To look whether it is there costs more than to take it off.
            self._remove(FORWARDED_FOR)
            if claims != NOBODY:
                self._take_off_claims(source, proto, received_on)
            if proto != "udp":
                self._require_length(proto)
                ksr.set_reply_no_connect()
            if method == "CANCEL":
                if ksr.tm.t_check_trans() > 0:
                    ksr.tm.t_relay()
            elif to_tag != NOTHING:
                self._in_dialog(method, source, proto, received_on, uri)
            elif self._sanity_check(SANITY_MESSAGE, SANITY_URI) > 0:
                self._outside_dialog(method, source, proto, received_on, uri)
        except MalformedError:
            self._malformed()
