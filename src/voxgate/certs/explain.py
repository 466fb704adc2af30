"""What went wrong with an order, in words for people. Pure."""

from __future__ import annotations

import re
from typing import Final

from voxgate.errors import VoxgateError

_LONGEST: Final = 300
_NOT_TEXT: Final = re.compile(r"[^\x20-\x7e]+")


class Failure(VoxgateError):  # noqa: N818  an order failed, no program did
    """An order that was not signed: what the authority or the network says, what to do, how long to wait at least."""

    def __init__(self, words: str, advice: str, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{words}: {advice}")
        self.retry_after_s = retry_after_s


#: The authority's problem types (RFC 8555 section 6.7) -> what to do.
ADVICE: Final = {
    "connection": "the authority could not reach port 80 of this name: open and forward TCP port 80 to the edge, "
    "on IPv6 too where the name has an AAAA record, or prove the names by acme.dns",
    "dns": "look the name up from outside: its A and AAAA records, or the TXT record that was set, are not there",
    "unauthorized": "something else than this edge answers for the name: check where its A and AAAA records lead, "
    "and what holds port 80 there",
    "incorrectResponse": "something else than this edge answers for the name: check where its records lead",
    "caa": "a CAA record of the domain allows other authorities only: add this one",
    "rateLimited": "the authority's limit is reached; it is tried again by itself when the authority allows it",
    "rejectedIdentifier": "the authority does not sign this name: take it out of the names",
    "unsupportedIdentifier": "the authority does not sign this name: take it out of the names",
    "externalAccountRequired": "the authority wants an account first: set acme.account",
    "invalidContact": "the authority does not take acme.email: correct it",
    "unsupportedContact": "the authority does not take acme.email: correct it",
    "userActionRequired": "the authority wants something of you: open the address that it names",
    "badNonce": "the authority forgot our conversation; it is tried again by itself",
    "serverInternal": "the authority has a fault; it is tried again by itself",
    "tls": "the name answers with TLS that the authority does not take",
}
_OTHER: Final = "it is tried again by itself; if it stays so, ask the authority"


def problem(code: str, detail: str, retry_after_s: float = 0.0) -> Failure:
    """A problem document of the authority. `code` without its URN."""
    return Failure(clean(detail) or f"the authority says {clean(code)}", ADVICE.get(code, _OTHER), retry_after_s)


def unreachable(directory: str, why: str) -> Failure:
    """The authority does not answer, or not as one."""
    advice = "check acme.directory, and that this machine reaches it over HTTPS; it is tried again by itself"
    return Failure(f"{directory} does not answer: {clean(why)}", advice)


def clean(text: str) -> str:
    """The other end's words, fit for a log line and a terminal."""
    return _NOT_TEXT.sub(" ", text).strip()[:_LONGEST]
