"""Whether a request is let through, and to which PBX: what is refused, and how, in one table. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.guard.observation import Kind
from voxgate.router.h323 import answers
from voxgate.router.h323.names import called_domain, service_name
from voxgate.router.h323.ras import GATEKEEPER_REASONS, REGISTRATION_REASONS

if TYPE_CHECKING:
    from voxgate.router.client import Client
    from voxgate.router.h323.answers import Refusal
    from voxgate.router.h323.messages import Message, Ras
    from voxgate.router.rules import Rules, Service

PROTOCOL: Final = "h323"
SETUP: Final = "Setup"
_REQUESTS: Final = ("GRQ", "RRQ")

#: Rejects of a PBX that say nothing about who asks: it must come differently, elsewhere or later.
_NO_FAILURE: Final = frozenset(
    (
        *("discoveryRequired", "fullRegistrationRequired", "registerWithAssignedGK", "resourceUnavailable"),
        *("invalidRevision", "transportNotSupported", "transportQOSNotSupported", "neededFeatureNotSupported"),
        *("additiveRegistrationNotSupported", "invalidTerminalType"),
    )
)


@dataclass(frozen=True, slots=True)
class Request:
    """What asks for a PBX. `asked` is the ID or domain as it came, None where it gave none.

    `certified`: whether all names that it wants are the one that the client's certificate vouches for; None where it
    wants none.
    """

    word: str
    asked: str | None
    name: str
    user: str
    certified: bool | None
    keep_alive: bool = False

    @property
    def shown(self) -> str:
        """The name for the log: what it asks for, or what it said."""
        return self.name or self.asked or ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """What the client is told (`answer`), and what the log and the guard are; `pbx` is the one it is not let to."""

    answer: Refusal
    kind: Kind
    reason: str
    pbx: str = ""


NOT_REACHED: Final = Rejected(answers.NO_ANSWER, Kind.CONNECT_FAILED, "connect_failed")
#: The connection goes over TLS by its certificate, and that names somebody else.
NOT_CERTIFIED: Final = Rejected(answers.OTHER_CONNECTION, Kind.NOT_ALLOWED, "certificate")


def requests(message: Message, client: Client, *, registered: bool) -> tuple[Request, ...]:
    """What `message` asks for: nothing as a rule, several things where several RAS messages came in one.

    Calls of whoever is registered are its PBX's business, whomever they call.
    """
    asked = [_request(ras, client) for ras in message.ras if ras.kind in _REQUESTS]
    if message.call is not None and not registered:
        domain = called_domain(message.call.called)
        asked.append(Request(SETUP, domain or None, domain, "", None))
    return tuple(asked)


def _request(ras: Ras, client: Client) -> Request:
    asked = ras.gatekeeper_id
    user = ras.aliases[0].text if ras.aliases else ""
    return Request(
        ras.kind, asked, service_name(asked or ""), user, _certified(ras, client), ras.keep_alive and not ras.aliases
    )


def _certified(ras: Ras, client: Client) -> bool | None:
    if not ras.aliases:
        # A keepalive and a discovery need no name; a registration without one is nobody's.
        return None if ras.keep_alive or ras.kind == "GRQ" else False
    vouched = client.certificate_name
    return bool(client.tls and vouched) and all(alias.text == vouched for alias in ras.aliases)


def admit(request: Request, client: Client, rules: Rules, current: str) -> Service | Rejected | None:
    """Where `request` goes; None: to the PBX `current`, which has the connection already (empty: none has it)."""
    if request.asked is not None:
        service = rules.find(PROTOCOL, request.name)
        if service is None:
            return Rejected(answers.UNKNOWN_NAME, Kind.UNKNOWN_NAME, "name")
    elif current:
        return None
    elif (service := rules.only(PROTOCOL)) is None:
        return Rejected(answers.NO_NAME, Kind.UNKNOWN_NAME, "name")
    if not service.allows(client.address):
        return Rejected(answers.NETWORK_NOT_ALLOWED, Kind.NETWORK_NOT_ALLOWED, "network", service.pbx)
    if current and service.pbx != current:
        return Rejected(answers.OTHER_CONNECTION, Kind.NOT_ALLOWED, "other_pbx", service.pbx)
    return service


def failure(ras: Ras) -> Kind | None:
    """Whether a reject of the PBX is one of the client's credentials; a redirect is none."""
    return None if ras.redirects or ras.reason in _NO_FAILURE else Kind.AUTH_FAILURE


def status(ras: Ras) -> int:
    """The reason's place in H.225.0's own list."""
    reasons = REGISTRATION_REASONS if ras.kind == "RRJ" else GATEKEEPER_REASONS
    return reasons.index(ras.reason) if ras.reason in reasons else 0
