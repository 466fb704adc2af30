"""Lines of the access log as observations: what the edge or a PBX rejected over HTTP, LDAP or H.323. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.guard.handshakes import fault
from voxgate.guard.observation import Kind, Observation, ServiceType, requester_of

if TYPE_CHECKING:
    from datetime import datetime

    from voxgate.wire.access_line import AccessLine

#: The reason in the line -> what it means. What is not here is nobody's fault.
KINDS: Final = {
    "name": Kind.UNKNOWN_NAME,
    "url": Kind.NOT_ALLOWED,
    "network": Kind.NETWORK_NOT_ALLOWED,
    "malformed": Kind.MALFORMED,
    "handshake": Kind.BAD_TLS,
    "unreachable": Kind.CONNECT_FAILED,
    "pbx": Kind.AUTH_FAILURE,
}
_PROTOCOLS: Final = {
    "http": ServiceType.HTTP,
    "https": ServiceType.HTTP,
}
#: What the router never sees.
_HANDSHAKES: Final = {"ldaps": ServiceType.LDAP, "h323s": ServiceType.H323}


def observation_of(line: AccessLine, at: datetime) -> Observation | None:
    """What was seen; None where nothing is to be counted. Other services report by themselves."""
    requester, kind = requester_of(line.requester), KINDS.get(line.reason)
    if requester is None or kind is None:
        return None
    if kind is not Kind.BAD_TLS:
        protocol, detail = _PROTOCOLS.get(line.protocol), line.request
    elif found := fault(line.request):
        protocol, (kind, detail) = (_PROTOCOLS | _HANDSHAKES).get(line.protocol), found
    else:
        return None
    return Observation(at, requester, protocol, kind, name=line.service, detail=detail) if protocol else None
