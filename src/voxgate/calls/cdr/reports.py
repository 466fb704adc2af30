"""What Kamailio's script reports of a call (`voxgate_sip.reporting`) -> values. Pure.

A report is a kind, epoch seconds, texts; values in a text are lines, in hexadecimal digits where a packet may
hold anything.
Whatever is no such report gives None: it is dropped.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from voxgate.calls.cdr.sdp import Description, described
from voxgate.calls.cdr.value import Attempt, Direction, clean
from voxgate_sip.notes import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_APART: Final = "\x1e"
_NOTHING: Final = ("", "<null>", "3c6e756c6c3e", "3C6E756C6C3E")
_MOST_ATTEMPTS: Final = 32
#: Hexadecimal digits of a body that are read: SDP of browsers is the longest.
_LONGEST_BODY: Final = 24_000
#: Call-ID and tag together; phones send less than a hundred characters.
_LONGEST_ID: Final = 512
_URI: Final = re.compile(r"sips?:(?:(?P<user>[^@]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^:;?>\s]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Begun:
    """An INVITE came; `refused` is why it was not sent on, `code` the answer where the edge gave it by itself."""

    call_id: str
    tag: str
    cseq: int
    at: datetime
    source: str
    port: int
    transport: str
    caller_uri: str
    caller_name: str
    dialled_uri: str
    sent_uri: str
    user_agent: str
    hop: str
    offer: Description
    direction: Direction
    pbx: str
    trunk: str
    code: int = 0
    phrase: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody answered."""

    call_id: str
    tag: str
    at: datetime
    source: str
    callee_uri: str
    attempts: tuple[Attempt, ...]
    answer: Description
    progress: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The INVITE was refused, given up, or nobody answered; `how` is silent, cancelled, or empty."""

    call_id: str
    tag: str
    at: datetime
    code: int
    phrase: str
    how: str
    cause: str
    attempts: tuple[Attempt, ...]
    progress: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A BYE passed; `tags` are its From tag and its To tag, `cause` its Reason header."""

    call_id: str
    tags: tuple[str, str]
    at: datetime
    source: str
    cause: str


Report = Begun | Answered | Failed | Ended


def report_of(event: Mapping[str, Any]) -> Report | None:
    """The report in the `parts` of an event of Kamailio, or None."""
    try:
        return _report(event.get("parts"))
    except ValueError:
        return None


def _report(parts: object) -> Report | None:
    match parts:
        case ["begun", str(at), str(text), str(a), str(b), str(c), str(d), str(refused)]:
            return _begun(_time(at), text.split("\n"), (a, b, c, d), refused)
        case ["answered", str(at), str(text)]:
            return _answered(_time(at), text.split(_APART))
        case ["failed", str(at), str(text), str(code), str(how)] if code.isdecimal():
            return _failed(_time(at), text.split(_APART), int(code), how)
        case ["ended", str(at), str(text)]:
            return _ended(_time(at), text.split("\n"))
    return None


def user_of(uri: str) -> str:
    """The user part of a SIP URI, without parameters; empty where there is none."""
    found = _URI.match(uri)
    return clean((found["user"] or "").partition(";")[0]) if found else ""


def host_of(uri: str) -> str:
    """The host of a SIP URI, IPv6 without brackets."""
    found = _URI.match(uri)
    return found["host"].strip("[]")[:256] if found else ""


def _begun(at: datetime, values: Sequence[str], way: tuple[str, str, str, str], refused: str) -> Begun | None:
    if len(values) != 14 or not values[2].isdecimal() or not values[4].isdecimal():
        return None
    cseq, source, port, proto, _ = values[2:7]
    offer, hop = _described(values[11]), values[12]
    call_id, tag, from_uri, name, dialled, agent, sent = map(_text, (*values[:2], *values[7:11], values[13]))
    kind, pbx, trunk, _ = way
    code, phrase = 0, ""
    if kind == "refused":
        code, phrase, pbx, trunk = int(pbx) if pbx.isdecimal() else 0, trunk, "", ""
    elif refused:
        code = _CODES.get(refused.partition(":")[0], 403)
    if kind not in set(Direction) or not _is_id(call_id, tag) or not _is_address(source):
        return None
    return Begun(
        *(call_id, tag, int(cseq), at, source.strip("[]"), int(port), clean(proto, 8)),
        *(clean(from_uri), clean(name.strip('"')), clean(dialled), clean(sent or dialled), clean(agent), clean(hop)),
        offer,
        *(Direction(kind), clean(pbx, 64), clean(trunk, 64), code, clean(phrase, 64), clean(refused, 64)),
    )


