"""What is asked about calls of the past over the control socket, as one value.

    {"verb": "records", "action": "cdr" | "live" | "trace" | "explain", "since": TIME or "", "until": TIME or "",
     "pbx": text, "trunk": text, "number": text, "source": text, "direction": text, "state": text, "subject": text,
     "limit": N, "cursor": text}

Times are RFC 3339. `subject` is a Call-ID, the number of a record, or to `explain` a user or an address.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from voxgate.errors import PeerError

VERB: Final = "records"


class RecordsAction(StrEnum):
    """What is asked for."""

    CDR = "cdr"
    LIVE = "live"
    TRACE = "trace"
    EXPLAIN = "explain"


@dataclass(frozen=True, slots=True)
class RecordsRequest:
    """One question; empty text is no condition."""

    action: RecordsAction
    since: str = ""
    until: str = ""
    pbx: str = ""
    trunk: str = ""
    number: str = ""
    source: str = ""
    direction: str = ""
    state: str = ""
    subject: str = ""
    limit: int = 100
    cursor: str = ""


def records_request(values: dict[str, Any]) -> RecordsRequest:
    """The request in the fields of a line. Raises PeerError."""
    names = {field.name for field in fields(RecordsRequest)}
    texts = {name: value for name, value in values.items() if name not in {"action", "limit"}}
    action, limit = values.get("action"), values.get("limit")
    good = values.keys() == names and all(isinstance(value, str) for value in texts.values())
    if not good or action not in set(RecordsAction) or type(limit) is not int or limit < 1:
        raise PeerError("not a question about records")
    return RecordsRequest(RecordsAction(action), limit=limit, **texts)
