"""Call records as lines for people. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.calls.cdr.value import State, rfc3339

if TYPE_CHECKING:
    from voxgate.calls.cdr.value import Cdr

HEAD: Final = (
    "record",
    "start",
    "way",
    "PBX",
    "trunk",
    "from",
    "to",
    "answer",
    "seconds",
    "end",
    "MOS",
    "from address",
)


def row(cdr: Cdr) -> tuple[str, ...]:
    """One record as cells under `HEAD`."""
    start = (rfc3339(cdr.start) or "")[:19] + "Z"
    moses = [stream.mos for stream in (cdr.from_caller, cdr.from_callee)]
    quality = "/".join("-" if mos is None else f"{mos:.1f}" for mos in moses) if any(moses) else "-"
    seconds = f"{cdr.billable_s:.0f}" if cdr.answer and cdr.end else "-"
    return (
        *(str(cdr.id), start, cdr.direction.value, cdr.pbx or "-", cdr.trunk or "-", cdr.caller or "-"),
        *(cdr.callee_sent or cdr.callee or "-", answer(cdr), seconds, end(cdr), quality),
        f"{cdr.transport}:{cdr.source}",
    )


def answer(cdr: Cdr) -> str:
    """SIP code and phrase."""
    if cdr.sip_code:
        return f"{cdr.sip_code} {cdr.sip_reason}".rstrip()
    return "rings" if cdr.state is State.OPEN else "none"


def end(cdr: Cdr) -> str:
    """Who ended it, and why."""
    if cdr.state is not State.ENDED:
        return "runs"
    why = cdr.reason or (cdr.q850_text if cdr.sip_code != 200 or cdr.q850 != 16 else "")
    return ": ".join(word for word in (cdr.hung_up, why) if word) or "-"
