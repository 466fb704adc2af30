"""TLS handshakes that failed, as OpenSSL tells of them: whose fault it was. Pure."""

from __future__ import annotations

import re
from typing import Final

from voxgate.guard.observation import Kind

#: `error:0A000418:SSL routines::tlsv1 alert unknown ca`; ERR_error_string(3).
_ERROR: Final = re.compile(r"error:(?P<code>[0-9A-Fa-f]{8}):(?:[^:]*:){2}(?P<words>[^:(]*)")
#: SSL_AD_REASON_OFFSET: an alert that the client sent, on top of its number.
_ALERTS: Final = range(1000, 1256)
#: ERR_REASON_MASK, and what is above it: which of OpenSSL's libraries said it.
_REASON: Final = 0x7FFFFF
_SSL: Final = 20
#: sslerr.h: the connection ended, which monitoring and phones that start anew do.
_ENDED: Final = frozenset({294})
#: sslerr.h: nothing in common. Unsupported protocol, version too low, no protocols available, unsupported version,
#: unknown protocol, wrong version, fallback; no shared cipher, ciphers none, no signature algorithm, no group, no key
#: share, elliptic curve, renegotiation of the old kind, keys too small.
_OLD: Final = frozenset(
    {*(258, 396, 191, 259, 252, 266, 373), *(193, 183, 181, 118, 295, 410, 101), *(315, 338, 394, 397, 399)}
)


def fault(text: str) -> tuple[Kind, str] | None:
    """What the client did wrong, and a short word about it; None when it did nothing wrong.

    A phone that does not trust our certificate, or any longer, says so by an alert, and is no attacker: with an
    expired certificate, whole offices would be shut out. Nothing of OpenSSL means that a connection just ended, as that
    of monitoring does. One that speaks TLS too old for us is no attacker either, but of note.
    """
    found = _ERROR.search(text)
    if found is None:
        return None
    code = int(found["code"], 16)
    library, reason = code >> 23, code & _REASON
    if reason in _ALERTS or (library == _SSL and reason in _ENDED):
        return None
    kind = Kind.OLD_TLS if library == _SSL and reason in _OLD else Kind.BAD_TLS
    return kind, "-".join(found["words"].split()) or "no-tls"
