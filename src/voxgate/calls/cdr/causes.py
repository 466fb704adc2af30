"""Q.850 causes: their names, which one a SIP answer is (RFC 3398 section 8.2.6.1), Reason headers. Pure."""

from __future__ import annotations

import re
from typing import Final

NAMES: Final = {
    1: "unallocated number",
    3: "no route to destination",
    16: "normal clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer from user",
    20: "subscriber absent",
    21: "call rejected",
    22: "number changed",
    25: "exchange routing error",
    27: "destination out of order",
    28: "invalid number format",
    31: "normal, unspecified",
    34: "no circuit available",
    38: "network out of order",
    41: "temporary failure",
    42: "switching equipment congestion",
    47: "resource unavailable",
    57: "bearer capability not authorised",
    63: "service not available",
    65: "bearer capability not implemented",
    79: "service not implemented",
    88: "incompatible destination",
    102: "recovery on timer expiry",
    111: "protocol error",
    127: "interworking",
}
_OF_SIP: Final = {
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    430: 27,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    487: 16,
    488: 88,
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    600: 17,
    603: 21,
    604: 1,
    606: 88,
}
_REASON: Final = re.compile(r"\s*([\w.]{1,16})\s*;(?P<rest>.*)", re.DOTALL)
_CAUSE: Final = re.compile(r"cause\s*=\s*(\d{1,3})")


def of_sip(code: int) -> int:
    """The cause that a final SIP answer stands for; 16 for a call that was answered."""
    return 16 if 200 <= code < 300 else _OF_SIP.get(code, 127 if code >= 300 else 0)


def of_reason(header: str) -> int:
    """The cause that a Reason header names for Q.850 (RFC 3326); 0 where it names none."""
    for value in header.split(","):
        found = _REASON.match(value)
        cause = _CAUSE.search(found["rest"]) if found and found[1].upper() == "Q.850" else None
        if cause and int(cause[1]) < 128:
            return int(cause[1])
    return 0


def text_of(cause: int) -> str:
    """What it is called."""
    return NAMES.get(cause, f"cause {cause}" if cause else "")
