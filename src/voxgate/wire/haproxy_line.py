"""HAProxy's lines of the access log -> the log's own. Pure: whole batches at once, since there is one per request.

HAProxy says the time in milliseconds since 1970, and how a request ended as its two letters of a termination state
(configuration guide, 8.5) unless a rule knew better. Nearly all lines are of requests that were served; in those two
words are exchanged for words of the same length, because to exchange them in place costs half as much.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from voxgate.wire.access_line import LONGEST_TEXT, AccessLine

#: What HAProxy writes before the milliseconds and before the two letters, as long as what takes its place.
TIME: Final = "@@@@@@@@@@"
LETTERS: Final = "......."
#: In the middle of the line of a request that was served.
SERVED: Final = f'"result":"{LETTERS}--","reason":"","status":'.encode()
_FORWARDED: Final = b'"result":"forwarded","reason":"","status":'
_BEGIN: Final = f'{{"time":"{TIME}'.encode()
_DATED: Final = '{"time":"%Y-%m-%dT%H:%M:%S.'
#: Digits of the seconds.
_SECONDS: Final = 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: A batch reaches over fewer seconds than this, or its clock was set meanwhile.
_MOST_SECONDS: Final = 60
_TEXT: Final = r'"((?:[^"\\]|\\.)*)"'
_RAW: Final = re.compile(
    r'\{"time":"@+(\d{1,15})Z","protocol":"(\w*)","requester":"([^"]*)","service":'
    + _TEXT
    + r',"pbx":"([^"]*)","node":"([^"]*)","result":"\.*([^"]*)","reason":"([^"]*)",'
    r'"status":(-?\d+),"request":"([^"]*)","bytes_in":(\d+),"bytes_out":(\d+),"duration_ms":(-?\d+)\}\n?'
)
#: Why a request went to no node, whatever its host would have led to.
_BEFORE_NODES: Final = frozenset({"name", "network", "url", "malformed"})
#: What HAProxy says for a request line that it could not read, and for a text that is not there.
_NOTHING: Final = ("<BADREQ>", "-")


def served(lines: bytes) -> bytes | None:
    """A batch of whole lines, finished, if each is of a request that was served; else None."""
    count = lines.count(b"\n")
    if lines.count(SERVED) != count or lines.startswith(_BEGIN) + lines.count(b"\n" + _BEGIN) != count:
        return None
    finished = _dated(lines).replace(SERVED, _FORWARDED)
    return None if _BEGIN in finished else finished


def _dated(lines: bytes) -> bytes:
    """Seconds of the times as RFC 3339 says them; milliseconds stay as they are."""
    begin = len(_BEGIN)
    last = lines.rfind(b"\n", 0, -1) + 1
    try:
        first_s, last_s = (int(lines[at + begin : at + begin + _SECONDS]) for at in (0, last))
    except ValueError:
        return lines
    # Threads of HAProxy overtake one another.
    for second in range(first_s - 1, min(last_s + 1, first_s + _MOST_SECONDS) + 1):
        if (raw := b"%b%d" % (_BEGIN, second)) in lines:
            lines = lines.replace(raw, (_EPOCH + timedelta(seconds=second)).strftime(_DATED).encode())
    return lines


def read(line: bytes) -> AccessLine | None:
    """What one line says; None for anything but such a line."""
    found = _RAW.fullmatch(line.decode("ascii", "replace"))
    if found is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=int(found[1]))
    result, reason = _end(found[7], found[8])
    try:
        service = json.loads(f'"{found[4]}"')
    except ValueError:
        return None
    method, _, path = found[10].partition(" ")
    return AccessLine(
        time=moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z",
        protocol=found[2],
        requester=found[3],
        service=service[:LONGEST_TEXT],
        pbx=found[5],
        # Without a node that is up, how one would have been chosen still stands there.
        node="" if reason in _BEFORE_NODES or found[6].startswith("*") else found[6],
        result=result,
        reason=reason,
        status=int(found[9]),
        request="" if path in _NOTHING else f"{method} {path}".strip(),
        bytes_in=int(found[11]),
        bytes_out=int(found[12]),
        duration_ms=max(int(found[13]), 0),
    )


def _end(result: str, reason: str) -> tuple[str, str]:
    """The two words of the log, from a rule's word and from HAProxy's letters: who ended it, and in which state."""
    if len(result) != 2:
        return result, reason
    who, state = result[0], result[1]
    if state in "-DL":
        # The answer had begun: `reason` can only be that the PBX refused.
        return "forwarded", reason
    if reason:
        return "rejected", reason
    if state == "R":
        return "rejected", "malformed"
    return ("forwarded", "gone") if who in "Cc" else ("rejected", "unreachable")
