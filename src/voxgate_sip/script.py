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

from voxgate_sip.dialog import DialogRelay
from voxgate_sip.events import Emitter, Refusals
from voxgate_sip.forked import part_from_openssl_at_fork
from voxgate_sip.hiding import Hider, Seal
from voxgate_sip.legs import Legs
from voxgate_sip.media import Media
from voxgate_sip.message import GENERATION, NOTHING, MalformedError, Reader
from voxgate_sip.perform import Performer
from voxgate_sip.policy import loads
from voxgate_sip.replies import SHAPED, RecordRouteRewriter, Replies
from voxgate_sip.route import Router

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.ksr import Ksr

#: RFC 3261 section 16.6: 70 is what clients send; twenty proxies are already a loop.
MAX_FORWARDS = 20
#: The sanity module's checks: its default message checks, and all URI checks.
SANITY_MESSAGE, SANITY_URI = 17895, 7


def mod_init() -> Script:
    """Called once by Kamailio, before it forks its workers."""
    part_from_openssl_at_fork()
    key = Path(os.environ["VOXGATE_TOPOLOGY_KEY"]).read_bytes()
    return Script(cast("Ksr", KSR), Path(os.environ["VOXGATE_POLICY"]), os.environ["VOXGATE_EVENTS"], Seal(key))


