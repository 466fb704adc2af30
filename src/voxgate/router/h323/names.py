"""Who is asked for: the service name in a gatekeeper ID, or in the called party of a Setup. Pure.

A gatekeeper ID is `[physical-location@]domain[/registration-location[:standby-location]]`. The physical location is the
PBX's business. The endpoint itself asks the primary gatekeeper with the one and the standby gatekeeper with the other
location; whoever sends both asks for the first. What holds anything else has no name here: it is refused, not mended.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxgate.router.h323.messages import Alias

#: As `pbxs.*.names` allows them.
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")
_LOCATION: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LONGEST_DOMAIN: Final = 253
_SCHEMES: Final = ("h323:", "sip:", "sips:")
_WITH_DOMAIN: Final = ("url-ID", "email-ID", "h323-ID")


def service_name(gatekeeper_id: str) -> str:
    """`domain` or `domain/location` in lower case; empty when it is no gatekeeper ID."""
    head, _, tail = gatekeeper_id.partition("/")
    name = _domain(head.rpartition("@")[2])
    if not name or not tail:
        return name
    places = tail.lower().split(":")
    if len(places) > 2 or not all(_LOCATION.fullmatch(place) for place in places if place):
        return ""
    return f"{name}/{places[0]}" if places[0] else name


def called_domain(called: Iterable[Alias]) -> str:
    """The domain of the first called `user@domain`, in lower case; empty when none has one."""
    for alias in called:
        if alias.kind in _WITH_DOMAIN and (name := _domain(_host(alias.text))):
            return name
    return ""


def _host(address: str) -> str:
    """What comes after the user, without port and parameters."""
    for scheme in _SCHEMES:
        if address[: len(scheme)].lower() == scheme:
            address = address[len(scheme) :]
            break
    _, at, host = re.split("[;?]", address, maxsplit=1)[0].rpartition("@")
    return unquote(host).partition(":")[0] if at else ""


def _domain(text: str) -> str:
    """A host name in lower case and ASCII form, without its final dot; empty when it is none."""
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    name = text.lower().removesuffix(".")
    return name if len(name) <= _LONGEST_DOMAIN and _DOMAIN.fullmatch(name) else ""
