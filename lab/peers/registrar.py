"""The PBX's registrar: who may register, and where users are. Time and nonce are arguments.

Strict like a real PBX: a Path without ``Supported: path`` is refused with 420 (RFC 3327 section 5.3), and a request
with credentials for another nonce is challenged again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.peers import digest
from lab.peers.address import parse_name_addr
from lab.peers.digest import DigestError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.peers.message import Headers, Request

SHORTEST_S = 10
LONGEST_S = 3600


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a user is: Contact URI, Path as it came, end of validity on the clock of the caller."""

    contact: str
    path: tuple[str, ...]
    until_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What to reply to a REGISTER, and for the diary in ``fact``."""

    code: int
    headers: Headers = ()
    fact: str = ""


def read_users(path: Path) -> dict[str, str]:
    """Passwords by user from lines ``user:password``. Raises OSError, ValueError."""
    users: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        user, colon, password = line.strip().partition(":")
        if not colon or not user:
            raise ValueError(f"{path}:{number}: want user:password")
        users[user] = password
    return users


@dataclass(slots=True)
class Registrar:
    """``users`` empty: everybody may register and call without a password; ``refuses``: nobody may."""

    realm: str
    nonce: str
    users: Mapping[str, str] = field(default_factory=dict)
    bindings: dict[tuple[str, str], Binding] = field(default_factory=dict)
    refuses: bool = False

    def refusal(self, request: Request, user: str) -> Answer | None:
        """A challenge or a 403 for a request of ``user``, None if it may pass."""
        if not self.users:
            return None
        challenge = Answer(401, (("WWW-Authenticate", digest.challenge(self.realm, self.nonce)),), "challenged")
        credentials = request.get("Authorization")
        if not credentials:
            return challenge
        try:
            given = digest.parse(credentials)
            if given.get("nonce") != self.nonce:
                return challenge
            named = given.get("username", "")
            known = self.users.get(named)
            if known and digest.accepts(credentials, known, self.realm, self.nonce, request.method):
                return None if named == user else Answer(403, (), "another user's password")
        except DigestError as exc:
            return Answer(403, (), str(exc))
        return Answer(403 if known is None else 401, challenge.headers, "wrong password")

    def register(self, request: Request, now_s: float) -> Answer:
        """Take or refuse a REGISTER. Raises AddressError."""
        user = parse_name_addr(request.get("To")).uri.user
        if self.refuses:
            return Answer(403, (), "refuses everybody")
        path = request.all("Path")
        if path and "path" not in [option.lower() for option in request.all("Supported")]:
            return Answer(420, (("Unsupported", "path"),), "Path without Supported: path")
        refused = self.refusal(request, user)
        if refused is not None:
            return refused
        headers: list[tuple[str, str]] = []
        contact = request.get("Contact")
        if contact:
            expires_s = self._bind(user, request, now_s)
            if expires_s:
                bound = parse_name_addr(contact)
                headers.append(("Contact", f"<{bound.uri}>;expires={expires_s}"))
            if _flow(request):
                headers.append(("Require", "outbound"))
        elif binding := self.find(user, now_s):
            headers.append(("Contact", f"<{binding.contact}>"))
        headers += [("Path", value) for value in path]
        return Answer(200, tuple(headers), "")

    def find(self, user: str, now_s: float) -> Binding | None:
        """Where the user is now."""
        return next(iter(self.find_all(user, now_s)), None)

    def find_all(self, user: str, now_s: float) -> list[Binding]:
        """All ways to the user, the newest first (RFC 5626 section 6)."""
        found = [binding for (who, _), binding in self.bindings.items() if who == user and binding.until_s > now_s]
        return found[::-1]

    def _bind(self, user: str, request: Request, now_s: float) -> int:
        contact, key = request.get("Contact"), (user, _flow(request))
        wanted = "0" if contact == "*" else parse_name_addr(contact).param("expires") or request.get("Expires")
        expires_s = int(wanted) if wanted.isdecimal() else 300
        self.bindings.pop(key, None)
        if expires_s == 0:
            return 0
        expires_s = min(max(expires_s, SHORTEST_S), LONGEST_S)
        uri = str(parse_name_addr(contact).uri)
        self.bindings[key] = Binding(uri, request.all("Path"), now_s + expires_s)
        return expires_s


def _flow(request: Request) -> str:
    """What tells this registration from the phone's others; empty unless the first hop can (RFC 5626 section 6)."""
    contact, path = request.get("Contact"), request.all("Path")
    if contact == "*" or not path or parse_name_addr(path[0]).uri.param("ob") is None:
        return ""
    bound = parse_name_addr(contact)
    reg_id, instance = bound.param("reg-id"), bound.param("+sip.instance")
    return f"{instance} {reg_id}" if reg_id and instance else ""
