"""Whether a BIND is let through, and to whom: one table of what is refused, and with which result. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from voxgate.guard.observation import Kind
from voxgate.router.ldap.messages import Result

if TYPE_CHECKING:
    from voxgate.router.client import Client
    from voxgate.router.ldap.bind_names import BindName
    from voxgate.router.ldap.messages import Bind
    from voxgate.router.rules import Rules, Service

PROTOCOL: Final = "ldap"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the client is told (`result`, `text`), and what the log and the guard are (`kind`, `reason`, `pbx`)."""

    result: Result
    text: str
    reason: str
    kind: Kind | None = Kind.NOT_ALLOWED
    pbx: str = ""


NAME_NEEDED: Final = "bind first, as domain\\user, user@domain or a DN with dc="
NO_SERVICE: Final = "no directory here for this user"

ANONYMOUS: Final = Refusal(Result.INAPPROPRIATE_AUTHENTICATION, NAME_NEEDED, "anonymous")
SASL: Final = Refusal(
    Result.METHOD_NOT_SUPPORTED, "SASL and Kerberos do not pass this edge: use a simple bind over TLS", "sasl"
)
# The same answer to both: it does not tell which names there are.
UNKNOWN: Final = Refusal(Result.INVALID_CREDENTIALS, NO_SERVICE, "name", Kind.UNKNOWN_NAME)
NETWORK: Final = Refusal(Result.INVALID_CREDENTIALS, NO_SERVICE, "network", Kind.NETWORK_NOT_ALLOWED)
NOT_BOUND: Final = Refusal(Result.STRONGER_AUTH_REQUIRED, NAME_NEEDED, "not_bound", None)
TLS_TOO_LATE: Final = Refusal(
    Result.OPERATIONS_ERROR,
    "TLS is there already, or comes too late: StartTLS is the first request of a connection",
    "starttls_too_late",
    None,
)
NOT_REACHED: Final = Refusal(Result.UNAVAILABLE, "the directory cannot be reached", "unreachable", Kind.CONNECT_FAILED)


def admit(bind: Bind, name: BindName, client: Client, rules: Rules) -> Service | Refusal:
    """Where `bind`, whose name is `name`, goes."""
    if bind.mechanism:
        return replace(SASL, reason=f"sasl_{bind.mechanism}")
    if bind.anonymous:
        return ANONYMOUS
    service = rules.find(PROTOCOL, name.domain)
    if service is None:
        return UNKNOWN
    return service if service.allows(client.address) else replace(NETWORK, pbx=service.pbx)
