"""The current request -> `Request`: the only place that knows which pseudo-variable gives what.

Values come in one call, as lines of one text. A worker sleeps between requests and finds its caches cold when
it wakes, so what a request costs is how much different code and data it touches: one call instead of a dozen is
most of the speed of this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip.route import Request

if TYPE_CHECKING:
    from voxgate_sip.ksr import Ksr

#: Kamailio's word for a value that is not there.
NOTHING: Final = "<null>"
#: Shared variable by which the control plane tells that policy.json is new.
GENERATION: Final = "$shv(voxgate_generation)"
#: Whether the guard wants bans to be enforced here: see `doorman`.
BANNED: Final = "$shv(voxgate_banned)"
#: Tells a PBX where a request came from; whoever else writes it lies.
FORWARDED_FOR: Final = "X-Forwarded-For"
#: Who a caller is said to be, by somebody who is trusted (RFC 3325): PBXs and providers.
IDENTITIES: Final = ("P-Asserted-Identity", "Remote-Party-ID")
#: How often those stand in a message that says nothing of people.
NOBODY: Final = "0" * len(IDENTITIES)
#: How often the headers above stand in a request: no claim at all.
NO_CLAIMS: Final = "000"
#: Before User-Agent, which stands last because it may be folded over lines; and how much of it is looked at.
_AGENT: Final = "\x1e"
_LONGEST_AGENT: Final = 256
#: What every request is asked for, and what only a request outside of a dialog is; each list is one call.
#: What the sender cannot choose freely stands first.
_CLAIMS: Final = "".join(f"$hdrc({name})" for name in (FORWARDED_FOR, *IDENTITIES))
_ALWAYS: Final = (GENERATION, BANNED, "$si", "$pr", "$Ri", "$rm", "$tt", "$ru", _CLAIMS)
_NAMES: Final = ("$hdrc(Route)", "$rd", "$fd", "$rU", "$fU", "$tU", "$cl", "$bs", f"{_AGENT}$ua")
_ALWAYS_TEMPLATE: Final = "$_s(" + "\n".join(_ALWAYS) + ")"
_NAMES_TEMPLATE: Final = "$_s(" + "\n".join(_NAMES) + ")"
#: Where User-Agent is no UTF-8.
_HEXADECIMAL_TEMPLATE: Final = _NAMES_TEMPLATE.replace("$ua", "$(ua{s.encode.hexa})")


def unbracketed(host: str) -> str:
    """`host` without the brackets of an IPv6 literal (RFC 3261 section 25.1, IPv6reference)."""
    return host[1:-1] if host[:1] == "[" else host


def forwarded_for(address: str) -> str:
    """The header line that tells a PBX whose request it gets: a REGISTER, or the first INVITE of a call."""
    return f"{FORWARDED_FOR}: {address}\r\n"


class MalformedError(Exception):
    """A line end inside a URI, bytes that are no UTF-8, less body than Content-Length says: no phone sends that."""


class Reader:
    """Reads the current request."""

    __slots__ = ("_pv_get",)

    def __init__(self, ksr: Ksr) -> None:
        self._pv_get = ksr.pv.get

    def envelope(self) -> list[str]:
        """Generation and `BANNED` in shared memory, source, transport, receiving address, method, To tag, request URI,

        and how often `FORWARDED_FOR` and each of `IDENTITIES` stand there. Raises MalformedError.

        Addresses are without brackets; no tag is `NOTHING`. Raises MalformedError.
        """
        try:
            values = str(self._pv_get(_ALWAYS_TEMPLATE)).split("\n")
        except UnicodeDecodeError as error:
            raise MalformedError from error
        if len(values) != len(_ALWAYS):
            raise MalformedError
        return values

    def request(self, method: str, source: str, proto: str, received_on: str) -> Request:
        """All that decides about a request outside of a dialog. Raises MalformedError."""
        values = self._names()
        if len(values) != len(_NAMES) or values[-1][:1] != _AGENT:
            raise MalformedError
        routes, ruri_host, from_host, ruri_user, from_user, to_user, length, body, agent = values
        # More octets than it says are dropped by whoever reads the body (RFC 3261 section 18.3).
        if length.isdecimal() and body.isdecimal() and int(length) > int(body):
            raise MalformedError
        return Request(
            method,
            source,
            proto,
            received_on,
            "" if ruri_host == NOTHING else unbracketed(ruri_host).lower(),
            "" if ruri_user == NOTHING else ruri_user,
            unbracketed(from_host).lower(),
            to_user if method == "REGISTER" else from_user,
            routes != "0",
            to_user="" if to_user == NOTHING else to_user,
            agent=agent[1:_LONGEST_AGENT],
        )

    def _names(self) -> list[str]:
        last = len(_NAMES) - 1
        try:
            return str(self._pv_get(_NAMES_TEMPLATE)).split("\n", last)
        except UnicodeDecodeError:
            pass
        try:
            *values, agent = str(self._pv_get(_HEXADECIMAL_TEMPLATE)).split("\n")
            return [*values, _AGENT + bytes.fromhex(agent[1:]).decode("latin-1")]
        except ValueError as error:
            raise MalformedError from error
