"""An answered call's record -> the two BYE requests that end it, one to each party. Pure.

Each party gets the BYE that the other one would have sent (RFC 3261 section 15.1.1): same Call-ID, the other's
tag in From, along the routes beyond the edge, to the address and transport that the party really uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from voxgate_sip.record import fields, from_tag

#: Higher than any CSeq the two have used, and below 2**31 (RFC 3261 section 8.1.1.5).
CSEQ: Final = 0x7FFFFFF0
#: Reason header of a call that is ended because nothing is heard any more.
NO_MEDIA: Final = 'SIP;cause=408;text="no media"'
_OWN_ROUTE: Final = re.compile(r";e=(?:-|[io][46](?:udp|tcp|tls|ws))")
#: Whose call it is, in the edge's own Record-Route: of a trunk with an account (`voxgate_sip.guise`), or with a way of
#: its own (`voxgate_sip.ownways`); `i` and a full stop say that the trunk has called.
_PROVIDERS: Final = (
    re.compile(r";u=\d{1,3}-(?P<group>[0-9a-f]{1,8})-(?P<way>[ati])(?=;|$)"),
    re.compile(r";e=[io][46](?:udp|tcp|tls|ws)(?P<way>[.-])(?P<group>[0-9a-f]{1,8})(?=;|$)"),
)


@dataclass(frozen=True, slots=True)
class Bye:
    """One BYE for Kamailio's `tm.t_uac_start`: request URI, next hop, and header lines that end in CRLF.

    `tag` is the one in From. `trunk` is the mark of the provider that gets it, empty for everybody else.
    """

    uri: str
    next_hop: str
    headers: str
    tag: str = ""
    trunk: str = ""


def byes(call_id: str, record: str, reason: str = NO_MEDIA) -> tuple[Bye, Bye]:
    """To the caller and to the callee. Raises ValueError when `record` is no record of a call."""
    call = fields(record)
    caller = f"<{call['from_uri']}>;tag={call['from_tag']}"
    callee = f"<{call['to_uri']}>;tag={call['to_tag']}"
    upstream = _routes(call["caller_routes"])
    routes = _routes(call["callee_routes"])
    downstream = _beyond_edge(routes)
    calling, called = _providers(routes)
    return (
        Bye(
            _uri(call["caller_contact"]) or call["caller_flow"],
            call["caller_flow"],
            _headers((call_id, reason), callee, caller, upstream),
            call["to_tag"],
            calling,
        ),
        Bye(
            _uri(call["callee_contact"]) or call["callee_flow"],
            call["callee_flow"],
            _headers((call_id, reason), caller, callee, downstream),
            call["from_tag"],
            called,
        ),
    )


def authorised(bye: Bye, credentials: str, answered: int) -> Bye:
    """The same BYE with a header line on top, counted higher (RFC 3261 section 22.2); `answered` challenges by now."""
    count = f"CSeq: {CSEQ} BYE"
    lines = f"CSeq: {CSEQ + answered} BYE\r\n{credentials}"
    return replace(bye, headers=bye.headers.replace(count, lines))


def call_of(record: str) -> dict[str, str]:
    """The values of a record by name. Raises ValueError when it is none."""
    return fields(record)


def caller_tag(record: str) -> str:
    """The tag that the caller gave the call. Raises IndexError when `record` is none."""
    return from_tag(record)


def _headers(call: tuple[str, str], sender: str, receiver: str, routes: list[str]) -> str:
    call_id, reason = call
    lines = [
        *(f"Route: <{route}>" for route in routes),
        f"From: {sender}",
        f"To: {receiver}",
        f"Call-ID: {call_id}",
        f"CSeq: {CSEQ} BYE",
        "Max-Forwards: 70",
        f"Reason: {reason}",
    ]
    return "".join(f"{line}\r\n" for line in lines)


def _routes(values: str) -> list[str]:
    return re.findall(r"<([^<>]+)>", values)


def _beyond_edge(routes: list[str]) -> list[str]:
    """The callee's side of a reply's Record-Route: what stands above the edge's own entry, nearest hop first."""
    own = next((index for index, route in enumerate(routes) if _OWN_ROUTE.search(route)), 0)
    return list(reversed(routes[:own]))


def _providers(routes: list[str]) -> tuple[str, str]:
    """The mark of the trunk that calls and of the one that is called, each empty where it is none."""
    own = next((route for route in routes if _OWN_ROUTE.search(route)), "")
    found = next((found for mark in _PROVIDERS if (found := mark.search(own))), None)
    if found is None:
        return "", ""
    return (found["group"], "") if found["way"] in "i." else ("", found["group"])


def _uri(contact: str) -> str:
    """The URI of a Contact value, without the flow that the edge noted in it."""
    found = re.search(r"<([^<>]+)>", contact)
    uri = found[1] if found else contact.partition(";")[0].strip()
    return re.sub(r";alias=[^;>]*", "", uri)
