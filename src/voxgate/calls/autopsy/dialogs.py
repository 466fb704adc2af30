"""Rules: what went wrong in signalling. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from voxgate.calls.autopsy.case import is_private
from voxgate.calls.autopsy.finding import Finding
from voxgate.calls.cdr.sdp import described
from voxgate.calls.trace.ladder import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voxgate.calls.autopsy.case import Case
    from voxgate.calls.trace.message import Sip

#: RFC 3261 section 13.3.1.4: who gets no ACK for 64 * T1 sends BYE.
_ACK_S: Final = (31.0, 34.5)
_HOST: Final = re.compile(r"sips?:(?:[^@>;]*@)?(\[[0-9a-fA-F:.]+\]|[^:;>\s]+)")
_DIED: Final = {
    "kamailio-restarted": "Kamailio was started anew while the call rang, and its transactions died with it.",
    "edge-restarted": "Voxgate itself was restarted while the call ran; how it ended was not seen.",
    "end-not-seen": "Neither an answer nor a refusal was ever seen: reports were lost under load.",
    "too-many-open": "More calls were open at the same time than the edge keeps records of.",
    "toll-fraud": "The toll-fraud guard ended the call, because the budget of its destination was spent.",
}


def ack_lost(case: Case) -> Finding | None:
    """A call that ends after 32 seconds."""
    cdr = case.cdr
    if cdr is None or not cdr.answer or cdr.hung_up != "callee" or not _ACK_S[0] <= cdr.billable_s <= _ACK_S[1]:
        return None
    came = [one for one in case.requests("ACK") if case.came_in(one)]
    left = [one for one in case.requests("ACK") if not case.came_in(one)]
    if case.messages and left:
        where = "The edge has sent it on, so it was lost between the edge and the callee."
        cure = "Look for a firewall between the edge and the callee, and at the Contact that the callee wrote."
    elif came:
        where = "It came to the edge, and could not be sent on."
        cure = "Look at the route set of the ACK in `voxgate trace`."
    else:
        where = "The edge has not seen one, so it was lost between the caller and the edge."
        cure = "Switch off SIP ALG in the caller's NAT router, and let the phone use TCP or TLS."
    return Finding(
        "ack-lost",
        95 if case.messages and not left else 80,
        f"The ACK was lost: the callee hung up after {cdr.billable_s:.0f} s, as everybody must "
        f"who gets no ACK for its 200. {where}",
        cure,
    )


def reinvite_refused(case: Case) -> Finding | None:
    """A change of a running call was refused."""
    for one in _inside(case):
        if one.code >= 300 and one.code not in {401, 407, 487, 491}:
            return Finding(
                "reinvite-refused",
                55,
                f"While the call ran, one side wanted to change it (re-INVITE: hold, transfer, "
                f"fax or a refresh), and got "
                f"{one.code} {one.phrase} after {_since(case, one):.0f} s.",
                "Most systems leave the call as it was; some hang up. Switch off what they "
                "renegotiate (session timers, "
                "T.38, direct media) on one side.",
            )
    return None


def glare(case: Case) -> Finding | None:
    """Both sides wanted to change the call at once."""
    times = sum(one.code == 491 and case.came_in(one) for one in _inside(case))
    if not times:
        return None
    return Finding(
        "glare",
        45,
        f"Both sides wanted to change the call at the same moment ({times} times 491 Request Pending).",
        "Both must try again after a random time (RFC 3261 section 14.1). When the call is dropped instead, switch off "
        "session refreshes on one side.",
    )


def sip_alg(case: Case) -> Finding | None:
    """A router has rewritten what a phone wrote, and not all of it."""
    first = next((one for one in (*case.requests("INVITE"), *case.requests("REGISTER")) if case.came_in(one)), None)
    if first is None:
        return None
    source = host_of(first.message.source)
    contact = _host(first.header("contact"))
    via = first.header("via").partition(";")[0].rpartition(" ")[2].rpartition(":")[0].strip("[]")
    audio = described(first.body).address
    if is_private(source):
        return None
    # A phone that knows its public address writes it into Contact first; many rewrite that alone.
    rewritten = [name for name, host in (("Via", via), ("SDP", audio)) if host == source]
    if not rewritten or not is_private(contact):
        return None
    return Finding(
        "sip-alg",
        58,
        f"A router on the caller's side rewrites SIP (SIP ALG): {' and '.join(rewritten)} name the public address "
        f"{source}, while Contact has the private one {contact}. No phone writes it like that.",
        "Switch SIP ALG off in that router (also called SIP helper or SIP passthrough), or let the phone use TLS, "
        "which no router can rewrite.",
    )


def hairpin(case: Case) -> Finding | None:
    """A phone of the LAN came by the public address."""
    cdr = case.cdr
    if cdr is None or cdr.source not in case.own:
        return None
    return Finding(
        "hairpin",
        52,
        f"The caller came from the edge's own address {cdr.source}: a phone on the LAN used the public name, and the "
        "router sent it back in (hairpin NAT). The edge takes it for a phone outside.",
        "Let the name lead to the edge's inside address on the LAN (split DNS), or give the phone the edge's inside "
        "address as outbound proxy.",
    )


def died(case: Case) -> Finding | None:
    """Not the call was at fault."""
    cdr = case.cdr
    if cdr is None or cdr.reason not in _DIED:
        return None
    return Finding(cdr.reason, 85, _DIED[cdr.reason], "The log says why: `engine_exited`, or the end of `voxgate run`.")


def good(case: Case) -> Finding | None:
    """Nothing is wrong."""
    cdr = case.cdr
    if cdr is None or not cdr.answer:
        return None
    if cdr.end is None:
        return Finding("runs", 10, f"The call runs since {cdr.answer:%H:%M:%S} UTC.")
    packets = f"{cdr.from_caller.packets} and {cdr.from_callee.packets} packets"
    return Finding(
        "good",
        10,
        f"The call was answered after {(cdr.answer - cdr.start).total_seconds():.1f} s and "
        f"lasted {cdr.billable_s:.0f} s "
        f"until the {cdr.hung_up or 'other side'} hung up; caller and callee sent {packets}. Nothing is wrong with it.",
    )


def _inside(case: Case) -> Iterator[Sip]:
    """Replies to INVITEs inside the dialog."""
    cdr = case.cdr
    if cdr is None or cdr.answer is None:
        return
    inside = {
        (one.cseq, one.header("from").partition("tag=")[2][:64]) for one in case.requests("INVITE") if _has_tag(one)
    }
    for one in case.replies("INVITE"):
        if (one.cseq, one.header("from").partition("tag=")[2][:64]) in inside:
            yield one


def _has_tag(one: Sip) -> bool:
    return ";tag=" in one.header("to").lower()


def _since(case: Case, one: Sip) -> float:
    answer = case.cdr.answer if case.cdr else None
    return max(0.0, one.message.epoch_s - answer.timestamp()) if answer else 0.0


def _host(value: str) -> str:
    found = _HOST.search(value)
    return found[1].strip("[]") if found else ""


RULES: Final[tuple[Callable[[Case], Finding | None], ...]] = (
    *(ack_lost, reinvite_refused, glare, sip_alg, hairpin, died, good),
)
