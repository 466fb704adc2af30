"""Dialogs and their route sets, by the letter of RFC 3261 section 12. Pure: every step gives a new value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.peers.address import Hop, NameAddr, parse_name_addr, parse_uri
from lab.peers.message import Headers, MessageError, Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Dialog:
    """One side's view of a dialog.

    ``local`` and ``remote`` are URIs without tags, ``target`` the peer's Contact URI, ``routes`` name-addr values in
    the order to be sent, ``cseq`` the number of our last request.
    """

    call_id: str
    local: str
    local_tag: str
    remote: str
    remote_tag: str
    target: str
    routes: tuple[str, ...]
    cseq: int

    def next(self) -> Dialog:
        """After one more request of ours."""
        return replace(self, cseq=self.cseq + 1)

    def retargeted(self, message: Request | Response) -> Dialog:
        """After a target refresh: a re-INVITE, or a 2xx to one, with a Contact (section 12.2)."""
        contact = message.get("Contact")
        return replace(self, target=str(parse_name_addr(contact).uri)) if contact else self


def accepted(invite: Request, local_tag: str, first_cseq: int) -> Dialog:
    """The dialog of the side that was called (section 12.1.1). Raises MessageError, AddressError."""
    caller, called = parse_name_addr(invite.get("From")), parse_name_addr(invite.get("To"))
    return Dialog(
        invite.call_id,
        str(called.uri),
        local_tag,
        str(caller.uri),
        caller.param("tag") or "",
        str(parse_name_addr(_contact(invite)).uri),
        invite.all("Record-Route"),
        first_cseq,
    )


def established(invite: Request, ok: Response) -> Dialog:
    """The dialog of the side that called (section 12.1.2). Raises MessageError, AddressError."""
    caller, called = parse_name_addr(ok.get("From")), parse_name_addr(ok.get("To"))
    return Dialog(
        ok.call_id,
        str(caller.uri),
        caller.param("tag") or "",
        str(called.uri),
        called.param("tag") or "",
        str(parse_name_addr(_contact(ok)).uri),
        tuple(reversed(ok.all("Record-Route"))),
        invite.cseq,
    )


def request(dialog: Dialog, method: str, cseq: int, *headers: tuple[str, str], body: bytes = b"") -> Request:
    """A request inside the dialog, complete but for Via (section 12.2.1.1, strict routers included)."""
    uri, routes = dialog.target, list(dialog.routes)
    if routes and parse_name_addr(routes[0]).uri.param("lr") is None:
        uri, routes = str(parse_name_addr(routes[0]).uri), [*routes[1:], f"<{dialog.target}>"]
    remote_tag = f";tag={dialog.remote_tag}" if dialog.remote_tag else ""
    identity = (
        ("From", f"<{dialog.local}>;tag={dialog.local_tag}"),
        ("To", f"<{dialog.remote}>{remote_tag}"),
        ("Call-ID", dialog.call_id),
        ("CSeq", f"{cseq} {method}"),
    )
    return Request(_head(routes, identity, headers), body, method=method, uri=uri)


def opening(
    method: str,
    uri: str,
    sender: NameAddr,
    receiver: str,
    sequence: tuple[str, int],
    *headers: tuple[str, str],
    routes: Iterable[str] = (),
    body: bytes = b"",
) -> Request:
    """A request outside any dialog, complete but for Via; ``sender`` carries its tag, ``receiver`` is a URI.

    ``sequence`` is Call-ID and CSeq number."""
    identity = (
        ("From", str(sender)),
        ("To", f"<{receiver}>"),
        ("Call-ID", sequence[0]),
        ("CSeq", f"{sequence[1]} {method}"),
    )
    return Request(_head(routes, identity, headers), body, method=method, uri=uri)


def next_hop(message: Request) -> Hop:
    """Where the message itself says it goes: its first Route if that is a loose router, else the request URI.

    Raises AddressError.
    """
    route = message.get("Route")
    if route and parse_name_addr(route).uri.param("lr") is not None:
        return parse_name_addr(route).uri.hop()
    return parse_uri(message.uri).hop()


def _head(routes: Iterable[str], identity: Headers, headers: Headers) -> Headers:
    return (("Max-Forwards", "70"), *(("Route", route) for route in routes), *identity, *headers)


def _contact(message: Request | Response) -> str:
    contact = message.get("Contact")
    if not contact:
        raise MessageError("an INVITE or its 2xx without Contact")
    return contact
