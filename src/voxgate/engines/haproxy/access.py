"""The access log's line as HAProxy writes it (wire/haproxy_line.py makes the line of the log from it). Pure.

What is dear to say in HAProxy's words is said raw: the time in milliseconds, how the request ended in two letters. A
rule that rejects sets `txn.reason`. Texts of strangers are cut; a rule that rejects has escaped the host, and the path
is escaped by `%HPO`.
"""

from __future__ import annotations

from typing import Final

from voxgate.wire.access_line import FIELDS, LONGEST_TEXT
from voxgate.wire.haproxy_line import LETTERS, TIME

#: In what the maps say of a host (routes.py).
_PBX: Final = "var(txn.route),field(-1,|)"
_NODE: Final = "var(txn.route),field(-3,|)"

#: Where the lines are sent to, in the folder of everything that runs.
SOCKET: Final = "access.sock"
#: For a host that nobody knows: in `txn.host` before it is logged.
ESCAPED: Final = f"bytes(0,{LONGEST_TEXT}),json(utf8s)"


def _text(sample: str) -> str:
    # +Q: an empty value is an empty string, not a hyphen.
    return f"%{{+Q}}[{sample}]"


def _line(**values: str) -> str:
    """A `log-format` argument in single quotes; what is not given is empty or 0."""
    defaults = dict.fromkeys(FIELDS, '""') | dict.fromkeys(("status", "bytes_in", "bytes_out", "duration_ms"), "0")
    known = defaults | {"time": f'"{TIME}%[date(0,ms)]Z"', "requester": '"%ci"'} | values
    return "'{" + ",".join(f'"{key}":{value}' for key, value in known.items()) + "}'"


def http_line(protocol: str) -> str:
    """For a frontend in HTTP mode."""
    return _line(
        protocol=f'"{protocol}"',
        requester='"%[var(sess.client)]"',
        service=_text("var(txn.host)"),
        pbx=_text(_PBX),
        node=_text(_NODE),
        result=f'"{LETTERS}%ts"',
        reason=_text("var(txn.reason)"),
        status="%ST",
        request='"%HM %HPO"',
        bytes_in="%U",
        bytes_out="%B",
        duration_ms="%Ta",
    )


def pass_line(protocol: str) -> str:
    """For TLS that is passed through: one line per connection."""
    return _line(
        protocol=f'"{protocol}"',
        service=_text("var(txn.host)"),
        pbx=_text(_PBX),
        node=_text(_NODE),
        result=_text("var(txn.result,rejected)"),
        reason=_text("var(txn.reason,malformed)"),
        bytes_in="%U",
        bytes_out="%B",
        duration_ms="%Tt",
    )


def stream_line(protocol: str) -> str:
    """For a frontend in TCP mode, whose requests the router logs: what never reached the router."""
    numbers = {"bytes_in": "%U", "bytes_out": "%B", "duration_ms": "%Tt"}
    return _line(protocol=f'"{protocol}"', result='"rejected"', reason='"router"', **numbers)


def error_line(protocol: str) -> str:
    """For what ended before there was a request: a handshake that failed, or no HTTP, too long, too slow.

    HAProxy 3.0 comes here too when a client tears its connection off after the handshake, with the system's own words
    (`ECONNRESET returned by OS`): that is nobody's fault.
    """
    words = ("regsub(^Success$,malformed)", "regsub(^.*SSL.*$,handshake)", "regsub(^[A-Z].*$,gone)")
    reason = _text(",".join(("fc_err_str", *words)))
    # OpenSSL's own words: they hold no quotes.
    said = _text(f"ssl_fc_err_str,bytes(0,{LONGEST_TEXT})")
    return _line(protocol=f'"{protocol}"', result='"rejected"', reason=reason, request=said)
