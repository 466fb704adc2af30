"""Passwords as scrypt keeps them: `scrypt$log2(n)$r$p$salt$hash`, both in base64."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from voxgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

#: 32 MiB and some 80 ms for each guess (OWASP's third choice: n=2^15, r=8, p=3).
_LOG_N, _R, _P = 15, 8, 3
_MEMORY: Final = 64 << 20
_SALT_BYTES: Final = 16
SHORTEST: Final = 10
#: Longer ones are hashed all the same; a megabyte would only be work for us.
LONGEST: Final = 256


def require_good(password: str, user: str) -> None:
    """Raises UsageError for what is guessed first: NIST SP 800-63B asks for length, not for kinds of characters."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(f"the password is too short or too long\n    {SHORTEST} to {LONGEST} characters")
    if len(set(password)) < 4 or user.lower() in password.lower():
        raise UsageError("the password is too easy to guess\n    take four words that nobody else would put together")


def hashed(password: str, random: Callable[[int], bytes]) -> str:
    """What is kept of a password; takes a tenth of a second."""
    salt = random(_SALT_BYTES)
    return "$".join(("scrypt", str(_LOG_N), str(_R), str(_P), _text(salt), _text(_scrypt(password, salt))))


def matches(password: str, kept: str) -> bool:
    """Whether `password` is the one of which `kept` was made; takes as long whatever it is."""
    try:
        kind, log_n, r, p, salt, digest = kept.split("$")
        if (kind, int(log_n), int(r), int(p)) != ("scrypt", _LOG_N, _R, _P):
            return False
        return hmac.compare_digest(_scrypt(password, base64.b64decode(salt)), base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False


#: Compared with when there is no such user, so that the time of an answer does not tell who exists.
NOBODY: Final = "$".join(("scrypt", str(_LOG_N), str(_R), str(_P), "AAAAAAAAAAAAAAAAAAAAAA==", "AAAA"))


def _scrypt(password: str, salt: bytes) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")[: 4 * LONGEST]
    return hashlib.scrypt(secret, salt=salt, n=1 << _LOG_N, r=_R, p=_P, maxmem=_MEMORY, dklen=32)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
