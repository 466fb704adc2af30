"""REGISTER as text, and what a reply to it says (RFC 3261 section 10). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voxgate.engines.trunk_accounts import TrunkAccount

#: The compact forms that matter here (RFC 3261 section 7.3.3).
_COMPACT: Final = {"m": "contact", "i": "call-id"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One REGISTER. `expires_s` 0 unregisters; `authorization` is a header line or empty."""

    cseq: int
    expires_s: int
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A final reply; `headers` in lower case, in their order."""

    code: int
    phrase: str
    cseq: int
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header."""
        return tuple(value for key, value in self.headers if key == name)

    def number(self, name: str) -> int | None:
        """The first value as a whole number, where it begins with one."""
        found = re.match(r"\d{1,9}", next(iter(self.all(name)), ""))
        return int(found[0]) if found else None


def register(account: TrunkAccount, ask: Ask, call_id: str, branch: str, via: str) -> bytes:
    """The request; `via` is host:port of our socket. Kamailio puts the registrar into the request URI."""
    lines = [
        f"REGISTER sip:{account.trunk}@trunk.invalid SIP/2.0",
        f"Via: SIP/2.0/UDP {via};branch=z9hG4bK{branch};rport",
        "Max-Forwards: 16",
        f"From: <{account.uri}>;tag={call_id[:8]}",
        f"To: <{account.uri}>",
        f"Call-ID: {call_id}",
        f"CSeq: {ask.cseq} REGISTER",
        f"Contact: <{account.contact}>;expires={ask.expires_s}",
        f"Expires: {ask.expires_s}",
        *([ask.authorization] if ask.authorization else []),
        "User-Agent: Voxgate",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def reply_of(data: bytes) -> Reply | None:
    """The final reply in a datagram; None for everything else."""
    head = data.decode("utf-8", "replace").partition("\r\n\r\n")[0]
    first, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    status = re.match(r"SIP/2\.0 ([2-6]\d\d) ?(.*)", first)
    if not status:
        return None
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            headers.append((_COMPACT.get(key, key), value.strip()))
    cseq = re.match(r"(\d{1,10})\s+REGISTER", next((value for key, value in headers if key == "cseq"), ""))
    if not cseq:
        return None
    return Reply(int(status[1]), status[2], int(cseq[1]), tuple(headers))


def granted_s(reply: Reply, contact: str, wanted_s: int) -> int:
    """How long the registrar keeps `contact` (RFC 3261 section 10.2.4)."""
    for value in reply.all("contact"):
        for one in value.split(","):
            found = re.search(r";\s*expires\s*=\s*\"?(\d{1,9})", one)
            if contact.partition(";")[0] in one and found:
                return int(found[1])
    expires = reply.number("expires")
    return wanted_s if expires is None else expires
