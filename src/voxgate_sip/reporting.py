"""What the control plane is told of a call for its record (CDR): begun, answered, failed, ended; one datagram each.

A report is `REPORT`, kind, epoch seconds, and texts that Kamailio has filled. What comes from a packet may hold
anything: it comes in hexadecimal digits, which Kamailio makes, so that no value holds a line end. The control plane
reads SDP, not this worker. All of it is asked of the message at hand: a look at a transaction's other one would copy
and parse that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from voxgate_sip.accounts import CHAIN
from voxgate_sip.destinations import FromTrunk, ToTrunk
from voxgate_sip.events import PART
from voxgate_sip.notes import NOTE
from voxgate_sip.route import Answer, ToPbx, ToPhone

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.events import Emitter
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Decision

#: The kind of event that a report is.
REPORT: Final = "cdr"
#: What became of each attempt but the last; `notes.NOTE` tells the nodes.
OUTCOMES: Final = "$avp(voxgate_outcomes)"
#: When the callee was first heard of (180, 183), in seconds.
PROGRESS: Final = "$avp(voxgate_progress)"
#: Between texts whose lines vary.
APART: Final = "\x1e"
#: A body; of the longest, SDP of browsers, the beginning is told. Nothing can be cut off an empty one.
_BODY: Final = "$(rb{s.encode.hexa})"
_LONG_BODY: Final = "$(rb{s.substr,0,6000}{s.encode.hexa})"
#: Digits of the length of a body that is told whole.
_SHORT: Final = 3

_BEGUN: Final = (
    *("$(ci{s.encode.hexa})", "$(ft{s.encode.hexa})", "$cs", "$si", "$sp", "$pr", "$Ri"),
    *("$(fu{s.encode.hexa})", "$(fn{s.encode.hexa})", "$(ou{s.encode.hexa})", "$(ua{s.encode.hexa})"),
)
_FINAL: Final = ("$(ci{s.encode.hexa})", "$(ft{s.encode.hexa})", "$cs", "$rm")
_ENDED: Final = (
    *("$(ci{s.encode.hexa})", "$(ft{s.encode.hexa})", "$(tt{s.encode.hexa})"),
    "$si",
    "$(hdr(Reason){s.encode.hexa})",
)
_HISTORY: Final = f"{APART}$({CHAIN[1:]}{{s.encode.hexa}}){APART}$({NOTE[1:]}{{s.encode.hexa}}){APART}{OUTCOMES}"


def _template(*values: str) -> str:
    return "$_s(" + "\n".join(values)


BEGUN: Final = f"{_template(*_BEGUN, _BODY)})"
BEGUN_LONG: Final = f"{_template(*_BEGUN, _LONG_BODY)})"
#: Where it was sent, and as what.
SENT: Final = "$_s($du\n$(ru{s.encode.hexa}))"
_ANSWERED: Final = _template(*_FINAL, "$si", "$(tu{s.encode.hexa})", PROGRESS) + _HISTORY + APART
ANSWERED: Final = f"{_ANSWERED}{_LONG_BODY})"
ANSWERED_BARE: Final = f"{_ANSWERED})"
FAILED: Final = (
    _template(*_FINAL, "$tt", "$T_rpl($(hdr(Reason){s.encode.hexa}))", "$T_rpl($(rr{s.encode.hexa}))", PROGRESS)
    + f"{_HISTORY})"
)
ENDED: Final = f"{_template(*_ENDED)})"


class CallReports:
    """Tells of the calls of one worker. A report that cannot be made is dropped: calls go on."""

    def __init__(self, ksr: Ksr, events: Emitter, now: Callable[[], float] = time.time) -> None:
        self._pv_get = ksr.pv.get
        self._pv_sets = ksr.pv.sets
        self._put = events.tell
        self._now = now

    def opening(self, body: str) -> str:
        """What the current INVITE says; before it is sent, because who hides a PBX makes it another's.

        `body` is the length of its body in digits.
        """
        try:
            return str(self._pv_get(BEGUN if len(body) <= _SHORT else BEGUN_LONG))
        except UnicodeDecodeError:
            return ""

    def begun(self, opening: str, decision: Decision, *, node: str, refused: str) -> None:
        """An INVITE that opens a call was dealt with; `refused` is why it was not sent, as it is counted.

        `node` is the URI of the PBX's node that it was sent to, empty where it was sent elsewhere.
        """
        match decision:
            case ToPbx(pbx, _):
                way: tuple[str, ...] = ("in", pbx.name, "", "")
            case ToPhone():
                way = ("out", "", "", "")
            case FromTrunk(trunk, did, number):
                way = ("trunk-in", did.pbxs[0], trunk.name, number.replace(PART, "?"))
            case ToTrunk(pbx_name, trunks, number):
                way = ("trunk-out", pbx_name, trunks[0].name, number.replace(PART, "?"))
            case Answer(code, phrase, _):
                way = ("refused", str(code), phrase, "")
            case _:
                return
        sent = "\n" if refused else f"{node}\n" if node else self._sent()
        self._put(REPORT, "begun", self._time(), f"{opening}\n{sent}", *way, refused)

    def progressed(self) -> None:
        """The current reply says that a call rings; the first one counts."""
        if self._pv_get(PROGRESS) is None:
            self._pv_sets(PROGRESS, self._time())

    def answered(self, *, has_sdp: bool) -> None:
        """The current reply answers a call's first INVITE."""
        self._tell("answered", ANSWERED if has_sdp else ANSWERED_BARE)

    def failed(self, *, silent: bool, code: int, cancelled: bool) -> None:
        """The transaction of an INVITE has failed for good."""
        self._tell("failed", FAILED, str(code), "silent" if silent else "cancelled" if cancelled else "")

    def tried(self, *, silent: bool, code: int) -> None:
        """One attempt has failed, and perhaps another follows."""
        before = str(self._pv_get(OUTCOMES) or "")
        self._pv_sets(OUTCOMES, f"{before} {'timeout' if silent else code}")

    def ended(self) -> None:
        """The current BYE ends a call."""
        self._tell("ended", ENDED)

    def _sent(self) -> str:
        try:
            return str(self._pv_get(SENT))
        except UnicodeDecodeError:
            return "\n"

    def _tell(self, kind: str, template: str, *more: str) -> None:
        try:
            text = str(self._pv_get(template))
        except UnicodeDecodeError:
            return
        self._put(REPORT, kind, self._time(), text, *more)

    def _time(self) -> str:
        return f"{self._now():.3f}"
