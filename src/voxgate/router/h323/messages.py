"""H.225.0 messages as values: what the routing has to know of one, and nothing else. Pure.

RAS comes in the tunnel of H.460.17: generic data of feature 17 with one parameter 1 for each RAS message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from voxgate.router.h323 import q931
from voxgate.router.h323.ras import RAS_MESSAGE
from voxgate.router.h323.reader import MalformedError, Reader
from voxgate.router.h323.signalling import user_information

if TYPE_CHECKING:
    from collections.abc import Iterator

_TUNNEL: Final = ("standard", 17)
_RAS: Final = ("standard", 1)
_FACILITY: Final = bytes((q931.FACILITY,))
#: An extension of RasMessage (RIP, RAI, SCI ...): passed on, nothing to decide.
OTHER: Final = "other"


# Tuples: they are made three times faster than frozen dataclasses.
class Alias(NamedTuple):
    """One name of an endpoint. `kind` as in the standard: h323-ID, dialledDigits, url-ID, email-ID; else no text."""

    kind: str
    text: str


class Ras(NamedTuple):
    """One RAS message. `reason` and `redirects` belong to rejects: redirects names another gatekeeper."""

    kind: str
    number: int = 0
    gatekeeper_id: str | None = None
    aliases: tuple[Alias, ...] = ()
    keep_alive: bool = False
    reason: str = ""
    redirects: bool = False


class Call(NamedTuple):
    """A Setup: whom it calls, and the call's own identifier, empty when it has none (version 1)."""

    called: tuple[Alias, ...]
    identifier: bytes


class Message(NamedTuple):
    """One message of the connection; `kind` is its Q.931 type, None an empty TPKT."""

    kind: int | None
    call_reference: bytes = b""
    body: str = ""
    ras: tuple[Ras, ...] = ()
    call: Call | None = None


KEEPALIVE: Final = Message(None)


def read(payload: bytes) -> Message:
    """The message in a TPKT's payload. Raises MalformedError."""
    if not payload:
        return KEEPALIVE
    outer = q931.parse(payload)
    if outer.user_user is None:
        return Message(outer.kind, outer.call_reference)
    reader = Reader(outer.user_user)
    unit = user_information(reader)
    body, content = unit["h323-message-body"]
    ras = tuple(_ras(octets, reader) for octets in _tunnelled(unit.get("genericData", [])))
    call = _call(content) if body == "setup" else None
    return Message(outer.kind, outer.call_reference, body, ras, call)


def rejects(payload: bytes) -> tuple[Ras, ...]:
    """The rejects of a GRQ or RRQ in a PBX's message; nothing in one that cannot be read: that is the phone's business.

    Most messages of a PBX are none, and are told by their third octet or so.
    """
    if len(payload) < 5 or payload[2 + payload[1] : 3 + payload[1]] != _FACILITY:
        return ()
    try:
        return tuple(ras for ras in read(payload).ras if ras.kind in {"GRJ", "RRJ"})
    except MalformedError:
        return ()


def _tunnelled(data: Any) -> Iterator[bytes]:
    for feature in data:
        if feature["id"] == _TUNNEL:
            for parameter in feature.get("parameters", ()):
                if parameter["id"] == _RAS and parameter.get("content", ("",))[0] == "raw":
                    yield parameter["content"][1]


def _ras(octets: bytes, outer: Reader) -> Ras:
    kind, content = RAS_MESSAGE(outer.inner(octets))
    if not content:
        return Ras(kind or OTHER)
    return Ras(
        kind,
        content["requestSeqNum"],
        content.get("gatekeeperIdentifier"),
        _aliases(content.get("terminalAlias") or content.get("endpointAlias") or []),
        content.get("keepAlive", False),
        content.get("rejectReason", ("",))[0],
        content.get("altGKInfo", False),
    )


def _aliases(values: list[tuple[str, str | None]]) -> tuple[Alias, ...]:
    return tuple(Alias(kind, text or "") for kind, text in values)


def _call(content: Any) -> Call:
    identifier = content.get("callIdentifier", {}).get("guid", b"")
    return Call(_aliases(content.get("destinationAddress", [])), identifier)
