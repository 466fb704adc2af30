"""TLS handshakes that failed, as OpenSSL tells of them: whose fault it was. Pure."""

from __future__ import annotations

import re
from typing import Final

#: `error:0A000418:SSL routines::tlsv1 alert unknown ca`; ERR_error_string(3).
_ERROR: Final = re.compile(r"error:(?P<code>[0-9A-Fa-f]{8}):(?:[^:]*:){2}(?P<words>[^:(]*)")
#: SSL_AD_REASON_OFFSET: an alert that the client sent, on top of its number.
_ALERTS: Final = range(1000, 1256)
#: ERR_REASON_MASK.
_REASON: Final = 0x7FFFFF


def fault(text: str) -> str | None:
    """What the client did wrong, as a short word; None when it did nothing wrong.

    A phone that does not trust our certificate, or any longer, says so by an alert, and is no attacker: with an
    expired certificate, whole offices would be shut out. Nothing of OpenSSL means that a connection just ended, as that
    of monitoring does.
    """
    found = _ERROR.search(text)
    if found is None:
        return None
    if int(found["code"], 16) & _REASON in _ALERTS:
        return None
    return "-".join(found["words"].split()) or "no-tls"
