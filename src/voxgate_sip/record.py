"""What is kept of an answered call: both parties as the edge reaches them, for the day it must hang up itself.

The record lives in Kamailio's shared memory under the Call-ID: one line for each of `FIELDS`, in that order, as
the values stood in the messages. `voxgate.calls.hangup` reads it. Kamailio fills the whole template in one
call, because this stands on the way of every call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip.message import NOTHING

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr

#: Name of each line, and Kamailio's pseudo-variable for it in the reply; T_req is the transaction's request.
FIELDS: Final = {
    "from_uri": "$fu",
    "from_tag": "$ft",
    "to_uri": "$tu",
    "to_tag": "$tt",
    "cseq": "$cs",
    "caller_contact": "$T_req($ct)",
    "caller_routes": "$T_req($(hdr(Record-Route)[*]))",
    "caller_flow": "$T_req($su)",
    "callee_contact": "$ct",
    "callee_routes": "$(hdr(Record-Route)[*])",
    "callee_flow": "$su",
    "answered_s": "$TS",
}
_TEMPLATE: Final = "$_s(" + "\n".join(("$rm", "$T_req($tt)", "$ci", *FIELDS.values())) + ")"


def of_reply(ksr: Ksr) -> tuple[str, str] | None:
    """Call-ID and record of the call that the current reply answers; None when that is no call's first INVITE."""
    method, to_tag, call_id, kept = str(ksr.pv.get(_TEMPLATE)).split("\n", 3)
    return (call_id, kept) if method == "INVITE" and to_tag == NOTHING else None


def from_tag(record: str) -> str:
    """The caller's tag in a record, without a look at the rest."""
    return record.split("\n", 2)[1]


def fields(record: str) -> dict[str, str]:
    """The values of a record by name. Raises ValueError when it is none; `<null>` is Kamailio's word for nothing."""
    values = record.split("\n")
    if len(values) != len(FIELDS):
        raise ValueError(f"a call record has {len(FIELDS)} lines, not {len(values)}")
    return {name: "" if value == "<null>" else value for name, value in zip(FIELDS, values, strict=True)}
