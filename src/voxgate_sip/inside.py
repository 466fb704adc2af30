"""Requests inside a dialog with a provider that may challenge them, which the edge then answers with its own account.

What is sent anew has a higher CSeq (RFC 3261 section 22.2), and so must have all that the PBX asks from then on. The
route set of a dialog never changes, so that cannot stand in Record-Route: shared memory has it, for those few dialogs
alone that were challenged, as steps `CSEQ:RAISED`: what the PBX counts CSEQ or higher is raised by so much. A step and
not a sum, because an ACK may come again long after its INVITE.

What depends on the attempt is done in the branch route, where it holds for this attempt alone; see `trunking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from voxgate_sip.authorising import ASKS, credentials
from voxgate_sip.guise import ASKED, Worn
from voxgate_sip.legs import bracketed
from voxgate_sip.message import NOTHING, unbracketed
from voxgate_sip.replies import TO_HIDDEN

if TYPE_CHECKING:
    from voxgate_sip.events import Emitter
    from voxgate_sip.guise import Guise
    from voxgate_sip.hiding import Hider
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.legs import Leg, Legs
    from voxgate_sip.route import Router

#: Shared table: Call-ID and the PBX's tag -> steps.
TABLE: Final = "raised"
#: Where a transaction remembers what it has sent.
SENT: Final = "$avp(voxgate_inside)"
#: How far a request is raised that is sent anew: another one may have left meanwhile, and CSeq may have gaps (12.2.2).
STEP: Final = 10
_MOST_STEPS: Final = 16
_LIFETIME_S: Final = 86400
_OF_PBX: Final = "$_s($cs\n$ci|$ft)"
#: The callback for answers to a BYE of the edge's own.
OWN_BYE: Final = "ksr_own_bye"
_OWN_ANSWER: Final = "$_s($rs\n$ci\n$ft)"
#: Characters of a challenge that are passed on.
_LONGEST: Final = 1024
_OF_PROVIDER: Final = "$_s($ci|$tt)"


class Sent(NamedTuple):
    """What a transaction remembers, as text: `hop` as `NEXT_HOP` gives it, the callback for its replies, and `Worn`.

    `answered`: how often a challenge was answered.
    """

    group: str
    hop: str
    shape: str
    ending: str
    hidden: str
    raised: str
    named: str
    told: str
    dialled: str
    asked: str
    steps: str = ""
    answered: str = "0"


def raised_at(steps: str, cseq: int) -> int:
    """By how much `steps` raise what the PBX counts `cseq`."""
    raised = 0
    for first, by in (step.split(":") for step in steps.split()):
        if cseq >= int(first):
            raised = int(by)
    return raised


def stepped(steps: str, cseq: int) -> str:
    """`steps` with one more for what the PBX counts `cseq`, and for all that follows."""
    before = [step for step in steps.split() if int(step.partition(":")[0]) < cseq]
    top = max((int(step.partition(":")[2]) for step in steps.split()), default=0)
    return " ".join([*before, f"{cseq}:{top + STEP}"][-_MOST_STEPS:])


def _sent(worn: Worn, hop: str, answers: tuple[str, str, bool]) -> Sent:
    shape, ending, hidden = answers
    flags = ("1"[:flag] for flag in (worn.named, worn.told, worn.dialled, worn.asked))
    return Sent(worn.account, hop, shape, ending, "1"[:hidden], str(worn.raised), *flags)


class Inside:
    """For one policy generation with trunks that have an account."""

    def __init__(self, ksr: Ksr, router: Router, legs: Legs, guise: Guise, *, hider: Hider, events: Emitter) -> None:
        self._ksr = ksr
        self._events = events
        self._router = router
        self._legs = legs
        self._guise = guise
        self._hider = hider
        self._trunks = {f"{trunk.group:x}": trunk for trunk in router.policy.trunks.values() if trunk.password}
        #: What is being sent, for the branch route: with its way, and a header line with credentials.
        self._now: tuple[Sent, Leg, str] | None = None

    def sends(self, method: str, leg: Leg, hop: str, worn: Worn, answers: tuple[str, str, bool]) -> bool:
        """Send the current request of a PBX on to `hop`; an ACK is but counted as its INVITE was, and not sent.

        `answers`: the callback for them, how its name ends, and whether the provider must not see the PBX.
        """
        ksr = self._ksr
        if method != "ACK" and ksr.tm.t_newtran() <= 0:
            return True
        key = str(ksr.pv.get(_OF_PBX)).partition("\n")[2]
        steps = self._steps(key)
        if method == "ACK":
            if worn.raised or steps:
                self._guise.count(lambda cseq: worn.raised + raised_at(steps, cseq))
            return False
        if steps and method == "BYE":
            ksr.htable.sht_rm(TABLE, key)
        sent = _sent(worn, hop, answers)._replace(steps=steps)
        if not self._relay(sent, leg, ""):
            ksr.tm.t_reply(503, "Service Unavailable")
        return True

    def branch(self) -> None:
        """The branch route: what holds for this attempt alone."""
        if self._now is None:
            return
        sent, leg, line = self._now
        before, steps = int(sent.raised), sent.steps
        if before or steps:
            self._guise.count(lambda cseq: before + raised_at(steps, cseq))
        if line:
            self._ksr.hdr.append(line)
        if sent.asked or steps:
            base = TO_HIDDEN if sent.hidden else "ksr_from_phone"
            self._ksr.tm.t_on_reply(f"{base}{ASKED}{sent.ending}")
        elif sent.shape:
            self._ksr.tm.t_on_reply(sent.shape)
        if sent.hidden:
            worn = Worn(named=bool(sent.named), told=bool(sent.told), dialled=bool(sent.dialled))
            self._hider.cover(self._ksr.kx.get_method(), leg, worn=worn)

    def failed(self) -> None:
        """The failure route: send the request again with credentials where they are asked for."""
        ksr = self._ksr
        code = ksr.tm.t_get_status_code()
        if code not in ASKS or ksr.tm.t_is_canceled() > 0:
            return
        sent = Sent(*str(ksr.pv.get(SENT)).split("\n"))
        trunk, answered = self._trunks.get(sent.group), int(sent.answered)
        line = credentials(ksr, trunk, code, ksr.kx.get_ruri(), answered=answered) if trunk else ""
        if trunk is None or not line:
            return
        host, port, proto = sent.hop.lower().split(" ")
        address = unbracketed(host)
        leg = self._legs.to_trunk(trunk, self._router.side_of(address), proto)
        # In a failure route only an assignment to $du makes a new branch.
        ksr.pv.sets("$du", f"sip:{bracketed(address)}:{port};transport={proto}")
        self._legs.dress(leg)
        steps = self._step(ksr.kx.get_method(), sent.steps)
        self._relay(sent._replace(steps=steps, answered=str(answered + 1)), leg, line)

    def over(self) -> None:
        """The current request is a provider's BYE."""
        self._ksr.htable.sht_rm(TABLE, str(self._ksr.pv.get(_OF_PROVIDER)))

    def asks_own(self) -> None:
        """The current request is a BYE of the edge's own to a provider."""
        self._ksr.tm.t_on_reply(OWN_BYE)

    def own_answered(self) -> None:
        """It was answered: whoever has sent it, the control plane, answers a challenge."""
        code, call_id, tag = str(self._ksr.pv.get(_OWN_ANSWER)).split("\n", 2)
        if int(code) not in ASKS:
            return
        asks, _ = ASKS[int(code)]
        values = (str(self._ksr.pv.get(f"$(hdr({asks})[{index}])") or "") for index in range(2))
        challenges = [value for value in values if 0 < len(value) <= _LONGEST and value != NOTHING]
        self._events.send(event="bye_challenged", call_id=call_id, tag=tag, code=int(code), challenges=challenges)

    def _relay(self, sent: Sent, leg: Leg, line: str) -> bool:
        tm = self._ksr.tm
        self._ksr.pv.sets(SENT, "\n".join(sent))
        tm.t_on_branch("ksr_inside_branch")
        tm.t_on_failure("ksr_inside_failure")
        self._now = sent, leg, line
        try:
            return tm.t_relay() > 0
        finally:
            self._now = None

    def _step(self, method: str, before: str) -> str:
        """The steps with one more for the current request, which was sent by those `before`."""
        count, key = str(self._ksr.pv.get(_OF_PBX)).split("\n", 1)
        htable = self._ksr.htable
        if method == "BYE":
            # Nothing follows that would have to know.
            return stepped(before, int(count))
        htable.sht_lock(TABLE, key)
        try:
            steps = stepped(self._steps(key), int(count))
            htable.sht_setxs(TABLE, key, steps, _LIFETIME_S)
        finally:
            htable.sht_unlock(TABLE, key)
        return steps

    def _steps(self, key: str) -> str:
        return str(self._ksr.htable.sht_get(TABLE, key) or "")