#: What the edge answers by itself after the decision was to let a call through.
_CODES: Final = {
    "no-node-answers": 503,
    "no-trunk-answers": 503,
    "no-media-relay": 503,
    "no-way-to-phone": 404,
    "not-sent": 430,
    "srtp-required": 488,
    "srtp-off": 488,
}


def _answered(at: datetime, parts: Sequence[str]) -> Answered | None:
    head = parts[0].split("\n")
    if len(parts) != 5 or len(head) != 7 or not _opens(head):
        return None
    source = head[4]
    call_id, tag, to_uri = map(_text, (*head[:2], head[5]))
    attempts = _attempts(parts[1], parts[2], parts[3], "200")
    told = clean(to_uri), attempts, _described(parts[4]), _progress(head[6])
    return Answered(call_id, tag, at, source.strip("[]")[:64], *told)


def _failed(at: datetime, parts: Sequence[str], code: int, how: str) -> Failed | None:
    head = parts[0].split("\n")
    if len(parts) != 4 or len(head) != 8 or not _opens(head) or head[4] not in _NOTHING:
        return None
    call_id, tag, cause, phrase = map(_text, (*head[:2], *head[5:7]))
    attempts = _attempts(parts[1], parts[2], parts[3], "timeout" if how == "silent" else str(code))
    told = (clean(phrase, 64), how, clean(cause), attempts, _progress(head[7]))
    return Failed(call_id, tag, at, code, *told)


def _ended(at: datetime, values: Sequence[str]) -> Ended | None:
    if len(values) != 5:
        return None
    source = values[3]
    call_id, from_tag, to_tag, cause = map(_text, (*values[:3], values[4]))
    if not _is_id(call_id, from_tag):
        return None
    return Ended(call_id, (from_tag, to_tag), at, source.strip("[]")[:64], clean(cause))


def _opens(head: Sequence[str]) -> bool:
    return head[3] == "INVITE" and _is_id(_text(head[0]), _text(head[1]))


def _attempts(chain: str, note: str, outcomes: str, last: str) -> tuple[Attempt, ...]:
    """The chain of a trunk's call tells its outcomes; nodes of a PBX are told apart from theirs."""
    if told_rows := _text(chain):
        rows = [line.split("\t") for line in told_rows.split("\n")[12:]]
        made = [Attempt(*(clean(cell, 128) for cell in row)) for row in rows if len(row) == 3]
    elif tried := read(_text(note))[1]:
        told = [*outcomes.split(), *[""] * len(tried.uris)] if outcomes not in _NOTHING else [""] * len(tried.uris)
        pairs = zip(tried.uris, told, strict=False)
        made = [Attempt(clean(tried.pbx, 64), clean(uri, 128), clean(outcome, 16)) for uri, outcome in pairs]
    else:
        return ()
    if made and not made[-1].outcome:
        made[-1] = Attempt(made[-1].target, made[-1].uri, last)
    return tuple(made[:_MOST_ATTEMPTS])


def _text(value: str) -> str:
    """What Kamailio wrote in hexadecimal digits. Raises ValueError."""
    return "" if value in _NOTHING else bytes.fromhex(value).decode("utf-8", "replace")


def _described(body: str) -> Description:
    return described(_text(body[:_LONGEST_BODY]))


def _is_id(call_id: str, tag: str) -> bool:
    return bool(call_id) and len(call_id) + len(tag) <= _LONGEST_ID


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _progress(seconds: str) -> datetime | None:
    """Raises ValueError."""
    return None if seconds in _NOTHING else _time(seconds)


def _time(epoch_s: str) -> datetime:
    return datetime.fromtimestamp(min(max(float(epoch_s), 0.0), 4e9), UTC)
