"""Rules: who is not let in, and who cannot log in. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.calls.autopsy.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.calls.autopsy.case import Case, Evidence

#: Kind of evidence -> weight, name, cause, cure. `{a}` address, `{n}` name, `{u}` user, `{d}` detail, `{p}` protocol.
_KINDS: Final = {
    "auth_failure": (
        84,
        "wrong-password",
        "The PBX refused the credentials of {u} from {a} ({p}, {d}): user or password is wrong.",
        "Correct user, authentication user and password in the phone. Too many failures end in a ban.",
    ),
    "unknown_name": (
        83,
        "unknown-domain",
        "{a} asked for {n}, which is no name of any PBX; the edge gives no service for it.",
        "Correct the SIP domain (registrar, server) in the phone, or add the name to `pbxs.*.names`.",
    ),
    "bad_tls": (
        82,
        "tls-failed",
        "A TLS handshake of {a} failed ({d}).",
        (
            "The client does not trust the edge's certificate, or its own is refused: `voxgate "
            "certs verify`, and see which name "
            "the client asks for."
        ),
    ),
    "old_tls": (
        82,
        "tls-failed",
        "{a} speaks no version or cipher of TLS that the edge takes ({d}): an old phone, as a rule.",
        "Give the phone newer firmware with TLS 1.2, or let it register over UDP or TCP.",
    ),
    "network_not_allowed": (
        81,
        "network-not-allowed",
        "{a} is in no network from which {n} may be asked for.",
        "Add its network to `allow_from`.",
    ),
    "too_fast": (
        80,
        "too-fast",
        "{a} sends more requests than one address may.",
        "See `guard.sip.requests_per_second`.",
    ),
    "scanner": (86, "scanner", "{a} said itself that it is a scanner ({d}).", "Nothing is wrong."),
    "injection": (
        86,
        "injection",
        "{a} sent a user name that is meant for a database or a shell.",
        "Nothing is wrong.",
    ),
    "malformed": (70, "malformed", "{a} sends what is no SIP ({d}).", "Update that client, or let the guard ban it."),
    "connect_failed": (75, "pbx-down", "The PBX could not be reached for {a} ({d}).", "Look at `voxgate status`."),
}
_NOT_ALLOWED: Final = {
    "transport-not-served": (
        "transport-not-served",
        "{a} came by a transport that the edge does not serve to phones.",
        "Set the transport in the phone to one of those under `listen.sip`.",
    ),
}


def banned(case: Case) -> Finding | None:
    """Shut out now."""
    ban = case.ban
    if ban is None:
        return None
    until = f"until {ban.until:%Y-%m-%d %H:%M} UTC" if ban.until else "for good"
    return Finding(
        "banned",
        99,
        f"{ban.network} is shut out since {ban.since:%Y-%m-%d %H:%M} UTC, {until}: {ban.note or 'by hand'}.",
        f"`voxgate why {case.subject}` shows the evidence, `voxgate unban {ban.network}` lets it "
        f"in, `voxgate allow` never bans it.",
    )


def suspicious(case: Case) -> Finding | None:
    """What the guard saw last."""
    if not case.evidence:
        return None
    last = max(case.evidence, key=lambda one: one.at)
    same = sum(one.kind == last.kind for one in case.evidence)
    found = _of_evidence(last)
    if found is None:
        return None
    weight, name, cause, cure = found
    times = (
        f" ({same} times, last at {last.at:%Y-%m-%d %H:%M:%S} UTC)"
        if same > 1
        else f" ({last.at:%Y-%m-%d %H:%M:%S} UTC)"
    )
    values = {
        "a": last.address,
        "n": last.name or "nothing",
        "u": last.user or "a user",
        "d": last.detail or "no more is known",
        "p": last.protocol.upper(),
    }
    return Finding(name, weight, cause.format(**values).rstrip(".") + times + ".", cure)


def registration_refused(case: Case) -> Finding | None:
    """The last answer to REGISTER; behind an address there may be several users."""
    if case.registered is None:
        return None
    finals = [one for one in case.replies("REGISTER") if one.code >= 200 and not case.came_in(one)]
    if not finals or finals[-1].code < 300:
        return None
    last = finals[-1]
    asked = [one for one in case.requests("REGISTER") if one.cseq == last.cseq]
    tried = any(one.header("authorization") for one in asked)
    if last.code in {401, 407}:
        said = "with a wrong user or password" if tried else "and its phone never answered the challenge"
        return Finding(
            "wrong-password" if tried else "no-password",
            85,
            f"{case.subject} cannot register: the PBX answered {last.code}, {said}.",
            "Correct user, authentication user and password in the phone.",
        )
    words = {403: "The PBX refuses this user or password.", 404: "The PBX has no such user.", 503: "The PBX is down."}
    return Finding(
        "registration-refused",
        85,
        f"{case.subject} cannot register: {last.code} {last.phrase}. {words.get(last.code, '')}".rstrip(),
        "Look at the extension in the PBX.",
    )


def registered(case: Case) -> Finding | None:
    """Whether a user can be reached."""
    if case.registered is None:
        return None
    if case.registered:
        return Finding("registered", 15, f"{case.subject} is registered from {', '.join(case.registered[:5])}.")
    if case.messages or case.evidence:
        return None
    return Finding(
        "unregistered",
        40,
        f"{case.subject} is not registered, and nothing of it has come to the edge of late.",
        "The phone does not reach the edge: check its server name, DNS, and the firewall in front of it.",
    )


def _of_evidence(one: Evidence) -> tuple[int, str, str, str] | None:
    if one.kind == "not_allowed":
        name, cause, cure = _NOT_ALLOWED.get(
            one.detail,
            ("not-allowed", "{a} asked for what is not let through ({d}).", "See the log for `event=request_refused`."),
        )
        return 78, name, cause, cure
    return _KINDS.get(one.kind)


RULES: Final[tuple[Callable[[Case], Finding | None], ...]] = (banned, suspicious, registration_refused, registered)
