"""Answers to a provider's challenge: digest authentication by RFC 7616 with MD5 and SHA-256, as RFC 8760 has it in SIP.

Pure. In pure Python's own modules `_md5` and `_sha256`: hashlib would start OpenSSL's hash functions in a process
whose OpenSSL allocates in shared memory.
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_PARAM: Final = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


def _function(*places: tuple[str, str]) -> Callable[[bytes], Any]:
    """The first of these C functions that this Python has: 3.12 moved SHA-256 to another module."""
    for module, name in places:
        try:
            function: Callable[[bytes], Any] = getattr(importlib.import_module(module), name)
        except ImportError:
            continue
        return function
    raise ImportError(str(places))


_HASHES: Final = {
    "SHA-256": _function(("_sha2", "sha256"), ("_sha256", "sha256")),
    "MD5": _function(("_md5", "md5")),
}


class Account(NamedTuple):
    """Who we are at a provider."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Account({self.user!r}, ***)"


class Challenge(NamedTuple):
    """What a provider asks; `algorithm` is MD5 or SHA-256, `qop` is auth or empty."""

    realm: str
    nonce: str
    algorithm: str
    qop: str
    opaque: str | None
    stale: bool


def challenge_of(value: str) -> Challenge:
    """The challenge in one WWW-Authenticate or Proxy-Authenticate. Raises ValueError when we cannot answer it."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        raise ValueError(f"scheme {scheme[:20]}")
    given = {match[1].lower(): match[2] if match[2] is not None else match[3] for match in _PARAM.finditer(rest)}
    algorithm = given.get("algorithm", "MD5").upper()
    options = given.get("qop", "").replace(",", " ").lower().split()
    if algorithm not in _HASHES:
        raise ValueError(f"algorithm {algorithm[:20]}")
    if options and "auth" not in options:
        raise ValueError(f"qop {options[0][:20]}")
    if "nonce" not in given:
        raise ValueError("no nonce")
    stale = given.get("stale", "").lower() == "true"
    return Challenge(
        given.get("realm", ""), given["nonce"], algorithm, "auth" if options else "", given.get("opaque"), stale
    )


def answer(challenge: Challenge, account: Account, method: str, uri: str, cnonce: str) -> str:
    """The value of Authorization or Proxy-Authorization (RFC 7616 section 3.4.1), for the first use of the nonce."""

    def digest(*parts: str) -> str:
        return str(_HASHES[challenge.algorithm](":".join(parts).encode()).hexdigest())

    first = digest(account.user, challenge.realm, account.password)
    second = digest(method, uri)
    middle = ("00000001", cnonce, "auth") if challenge.qop else ()
    values = {
        "username": account.user,
        "realm": challenge.realm,
        "nonce": challenge.nonce,
        "uri": uri,
        "response": digest(first, challenge.nonce, *middle, second),
    }
    if challenge.opaque is not None:
        values["opaque"] = challenge.opaque
    if challenge.qop:
        values["cnonce"] = cnonce
    quoted = [f'{name}="{value}"' for name, value in values.items()]
    plain = [f"algorithm={challenge.algorithm}", *(("qop=auth", "nc=00000001") if challenge.qop else ())]
    return "Digest " + ", ".join((*quoted, *plain))
