"""SIP URIs and name-addr values, as far as peers route by them (RFC 3261 sections 19.1 and 20.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace


class AddressError(Exception):
    """The peer sent something that is no SIP URI."""


_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@;>?]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^:;>?\s\[\]]+)"
    r"(?::(?P<port>\d{1,5}))?(?P<params>(?:;[^?>\s]*)?)(?:\?.*)?$"
)


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a message goes: transport (udp, tcp, tls), host without brackets, port."""

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP URI; ``params`` are kept as sent, with their leading semicolon."""

    scheme: str
    user: str
    host: str
    port: int | None
    params: str = ""

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port is not None else ""
        return f"{self.scheme}:{user}{self.host}{port}{self.params}"

    def param(self, name: str) -> str | None:
        """Value of a URI parameter, the empty string for a flag, None if absent."""
        return param(self.params, name)

    def hop(self) -> Hop:
        """Next hop by RFC 3263 without DNS: what is not said is UDP and the transport's default port."""
        transport = (self.param("transport") or ("tls" if self.scheme == "sips" else "udp")).lower()
        return Hop(transport, self.host.strip("[]"), self.port or (5061 if transport == "tls" else 5060))

    def bare(self) -> Uri:
        """Without parameters and port: what identifies a user."""
        return replace(self, port=None, params="")


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A From, To, Contact, Route value: URI and header parameters (kept as sent, leading semicolon)."""

    uri: Uri
    params: str = ""

    def __str__(self) -> str:
        return f"<{self.uri}>{self.params}"

    def param(self, name: str) -> str | None:
        """Value of a header parameter, the empty string for a flag, None if absent."""
        return param(self.params, name)


def bracketed(host: str) -> str:
    """An IPv6 address gets the brackets URIs and Via need."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def param(params: str, name: str) -> str | None:
    """Value of one of ``;a=1;b``: the empty string for a flag, None if absent."""
    for item in params.split(";")[1:]:
        key, _, value = item.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return None


def parse_uri(text: str) -> Uri:
    """Raises AddressError."""
    found = _URI.match(text.strip())
    if found is None:
        raise AddressError(f"no SIP URI: {text!r}")
    port = int(found["port"]) if found["port"] else None
    return Uri(found["scheme"].lower(), found["user"] or "", found["host"], port, found["params"])


_QUOTED = re.compile(r'\A\s*"(?:[^"\\]|\\.)*"')


def parse_name_addr(text: str) -> NameAddr:
    """Raises AddressError. Without angle brackets, parameters belong to the header (section 20).

    A name in quotes may hold anything, angle brackets as well.
    """
    before, opened, rest = _QUOTED.sub("", text, count=1).partition("<")
    if opened:
        inner, _, params = rest.partition(">")
        return NameAddr(parse_uri(inner), params.strip())
    bare, semicolon, params = before.partition(";")
    return NameAddr(parse_uri(bare), semicolon + params.strip())
