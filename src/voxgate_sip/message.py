"""The current request -> `Request`: the only place that knows which pseudo-variable gives what.

Values come in one call, as lines of one text. A worker sleeps between requests and finds its caches cold when
it wakes, so what a request costs is how much different code and data it touches: one call instead of a dozen is
most of the speed of this package.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from voxgate_sip.route import Request
from voxgate_sip.shunned import SHUNNED

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate_sip.ksr import Ksr

#: Kamailio's word for a value that is not there.
NOTHING: Final = "<null>"
#: Shared variable by which the control plane tells that policy.json is new.
GENERATION: Final = "$shv(generation)"
#: Whether the guard wants bans to be enforced here: see `doorman`.
BANNED: Final = "$shv(banned)"
#: Tells a PBX where a request came from; whoever else writes it lies.
FORWARDED_FOR: Final = "X-Forwarded-For"
#: Who a caller is said to be, by somebody who is trusted (RFC 3325): PBXs and providers.
IDENTITIES: Final = ("P-Asserted-Identity", "Remote-Party-ID")
#: How often those stand in a message that says nothing of people.
NOBODY: Final = "0" * len(IDENTITIES)
#: Before User-Agent, which may be folded over lines; and how much of it is looked at.
_AGENT: Final = "\x1e"
_LONGEST_AGENT: Final = 256
#: Before Contact and Record-Routes of the caller; nothing that is trusted may stand behind it.
_FROM_CALLER: Final = "\x1f"
_CALLER: Final = "$ct\n$(hdr(Record-Route)[*])"
#: What every request is asked for, and what only a request outside of a dialog is; each list is one call.
#: What the sender cannot choose freely stands first.
_CLAIMS: Final = "".join(f"$hdrc({name})" for name in IDENTITIES)
_ALWAYS: Final = (GENERATION, BANNED, "$si", "$pr", "$Ri", "$rm", "$tt", "$ru", _CLAIMS)
_NAMES: Final = (
    SHUNNED,
    "$su",
    "$hdrc(Route) $hdrc(Record-Route)",
    "$rd",
    "$fd",
    "$rU",
    "$fU",
    "$tU",
    "$cl",
    "$bs",
    f"{_AGENT}$ua",
)
_ALWAYS_COUNT: Final = len(_ALWAYS)
_NAMES_COUNT: Final = len(_NAMES)
_ALWAYS_TEMPLATE: Final = "$_s(" + "\n".join(_ALWAYS) + ")"
#: WebSockets have frames.
_STREAMS: Final = frozenset({"tcp", "tls"})
_LENGTH: Final = "$_s($cl)"
#: Hosts that a worker remembers in the form in which they are compared.
_MOST_HOSTS: Final = 1024
#: No certificate was looked at.
_NO_NAMES: Final[frozenset[str]] = frozenset()


def unbracketed(host: str) -> str:
    """`host` without the brackets of an IPv6 literal (RFC 3261 section 25.1, IPv6reference)."""
    return host[1:-1] if host[:1] == "[" else host


def forwarded_for(address: str) -> str:
    """The header line that tells a PBX whose request it gets: a REGISTER, or the first INVITE of a call."""
    return f"{FORWARDED_FOR}: {address}\r\n"


class MalformedError(Exception):
    """A line end inside a URI, bytes that are no UTF-8, less body than Content-Length says: no phone sends that."""


class Reader:
    """Reads the current request. `callers`: whether it is to be read how the edge reaches whoever sent it."""

    __slots__ = ("_bytes_template", "_host", "_names_template", "_text")

    def __init__(self, ksr: Ksr, *, callers: bool = False) -> None:
        #: Templates give texts, whatever a variable may give.
        self._text = cast("Callable[[str], str]", ksr.pv.get)
        names = "\n".join(_NAMES) + _FROM_CALLER + (_CALLER if callers else "")
        self._names_template = f"$_s({names})"
        #: Where what people choose freely is no UTF-8.
        self._bytes_template = self._names_template.replace("$ua", "$(ua{s.encode.hexa})").replace(
            "$ct", "$(ct{s.encode.hexa})"
        )
        self._host = lru_cache(_MOST_HOSTS)(_host)

    def envelope(self) -> list[str]:
        """Generation and `BANNED` in shared memory, source, transport, receiving address, method, To tag, request URI,

        and how often each of `IDENTITIES` stands there.

        Addresses are without brackets; no tag is `NOTHING`. Raises MalformedError.
        """
        try:
            values = self._text(_ALWAYS_TEMPLATE).split("\n")
        except UnicodeDecodeError as error:
            raise MalformedError from error
        if len(values) != _ALWAYS_COUNT:
            raise MalformedError
        return values

    def require_length(self, proto: str) -> None:
        """Raises MalformedError where nothing tells how long the current request in a stream is.

        The engine takes it so, for the sake of HTTP, but the next request could not be found then (RFC 3261 section
        18.3).
        """
        if proto in _STREAMS and not self._text(_LENGTH).isdecimal():
            raise MalformedError

    def request(self, method: str, source: str, proto: str, received_on: str) -> Request:
        """All that decides about a request outside of a dialog. Raises MalformedError."""
        values = self._names()
        if len(values) != _NAMES_COUNT or values[-1][:1] != _AGENT:
            raise MalformedError
        shunned, flow, routes, ruri_host, from_host, ruri_user, from_user, to_user, length, body, rest = values
        # More octets than it says are dropped by whoever reads the body (RFC 3261 section 18.3).
        if length != body and length.isdecimal() and body.isdecimal() and int(length) > int(body):
            raise MalformedError
        # From last: a header may hold any character.
        agent, _, caller = rest.rpartition(_FROM_CALLER)
        return tuple.__new__(
            Request,
            (
                method,
                source,
                proto,
                received_on,
                self._host(ruri_host),
                "" if ruri_user == NOTHING else ruri_user,
                self._host(from_host),
                to_user if method == "REGISTER" else from_user,
                routes,
                "" if to_user == NOTHING else to_user,
                _NO_NAMES,
                agent[1:_LONGEST_AGENT],
                None,
                shunned != "0",
                f"{flow}\n{caller}" if caller else "",
                body,
            ),
        )

    def _names(self) -> list[str]:
        try:
            return self._text(self._names_template).split("\n", _NAMES_COUNT - 1)
        except UnicodeDecodeError:
            pass
        try:
            *values, rest = self._text(self._bytes_template).split("\n", _NAMES_COUNT - 1)
            agent, mark, caller = rest[1:].partition(_FROM_CALLER)
            contact, line, routes = caller.partition("\n")
            return [*values, f"{_AGENT}{_decoded(agent)}{mark}{_decoded(contact)}{line}{routes}"]
        except ValueError as error:
            raise MalformedError from error


def _decoded(hexadecimal: str) -> str:
    return bytes.fromhex(hexadecimal).decode("latin-1") if hexadecimal != NOTHING else NOTHING


def _host(text: str) -> str:
    """A host as it is compared."""
    return "" if text == NOTHING else unbracketed(text).lower()
