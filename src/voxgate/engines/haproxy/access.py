"""The access log's line as HAProxy writes it: the fields of `wire.access_line`, from a request's variables. Pure.

A rule that rejects sets `txn.reason`; one that has found where to go sets `txn.pbx` and `txn.result`. What HAProxy
refuses before any rule has run (no HTTP, headers too long, too slow) is `malformed`. Texts of strangers are cut first,
then escaped, so that a line is always whole and always one line.
"""

from __future__ import annotations

from typing import Final

from voxgate.wire.access_line import FIELDS, LONGEST_TEXT

#: Where the lines are sent to, in the folder of everything that runs.
SOCKET: Final = "access.sock"
#: Through `lower` a number becomes text: 1007 -> "007".
_TIME: Final = "%[date,utime(%Y-%m-%dT%H:%M:%S)].%[date(0,ms),mod(1000),add(1000),lower,bytes(1,3)]Z"


def _text(sample: str) -> str:
    # +Q: an empty value is an empty string, not a hyphen.
    return f"%{{+Q}}[{sample}]"


def _of_stranger(sample: str) -> str:
    return _text(f"{sample},bytes(0,{LONGEST_TEXT}),json(utf8s)")


def _line(**values: str) -> str:
    """A `log-format` argument in single quotes; what is not given is empty or 0."""
    defaults = dict.fromkeys(FIELDS, '""') | dict.fromkeys(("status", "bytes_in", "bytes_out", "duration_ms"), "0")
    known = defaults | {"time": f'"{_TIME}"', "requester": '"%[src]"'}
    return "'{" + ",".join(f'"{key}":{value}' for key, value in (known | values).items()) + "}'"


def http_line(protocol: str) -> str:
    """For a frontend in HTTP mode."""
    return _line(
        protocol=f'"{protocol}"',
        service=_of_stranger("var(txn.host)"),
        pbx=_text("var(txn.pbx)"),
        node=_text("var(txn.to),field(1,|)"),
        result=_text("var(txn.result,rejected)"),
        reason=_text("var(txn.reason,malformed)"),
        status="%ST",
        request=_of_stranger("var(txn.request)"),
        bytes_in="%U",
        bytes_out="%B",
        duration_ms="%Ta",
    )


def pass_line(protocol: str) -> str:
    """For TLS that is passed through: one line per connection."""
    return _line(
        protocol=f'"{protocol}"',
        service=_of_stranger("var(txn.host)"),
        pbx=_text("var(txn.pbx)"),
        node=_text("var(txn.to),field(1,|)"),
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
    return _line(protocol=f'"{protocol}"', result='"rejected"', reason=reason, request=_of_stranger("ssl_fc_err_str"))
