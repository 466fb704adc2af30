"""Tokens for programs: `vgt_ID_SECRET`. Pure: chance is an argument.

The secret has 256 bits, so that a plain hash is enough: nobody guesses it, however fast hashing is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final

#: Gives so many bytes of chance.
Random = Callable[[int], bytes]

_FORM: Final = re.compile(r"vgt_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)
_ID_BYTES, _SECRET_BYTES = 6, 32
LONGEST_DAYS: Final = 3650


def made(random: Random) -> tuple[str, str, str]:
    """A new token: its id, the token as its owner gets it once, and what is kept of it."""
    token_id = random(_ID_BYTES).hex()
    secret = base64.urlsafe_b64encode(random(_SECRET_BYTES)).decode().rstrip("=")
    token = f"vgt_{token_id}_{secret}"
    return token_id, token, digest(token)


def id_of(token: str) -> str | None:
    """The id in a token; None when it has not the form of one."""
    found = _FORM.fullmatch(token)
    return found["id"] if found else None


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches(token: str, kept: str) -> bool:
    """Whether `kept` was made of `token`."""
    return hmac.compare_digest(digest(token), kept)
