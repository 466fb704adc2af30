"""What is kept of an answered call: both parties as the edge reaches them, for the day it must hang up itself.

The record lives in Kamailio's shared memory under the Call-ID: one line for each of `FIELDS`, in that order, as
the values stood in the messages. `voxgate.calls.hangup` reads it. Kamailio fills the whole template in one
call, because this stands on the way of every call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip.notes import NOTE, SEPARATOR

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr

#: Name of each line, and Kamailio's pseudo-variable for it in the reply; the transaction's `NOTE` has the caller's.
FIELDS: Final = {
    "caller_flow": "",
    "caller_contact": "",
    "caller_routes": "",
    "from_uri": "$fu",
    "from_tag": "$ft",
    "to_uri": "$tu",
    "to_tag": "$tt",
    "cseq": "$cs",
    "callee_contact": "$ct",
    "callee_routes": "$(hdr(Record-Route)[*])",
    "callee_flow": "$su",
    "answered_s": "$TS",
}
_TEMPLATE: Final = f"$_s($ci\n{NOTE}{SEPARATOR}" + "".join(f"\n{value}" for value in FIELDS.values() if value) + ")"


def of_reply(ksr: Ksr) -> tuple[str, str] | None:
    """Call-ID and record of the call that the current reply answers; None when that is no call's first INVITE."""
    call_id, rest = str(ksr.pv.get(_TEMPLATE)).split("\n", 1)
    caller, _, rest = rest.partition(SEPARATOR)
    _, _, callee = rest.partition(SEPARATOR)
    # Without a note there is one separator only, and without a caller there is nobody to hang up on.
    return (call_id, f"{caller}{callee}") if caller and callee else None


def from_tag(record: str) -> str:
    """The caller's tag in a record, without a look at the rest."""
    return record.split("\n", 5)[4]


def fields(record: str) -> dict[str, str]:
    """The values of a record by name. Raises ValueError when it is none; `<null>` is Kamailio's word for nothing."""
    values = record.split("\n")
    if len(values) != len(FIELDS):
        raise ValueError(f"a call record has {len(FIELDS)} lines, not {len(values)}")
    return {name: "" if value == "<null>" else value for name, value in zip(FIELDS, values, strict=True)}
