"""Rules: what the other party answered to a call that it did not take. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.calls.autopsy.finding import Finding
from voxgate.calls.cdr.value import Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.calls.autopsy.case import Case
    from voxgate.calls.cdr.value import Cdr

_SAID: Final = 60
#: SIP code -> name, cause, cure; `{0}` is who answered.
_CODES: Final = {
    403: ("forbidden", "{0} refused the call: 403 Forbidden.", "Look at what this extension may call in {0}."),
    404: (
        "unknown-number",
        "{0} knows no such number: {1}.",
        (
            "Check the number; for a call in through a trunk, whether the PBX has a route for the "
            "DID as the edge passes it on."
        ),
    ),
    480: (
        "not-registered",
        "{0} answered 480: the number {1} exists, but no phone is registered for it now, or it is in do-not-disturb.",
        "Look with `voxgate registrations` whether the phone is there; let it register again.",
    ),
    486: (
        "busy",
        "The number {1} was busy.",
        "Nothing is wrong, unless it is busy for ever: then see `voxgate calls`.",
    ),
    600: ("busy", "The number {1} was busy everywhere.", ""),
    603: ("declined", "Whoever was called declined the call.", "Nothing is wrong."),
    484: (
        "incomplete",
        "{0} says that the number {1} is incomplete.",
        "Dial all of it; look at number rules of the trunk.",
    ),
    488: (
        "not-acceptable",
        "{0} accepts none of what was offered: 488 Not Acceptable Here.",
        "Compare codecs and encryption of both sides.",
    ),
}


def cancelled(case: Case) -> Finding | None:
    """The caller gave up."""
    cdr = case.cdr
    if cdr is None or cdr.reason != "cancelled":
        return None
    rang = any(100 < one.code < 200 for one in case.replies("INVITE"))
    what = "while it rang" if rang or not case.messages else "before it rang"
    cause = f"The caller hung up {what}, after {cdr.duration_s:.0f} s; nobody had answered."
    return Finding("cancelled", 70, cause, "Nothing is wrong with the call itself.")


def silent(case: Case) -> Finding | None:
    """No reply at all."""
    cdr = case.cdr
    if cdr is None or cdr.reason != "no-reply":
        return None
    whom = _whom(cdr)
    return Finding(
        "no-reply",
        80,
        f"{whom} did not answer the INVITE at all, not even that it is trying.",
        "A phone: it is off, or its NAT router has forgotten it; see `listen.sip.keepalive_seconds`. A PBX: it hangs, "
        "or a firewall drops large UDP packets; try `sip: {tcp: 5060}`.",
    )


def no_answer(case: Case) -> Finding | None:
    """It rang until somebody's patience was over."""
    cdr = case.cdr
    if cdr is None or cdr.answer or cdr.reason or cdr.sip_code not in {408, 480, 487} or cdr.duration_s < 10:
        return None
    return Finding(
        "no-answer",
        65,
        f"The number {cdr.callee} rang for {cdr.duration_s:.0f} s, and nobody answered.",
        "Nothing is wrong, unless the phone did not ring: then look where else that number is registered.",
    )


def password_in_call(case: Case) -> Finding | None:
    """A challenge that was not answered, or not rightly."""
    cdr = case.cdr
    if cdr is None or cdr.sip_code not in {401, 407} or cdr.answer:
        return None
    tried = any(one.header("proxy-authorization") or one.header("authorization") for one in case.requests("INVITE"))
    said = "with credentials that it does not accept" if tried else "without credentials, and asked for them in vain"
    return Finding(
        "password-in-call",
        85,
        f"{_whom(cdr)} wants a password for calls; the caller came {said}.",
        "Check user and password in the phone; a phone that registers and cannot call often has another "
        "authentication user for calls.",
    )


def no_common_codec(case: Case) -> Finding | None:
    """488 to an offer of plain audio."""
    cdr = case.cdr
    if cdr is None or cdr.sip_code not in {488, 606, 415} or cdr.reason:
        return None
    offered = ", ".join(cdr.codecs_offered) or "none"
    if cdr.encryption_caller not in {"", "none"}:
        return Finding(
            "srtp-mismatch",
            85,
            f"{_whom(cdr)} refused the offer ({cdr.sip_code}), which has encrypted audio ({cdr.encryption_caller}).",
            "Let both sides agree on encryption: set `srtp` of the PBX or trunk to what it can, "
            "or switch SRTP in the phone.",
        )
    return Finding(
        "no-common-codec",
        85,
        f"{_whom(cdr)} and the caller have no codec in common: the caller offered {offered}, and got {cdr.sip_code}.",
        "Allow one codec more on either side; PCMA (G.711 A-law) is what everything can.",
    )


def trunk_refused(case: Case) -> Finding | None:
    """A provider said no."""
    cdr = case.cdr
    if cdr is None or cdr.direction is not Direction.TRUNK_OUT or cdr.answer or cdr.sip_code < 400 or cdr.reason:
        return None
    tried = ", ".join(f"{one.target} ({one.outcome})" for one in cdr.attempts) or f"{cdr.trunk} ({cdr.sip_code})"
    words = {
        403: "403 means most often that the number shown is not yours, or that the account may not call there.",
        404: "404 means that the provider does not know the number as it was written.",
        407: "Its account data are wrong.",
        401: "Its account data are wrong.",
        503: "It is overloaded, or all of its channels are in use.",
    }
    said = words.get(cdr.sip_code, "")
    return Finding(
        "trunk-refused",
        75,
        f"The provider refused the call to {cdr.callee_sent or cdr.callee}: {tried}. {said}".rstrip(),
        "Compare number and caller with what the provider wants: `trunks.*.numbers`, `trunks.*.identity`.",
    )


def server_error(case: Case) -> Finding | None:
    """5xx."""
    cdr = case.cdr
    if cdr is None or cdr.answer or cdr.reason or not 500 <= cdr.sip_code < 600:
        return None
    chain = "; ".join(f"{one.uri}: {one.outcome}" for one in cdr.attempts)
    tried = f" It was tried at {chain}." if chain else ""
    return Finding(
        "server-error",
        70,
        f"{_whom(cdr)} failed: {cdr.sip_code} {cdr.sip_reason}.{tried}",
        "Look into its log at that time. A second node under `nodes` takes over for the codes in `failover.codes`.",
    )


def other_code(case: Case) -> Finding | None:
    """What a code means by itself."""
    cdr = case.cdr
    if cdr is None or cdr.answer or cdr.reason or cdr.sip_code not in _CODES:
        return None
    name, cause, cure = _CODES[cdr.sip_code]
    whom, number = _whom(cdr), cdr.callee_sent or cdr.callee
    return Finding(name, _SAID, cause.format(whom, number), cure.format(whom, number))


def _whom(cdr: Cdr) -> str:
    match cdr.direction:
        case Direction.OUT:
            return f"The phone of {cdr.callee}"
        case Direction.TRUNK_OUT:
            return f"Trunk {cdr.trunk}"
        case _:
            return f"PBX {cdr.pbx}"


RULES: Final[tuple[Callable[[Case], Finding | None], ...]] = (
    *(cancelled, silent, no_answer, password_in_call, no_common_codec, trunk_refused, server_error, other_code),
)
