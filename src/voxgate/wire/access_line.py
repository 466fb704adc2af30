"""The line of the access log: one JSON object per request, with the same fields for every protocol. Pure.

It comes from HAProxy for HTTP (haproxy_line.py), from the router for LDAP and H.323; who reads it need not know.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

#: Longer texts are cut: requests hold what strangers wrote.
LONGEST_TEXT: Final = 256
#: The result of a request that did not get its answer from a PBX, and the reason of one that a PBX refused.
REJECTED: Final = "rejected"
BY_PBX: Final = "pbx"


class AccessLine(NamedTuple):
    """One request that was forwarded or rejected.

    time         when it ended, RFC 3339 in UTC with milliseconds
    protocol     http, https, ws, wss, ldap, ldaps, h323, h323s
    requester    address of the client
    service      the name the client asked for: HTTP host, LDAP domain, gatekeeper ID; empty when it named none
    pbx          the PBX that it led to, empty when it led to none
    node         address of the PBX's node that it went to, empty when it went to none
    result       forwarded | rejected
    reason       one word why it was rejected; for what the PBX itself rejected, `pbx`; empty for what was served
    status       the answer in the protocol's own numbers: HTTP status, LDAP result code, H.225 reject reason
    request      what was asked for: method and path without query, LDAP operation, H.225 message; of a handshake that
                 failed, OpenSSL's words
    bytes_in     bytes from the client
    bytes_out    bytes to the client
    duration_ms  from the first byte of the request to the end of the answer
    """

    time: str
    protocol: str
    requester: str
    service: str = ""
    pbx: str = ""
    node: str = ""
    result: str = "rejected"
    reason: str = ""
    status: int = 0
    request: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    duration_ms: int = 0

    def render(self) -> bytes:
        """The line with its end. Texts are cut, and escaped to printable ASCII."""
        values = {key: v[:LONGEST_TEXT] if isinstance(v, str) else v for key, v in self.values().items()}
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"

    def values(self) -> dict[str, str | int]:
        """Its fields by name."""
        return dict(zip(FIELDS, self, strict=True))


#: In the order in which they are written.
FIELDS: Final = AccessLine._fields
_NUMBERS: Final = frozenset(("status", "bytes_in", "bytes_out", "duration_ms"))


def parse(line: bytes) -> AccessLine | None:
    """What a line says; None for anything but such a line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or set(found) != set(FIELDS):
        return None
    if any(type(value) is not (int if name in _NUMBERS else str) for name, value in found.items()):
        return None
    return AccessLine(**found)
