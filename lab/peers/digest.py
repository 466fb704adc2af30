"""Digest authentication, MD5 with ``qop=auth``, both sides (RFC 2617, as RFC 3261 section 22 uses it). Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

_PAIR = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


class DigestError(Exception):
    """The peer's challenge or credentials are not Digest with MD5."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and the password in clear."""

    user: str
    password: str


def parse(value: str) -> dict[str, str]:
    """Parameters of a challenge or of credentials, names in lower case. Raises DigestError."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        raise DigestError(f"scheme {scheme[:20]!r}")
    return {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PAIR.finditer(rest)}


def challenge(realm: str, nonce: str) -> str:
    """The value of WWW-Authenticate."""
    return f'Digest realm="{realm}", nonce="{nonce}", algorithm=MD5, qop="auth"'


def answer(challenge_value: str, account: Account, method: str, uri: str, cnonce: str) -> str:
    """The value of Authorization. Raises DigestError for another algorithm."""
    asked = parse(challenge_value)
    if asked.get("algorithm", "MD5").upper() != "MD5":
        raise DigestError(f"algorithm {asked['algorithm']!r}")
    realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
    parts = [f'username="{account.user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"']
    if "auth" in asked.get("qop", "").replace(",", " ").split():
        result = response(account, realm, nonce, (method, uri), f"00000001:{cnonce}:auth")
        parts += [f'cnonce="{cnonce}"', "nc=00000001", "qop=auth"]
    else:
        result = response(account, realm, nonce, (method, uri), "")
    parts += [f'response="{result}"', "algorithm=MD5"]
    if "opaque" in asked:
        parts.append(f'opaque="{asked["opaque"]}"')
    return "Digest " + ", ".join(parts)


def accepts(credentials: str, password: str, realm: str, nonce: str, method: str) -> bool:
    """Do these credentials prove the password for our realm and nonce? Raises DigestError."""
    given = parse(credentials)
    if given.get("realm") != realm or given.get("nonce") != nonce:
        return False
    middle = f"{given.get('nc', '')}:{given.get('cnonce', '')}:auth" if given.get("qop") == "auth" else ""
    account = Account(given.get("username", ""), password)
    wanted = response(account, realm, nonce, (method, given.get("uri", "")), middle)
    return hmac.compare_digest(wanted, given.get("response", ""))


def response(account: Account, realm: str, nonce: str, request: tuple[str, str], middle: str) -> str:
    """The request-digest of RFC 2617 section 3.2.2.1; ``request`` is method and URI, ``middle`` is
    ``nc:cnonce:qop`` or empty.
    """
    first = _md5(f"{account.user}:{realm}:{account.password}")
    second = _md5(":".join(request))
    return _md5(f"{first}:{nonce}:{middle}:{second}" if middle else f"{first}:{nonce}:{second}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
