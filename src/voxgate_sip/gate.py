"""Lets calls through as long as there are places: between the decision about an INVITE and its performance.

A call counts for the PBX it goes to, the PBX it comes from, its trunk and the requester, where these have limits. It is
counted from its INVITE until a final answer refuses it, its BYE passes, its media stops (the control plane says
so), or its entry expires. What a PBX sends out is looked at by its toll-fraud guard, if it has one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeAlias

from voxgate_sip.destinations import FromTrunk, ToTrunk
from voxgate_sip.events import plain
from voxgate_sip.fraud import judge
from voxgate_sip.limits import SEAT, SENDER, Limit, key_of, requester
from voxgate_sip.places import Places
from voxgate_sip.route import Answer, ToPbx, ToPhone

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from voxgate_sip.events import Emitter
    from voxgate_sip.fraud import Finding
    from voxgate_sip.ksr import Ksr
    from voxgate_sip.policy import Node, Policy
    from voxgate_sip.route import Decision, Request

#: Decisions that let a call go on.
Way: TypeAlias = ToPbx | ToPhone | FromTrunk | ToTrunk
_WAYS: Final = (ToPbx, ToPhone, FromTrunk, ToTrunk)
#: Those of calls that a PBX sends out.
_OF_PBX: Final = (ToPhone, ToTrunk)
_CALL: Final = "$_s($ci\n$ft\n$cs)"
_TAGS: Final = "$_s($ci\n$ft\n$tt)"
#: How long a caller shall wait who came too fast, and one who found all places taken.
RETRY_AFTER_S: Final = {"rate-limit": 1, "calls-limit": 10}


#: How a PBX is balanced whose nodes' calls are counted.
LEAST_CALLS: Final = "least-calls"


def is_wanted(policy: Policy) -> bool:
    """Whether calls are counted for anybody."""
    return bool(policy.limits or policy.fraud or _counted(policy))


def _now_ms() -> int:
    # CLOCK_MONOTONIC is the same for all processes.
    return time.monotonic_ns() // 1_000_000


class Gate:
    """For one policy generation that limits somebody."""

    def __init__(self, ksr: Ksr, policy: Policy, events: Emitter, now_ms: Callable[[], int] = _now_ms) -> None:
        self._ksr = ksr
        self._events = events
        self._limits = {subject: Limit(*limit) for subject, limit in policy.limits.items()}
        self._requester = self._limits.get("from")
        self._guards = policy.fraud
        self._owners = _owners(policy)
        self._places = Places(ksr, now_ms)
        self._held = ""
        self._counted = _counted(policy)
        self._from_phones = {name: self._of_pbx(name) for name in policy.pbxs}

    def judge(self, request: Request, decision: Decision) -> Decision | None:
        """The decision about an INVITE, or a refusal, or None when the transaction has dealt with the request."""
        if not isinstance(decision, _WAYS):
            return decision
        wants, finding = self._wants(request, decision), self._finding(request, decision)
        if not wants:
            return decision
        # An INVITE that is sent again belongs to its transaction: counting it would be wrong, and leak.
        if self._ksr.tm.t_check_trans() == 0:
            return None
        number = "-"
        if finding:
            owner, found = finding
            if refusal := self._watched(owner, found, wants):
                return refusal
            number = plain(found.number) or "-"
        return self._admitted(request, decision, wants, number)

    def _admitted(self, request: Request, decision: Way, wants: dict[str, Limit], number: str) -> Decision:
        call_id, from_tag, cseq = str(self._ksr.pv.get(_CALL)).split("\n")
        key = key_of(call_id, from_tag)
        subject, reason = self._places.take(key, int(cseq), wants, number)
        while reason and isinstance(decision, ToTrunk) and subject.startswith("trunk:") and len(decision.trunks) > 1:
            # The next trunk is as good.
            del wants[subject]
            decision = decision._replace(trunks=decision.trunks[1:])
            wants |= self._of_names(f"trunk:{decision.trunks[0].name}")
            subject, reason = self._places.take(key, int(cseq), wants, number)
        if reason:
            return self._refusal(request, subject, reason)
        self._held = key
        return decision

    def load(self, node: Node) -> int:
        """Running calls of a node of a PBX in `_counted`: those it was given, and those it sends out."""
        return self._places.used(f"{SEAT}{node.uri}") + self._places.used(f"{SENDER}{node.address}")

    def seat(self, node: Node) -> None:
        """The current INVITE is about to go to `node`, and no more to any other."""
        call_id, from_tag, _ = str(self._ksr.pv.get(_CALL)).split("\n")
        self._places.seat(key_of(call_id, from_tag), f"{SEAT}{node.uri}")

    def settle(self, *, left: bool) -> None:
        """The INVITE that was judged has left, or not: then its places are free again."""
        if self._held and not left:
            self._places.free(self._held)
        self._held = ""

    def answered(self, call_id: str, from_tag: str) -> None:
        """A call was answered."""
        self._places.answered(key_of(call_id, from_tag), int(time.time()))

    def over(self) -> None:
        """The call or attempt of the current request is over; either party may say so."""
        call_id, from_tag, to_tag = str(self._ksr.pv.get(_TAGS)).split("\n")
        for tag in (from_tag, to_tag):
            if self._places.free(key_of(call_id, tag)):
                return

    def _finding(self, request: Request, decision: Way) -> tuple[str, Finding] | None:
        """What the PBX's guard finds about a call that it sends out."""
        if not isinstance(decision, _OF_PBX):
            return None
        owner = self._caller(request, decision)
        guard = self._guards.get(owner)
        if guard is None:
            return None
        spent = self._ksr.htable.sht_get
        paid = isinstance(decision, ToTrunk)
        user = decision.number if isinstance(decision, ToTrunk) else request.ruri_user
        return owner, judge(
            guard, user, time.time(), lambda name: spent("spent", f"{owner}/{name}") is not None, paid=paid
        )

    def _watched(self, owner: str, found: Finding, wants: dict[str, Limit]) -> Answer | None:
        guard = self._guards[owner]
        for name in found.classes:
            wants[f"class:{owner}/{name}"] = Limit(guard.calls.get(name, 0) if guard.refuse else 0)
        if not found.reason:
            return None
        self._events.send(event="fraud", pbx=owner, reason=found.reason, number=plain(found.number))
        return Answer(403, "Forbidden", f"fraud-{found.reason}:{owner}") if guard.refuse else None

    def _wants(self, request: Request, decision: Way) -> dict[str, Limit]:
        owner = self._caller(request, decision)
        if not owner and isinstance(decision, ToPbx) and not self._requester:
            # Nobody changes what a call from a phone to a PBX wants.
            return self._from_phones[decision.pbx.name]
        subjects = [f"pbx:{owner}"]
        match decision:
            case ToPbx(pbx, _):
                subjects.append(f"pbx:{pbx.name}")
            case FromTrunk(trunk, did, _):
                subjects += [f"trunk:{trunk.name}", f"pbx:{did.pbxs[0]}"]
            case ToTrunk(_, trunks, _):
                subjects.append(f"trunk:{trunks[0].name}")
            case ToPhone():
                pass
        wants = self._of_names(*subjects)
        if owner in self._guards and isinstance(decision, _OF_PBX):
            wants.setdefault(f"pbx:{owner}", Limit(0))
        if self._counted:
            if owner in self._counted:
                wants[f"{SENDER}{request.source}"] = Limit(0)
            for subject in subjects:
                if subject.removeprefix("pbx:") in self._counted:
                    wants.setdefault(subject, Limit(0))
        if self._requester and not owner and not isinstance(decision, FromTrunk):
            wants[requester(request.source)] = self._requester
        return wants

    def _of_pbx(self, name: str) -> dict[str, Limit]:
        wants = self._of_names(f"pbx:{name}")
        return wants or ({f"pbx:{name}": Limit(0)} if name in self._counted else {})

    def _of_names(self, *subjects: str) -> dict[str, Limit]:
        return {subject: limit for subject in subjects if (limit := self._limits.get(subject))}

    def _caller(self, request: Request, decision: Way) -> str:
        """The PBX that the call comes from, if it comes from one."""
        return decision.pbx if isinstance(decision, ToTrunk) else self._owner(request.source)

    def _owner(self, source: str) -> str:
        """The PBX at an address; where several share it, the port tells, and the first where that does not."""
        owners = self._owners.get(source)
        if owners is None:
            return ""
        if len(set(owners.values())) == 1:
            return next(iter(owners.values()))
        return owners.get(self._ksr.kx.get_srcport()) or next(iter(owners.values()))

    def _refusal(self, request: Request, subject: str, reason: str) -> Answer:
        if reason in RETRY_AFTER_S:
            self._ksr.hdr.append_to_reply(f"Retry-After: {RETRY_AFTER_S[reason]}\r\n")
            kind, _, name = subject.partition(":")
            reason = f"{kind}-{reason}" + (f":{name}" if kind != "from" else "")
        if "calls-limit" in reason and request.source not in self._owners:
            # A person hears the busy tone; a PBX that hears 503 tries another way.
            return Answer(486, "Busy Here", reason)
        if "limit" in reason:
            return Answer(503, "Service Unavailable", reason)
        return Answer(400, "Bad Request", reason)


def _counted(policy: Policy) -> frozenset[str]:
    """PBXs the calls of whose nodes are counted."""
    return frozenset(pbx.name for pbx in policy.pbxs.values() if pbx.balance == LEAST_CALLS)


def _owners(policy: Policy) -> dict[str, dict[int, str]]:
    """Address -> port -> PBX."""
    owners: dict[str, dict[int, str]] = {}
    for pbx in policy.pbxs.values():
        for node in (*pbx.plain, *pbx.secure):
            owners.setdefault(node.address, {})[node.port] = pbx.name
    return owners
