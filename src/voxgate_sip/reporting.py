"""What the control plane is told of a call for its record (CDR): begun, answered, failed, ended; one datagram each.

A report is a list: kind, time, and texts that Kamailio has filled. What comes from a packet may hold anything: it
comes in hexadecimal digits, which Kamailio makes, so that no value holds a line end. The control plane reads SDP, not
this worker.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from voxgate_sip.accounts import CHAIN
from voxgate_sip.destinations import FromTrunk, ToTrunk
from voxgate_sip.notes import NOTE
from voxgate_sip.route import Answer, ToPbx, ToPhone

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.events import Emitter
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.route import Decision

#: What became of each attempt but the last; `notes.NOTE` tells the nodes.
OUTCOMES: Final = "$avp(voxgate_outcomes)"
#: When the callee was first heard of (180, 183), in seconds.
PROGRESS: Final = "$avp(voxgate_progress)"
#: Between texts whose lines vary.
APART: Final = "\x1e"
#: A body, whole: a transformation that cuts complains of each empty one. Whoever reads it cuts.
_BODY: Final = "{s.encode.hexa}"

_BEGUN: Final = (
    *("$(ci{s.encode.hexa})", "$(ft{s.encode.hexa})", "$cs", "$si", "$sp", "$pr", "$Ri"),
    *("$(fu{s.encode.hexa})", "$(fn{s.encode.hexa})", "$(ou{s.encode.hexa})", "$(ua{s.encode.hexa})"),
)
#: Where it was sent, and as what.
SENT: Final = "$_s($du\n$(ru{s.encode.hexa}))"
_FINAL: Final = ("$(ci{s.encode.hexa})", "$(ft{s.encode.hexa})", "$cs", "$rm", "$T_req($tt)")
_ENDED: Final = (
    *("$(ci{s.encode.hexa})", "$(ft{s.encode.hexa})", "$(tt{s.encode.hexa})"),
    "$si",
    "$(hdr(Reason){s.encode.hexa})",
)
_NOTED: Final = f"$({NOTE[1:]}{{s.encode.hexa}})"
_HISTORY: Final = f"{APART}{CHAIN}{APART}{_NOTED}{APART}{OUTCOMES}"


def _template(*values: str) -> str:
    return "$_s(" + "\n".join(values)


BEGUN: Final = _template(*_BEGUN) + ")"
ANSWERED: Final = (
    _template(*_FINAL, "$si", "$(tu{s.encode.hexa})", "$(hdr(Server){s.encode.hexa})", PROGRESS)
    + f"{_HISTORY}{APART}$T_req($(rb{_BODY})){APART}$(rb{_BODY}))"
)
FAILED: Final = (
    _template(*_FINAL, "$T_rpl($(hdr(Reason){s.encode.hexa}))", "$T_rpl($(rr{s.encode.hexa}))", PROGRESS)
    + f"{_HISTORY}{APART}$(rb{_BODY}))"
)
ENDED: Final = _template(*_ENDED) + ")"


class CallReports:
    """Tells of the calls of one worker. A report that cannot be made is dropped: calls go on."""

    def __init__(self, ksr: Ksr, events: Emitter, now: Callable[[], float] = time.time) -> None:
        self._pv_get = ksr.pv.get
        self._pv_sets = ksr.pv.sets
        self._send = events.send
        self._now = now

    def opening(self) -> str:
        """What the current INVITE says; before it is sent, because who hides a PBX makes it another's."""
        try:
            return str(self._pv_get(BEGUN))
        except UnicodeDecodeError:
            return ""

    def begun(self, opening: str, decision: Decision, *, left: bool, refused: str) -> None:
        """An INVITE that opens a call was dealt with; `refused` is why it has not `left`, as it is counted."""
        match decision:
            case ToPbx(pbx, _):
                way: tuple[str, ...] = ("in", pbx.name, "", "")
            case ToPhone():
                way = ("out", "", "", "")
            case FromTrunk(trunk, did, number):
                way = ("trunk-in", did.pbxs[0], trunk.name, number)
            case ToTrunk(pbx_name, trunks, number):
                way = ("trunk-out", pbx_name, trunks[0].name, number)
            case Answer(code, phrase, _):
                way = ("refused", str(code), phrase, "")
            case _:
                return
        try:
            sent = str(self._pv_get(SENT)) if left else "\n"
        except UnicodeDecodeError:
            sent = "\n"
        self._send(
            event="cdr",
            report=["begun", self._time(), f"{opening}\n{sent}", *way, "" if left else refused or "not-sent"],
        )

    def progressed(self) -> None:
        """The current reply says that a call rings; the first one counts."""
        if self._pv_get(PROGRESS) is None:
            self._pv_sets(PROGRESS, str(self._time()))

    def answered(self) -> None:
        """The current reply answers a call's first INVITE."""
        self._tell("answered", ANSWERED)

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

    def _tell(self, kind: str, template: str, *more: str) -> None:
        try:
            text = str(self._pv_get(template))
        except UnicodeDecodeError:
            return
        self._send(event="cdr", report=[kind, self._time(), text, *more])

    def _time(self) -> float:
        return round(self._now(), 3)
