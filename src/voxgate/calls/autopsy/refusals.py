"""Rules: the edge itself refused a call. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.calls.autopsy.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.calls.autopsy.case import Case
    from voxgate.calls.cdr.value import Cdr

_SEEN: Final = 90
#: Head of the reason of a refusal -> name, cause, cure. `{0}` is whose limit it is, `{1}` the PBX, `{2}` the trunk.
_REASONS: Final = {
    "pbx-calls-limit": (
        "calls-limit",
        "The edge refused the call because PBX {0} had as many calls at the same time as its limit allows.",
        "Raise `pbxs.{0}.limits.calls`, or find out with `voxgate calls` whether calls hang there that should be over.",
    ),
    "pbx-rate-limit": (
        "rate-limit",
        "The edge refused the call because PBX {0} got more new calls within a second than its limit allows.",
        "Raise `pbxs.{0}.limits.calls_per_second`, or slow down whoever dials so fast.",
    ),
    "trunk-calls-limit": (
        "trunk-limit",
        "The edge refused the call because trunk {0} had as many calls at the same time as its limit allows.",
        "Raise `trunks.{0}.limits.calls` if the provider sells you more, or add a second trunk to fall back on.",
    ),
    "trunk-rate-limit": (
        "trunk-limit",
        "The edge refused the call because trunk {0} got more new calls within a second than its limit allows.",
        "Raise `trunks.{0}.limits.calls_per_second` if the provider allows it.",
    ),
    "from-calls-limit": (
        "requester-limit",
        "The edge refused the call because the caller's address had as many calls as one source address may have.",
        "Raise `listen.sip.requester.calls`: phones behind one NAT share an address.",
    ),
    "from-rate-limit": (
        "requester-limit",
        "The edge refused the call because the caller's address started calls faster than one source address may.",
        "Raise `listen.sip.requester.calls_per_second`: phones behind one NAT share an address.",
    ),
    "no-node-answers": (
        "pbx-down",
        "The edge could not give the call to PBX {1}: no node of it answers the health checks.",
        (
            "Look with `voxgate status` since when it is down. See that the PBX runs and "
            "answers OPTIONS from the edge's "
            "address, and that no firewall stands between them."
        ),
    ),
    "no-trunk-answers": (
        "trunk-down",
        "The edge could not give the call to a provider: no address of trunk {2} answers.",
        (
            "Look at the trunk with `voxgate status`. Ask the provider, or set `keepalive: false` "
            "if it answers no OPTIONS."
        ),
    ),
    "no-media-relay": (
        "media-relay-down",
        "The edge refused the call because its media relay (rtpengine) did not answer.",
        "Look with `voxgate status` whether rtpengine runs, and in the log for why it does not.",
    ),
    "no-way-to-phone": (
        "phone-unknown",
        "PBX {1} sent a call for a phone without saying where that phone is: no Path, and no Contact of the edge's.",
        (
            "The PBX must keep the Path of registrations (RFC 3327); in Asterisk `support_path=yes`. Let the phone "
            "register again."
        ),
    ),
    "not-sent": (
        "phone-gone",
        "The call could not be sent on: the connection over which the other party was reached is closed.",
        (
            "The phone is off, lost its network, or its NAT router closed the connection. It is reached again when it "
            "registers again; a shorter registration time helps."
        ),
    ),
    "srtp-required": (
        "srtp-policy",
        "The edge refused the call because encrypted audio is required and the offer has none.",
        "Switch on SRTP in the phone, or set `srtp: optional` for phones (`media.srtp`), the PBX or the trunk.",
    ),
    "srtp-off": (
        "srtp-policy",
        "The edge refused the call because the offer has encrypted audio only, and encryption is off on this way.",
        (
            "Set `srtp: optional` where it says `off` (`media.srtp`, the PBX, or the trunk), or let the phone offer "
            "plain audio."
        ),
    ),
    "call-id-in-use": (
        "call-id-in-use",
        "The edge refused the INVITE because a call with the same Call-ID and tag is running.",
        "The phone uses a Call-ID twice; update its firmware.",
    ),
}


def edge_refused(case: Case) -> Finding | None:
    """What the edge itself says of its refusal."""
    cdr = case.cdr
    if cdr is None or not cdr.reason or cdr.answer:
        return None
    head, _, whose = cdr.reason.partition(":")
    if head in _REASONS:
        name, cause, cure = _REASONS[head]
        return Finding(name, _SEEN, _filled(cause, cdr, whose), _filled(cure, cdr, whose))
    if head.startswith("fraud-"):
        return _fraud(head.removeprefix("fraud-"), whose)
    if cdr.hung_up == "edge" and cdr.direction.value == "refused":
        return Finding(
            "refused",
            _SEEN - 30,
            f"The edge refused the call with {cdr.sip_code}, because: {cdr.reason}.",
            "The reason is counted in the log under `event=request_refused`.",
        )
    return None


def _fraud(why: str, pbx: str) -> Finding:
    words = {"denied": "it leads to a prefix that is denied", "night": "such calls are not let out at night"}
    said = words.get(why, f"of its budget ({why})")
    return Finding(
        "toll-fraud",
        _SEEN,
        f"The toll-fraud guard of PBX {pbx} refused the call, because {said}.",
        f"If the call was meant, change `pbxs.{pbx}.fraud`; if not, look whose extension it came from and change that "
        "password. `voxgate status` lists the alerts.",
    )


def _filled(text: str, cdr: Cdr, whose: str) -> str:
    return text.format(whose, cdr.pbx or "?", cdr.trunk or "?")


RULES: Final[tuple[Callable[[Case], Finding | None], ...]] = (edge_refused,)