class Script:
    """One per process. Policy is read again when the generation in shared memory has changed."""

    def __init__(self, ksr: Ksr, policy: Path, events: str, seal: Seal) -> None:
        self._ksr = ksr
        self._seal = seal
        self._path = policy
        self._events = Emitter(events)
        self._refusals = Refusals(ksr)
        self._seen = ""
        reader = Reader(ksr)
        self._envelope = reader.envelope
        self._read_request = reader.request
        self._process_maxfwd = ksr.maxfwd.process_maxfwd
        self._sanity_check = ksr.sanity.sanity_check
        self._load()
        # What is loaded now lives as long as the worker: the collector need not touch, and so copy, it after the fork.
        gc.freeze()

    def _load(self) -> None:
        policy = loads(self._path.read_text(encoding="utf-8"))
        self._generation = policy.generation
        self._router = router = Router(policy)
        self._media = Media(self._ksr, router) if policy.media else None
        legs = Legs(self._ksr, router)
        rewriter = RecordRouteRewriter(legs.own_uris())
        # Also where nothing is hidden: calls of an earlier generation may still carry seals.
        self._hider = Hider(self._ksr, router, legs, rewriter, self._seal)
        tools = (self._ksr, router, legs, self._media, self._refusals)
        self._performer = Performer(*tools, hider=self._hider)
        self._in_dialog = DialogRelay(*tools, hider=self._hider).relay
        self._replies = Replies(self._ksr, rewriter)
        self._from_pbx = self._replies.from_pbx

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

    # -- callbacks -----------------------------------------------------------------------------------

    def ksr_request_route(self, _msg: Any) -> int:
        try:
            self._request()
        except Exception:  # noqa: BLE001 - an exception that leaves a callback surfaces in an unrelated later call
            if self._bug():
                self._ksr.sl.send_reply(500, "Server Internal Error")
        return 1

    def ksr_registered(self, _msg: Any) -> int:
        """A reply to REGISTER."""
        return self._shaped(self._replies.registered)

    def ksr_from_phone(self, _msg: Any) -> int:
        """A reply of a phone, without media."""
        return self._shaped(self._replies.from_phone)

    def ksr_from_phone_answer(self, _msg: Any) -> int:
        """A reply of a phone to a request that had an offer."""
        return self._shaped(self._replies.from_phone, Media.answer)

    def ksr_from_phone_late_offer(self, _msg: Any) -> int:
        """A reply of a phone to an INVITE without an offer."""
        return self._shaped(self._replies.from_phone, Media.late_offer)

    def ksr_from_pbx(self, _msg: Any) -> int:
        """A reply of a PBX, without media."""
        try:
            self._from_pbx()
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    def ksr_from_pbx_answer(self, _msg: Any) -> int:
        """A reply of a PBX to a request that had an offer."""
        return self._shaped(self._replies.from_pbx, Media.answer)

    def ksr_from_pbx_late_offer(self, _msg: Any) -> int:
        """A reply of a PBX to an INVITE without an offer."""
        return self._shaped(self._replies.from_pbx, Media.late_offer)

    def ksr_failure(self, _msg: Any) -> int:
        """A transaction failed; the reply has not gone back yet. This worker may have had no request for long."""
        try:
            if (seen := str(self._ksr.pv.get(GENERATION))) != self._seen:
                self._refresh(seen)
            self._performer.failure()
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
                self._ksr.htable.sht_rm("shunned", uri)
            self._events.send(event="node", state=name.rpartition("-")[2], uri=uri)
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    def ksr_from_hidden(self, _msg: Any) -> int:
        """A reply of a PBX to a party that it is hidden from, without media."""
        return self._shaped(self._hider.reply_of_pbx)

    def ksr_from_hidden_answer(self, _msg: Any) -> int:
        """The same to a request that had an offer."""
        return self._shaped(self._hider.reply_of_pbx, Media.answer)

    def ksr_from_hidden_late_offer(self, _msg: Any) -> int:
        """The same to an INVITE without an offer."""
        return self._shaped(self._hider.reply_of_pbx, Media.late_offer)

    def ksr_to_hidden(self, _msg: Any) -> int:
        """A reply to a PBX that is hidden from whoever sends it, without media."""
        return self._shaped(self._to_hidden)

    def ksr_to_hidden_answer(self, _msg: Any) -> int:
        """The same to a request that had an offer."""
        return self._shaped(self._to_hidden, Media.answer)

    def ksr_to_hidden_late_offer(self, _msg: Any) -> int:
        """The same to an INVITE without an offer."""
        return self._shaped(self._to_hidden, Media.late_offer)

    # -- what they do --------------------------------------------------------------------------------

    def _shaped(self, shape: Callable[[], None], media: Callable[[Media], None] | None = None) -> int:
        try:
            shape()
            if media and self._media:
                media(self._media)
        except Exception:  # noqa: BLE001 - as above
            self._bug()
        return 1

    def _to_hidden(self) -> None:
        self._hider.reply_to_pbx()
        if self._ksr.kx.get_method() in SHAPED:
            self._replies.from_phone()

    def _bug(self) -> bool:
        """Log the current exception; False when not we are to blame but bytes that are no UTF-8."""
        if isinstance(sys.exc_info()[1], UnicodeDecodeError):
            self._malformed()
            return False
        # Whoever finds a message that provokes a bug shall not fill the disk with it.
        if self._refusals.may_log():
            self._ksr.err("event=bug " + traceback.format_exc().replace("\n", " | ") + "\n")
        return True

    def _malformed(self) -> None:
        self._refusals.note("malformed", self._ksr.kx.get_srcip(), self._ksr.kx.get_proto(), "", "")

    def _request(self) -> None:
        ksr = self._ksr
        if self._process_maxfwd(MAX_FORWARDS) < 0:
            ksr.sl.send_reply(483, "Too Many Hops")
            return
        try:
            seen, source, proto, received_on, method, to_tag, uri = self._envelope()
            if seen != self._seen:
                self._refresh(seen)
            if proto != "udp":
                ksr.set_reply_no_connect()
            if method == "CANCEL":
                if ksr.tm.t_check_trans() > 0:
                    ksr.tm.t_relay()
            elif to_tag != NOTHING:
                self._in_dialog(method, source, proto, received_on, uri)
            elif self._sanity_check(SANITY_MESSAGE, SANITY_URI) > 0:
                request = self._read_request(method, source, proto, received_on)
                self._performer.perform(request, self._router.decide(request))
        except MalformedError:
            self._malformed()
