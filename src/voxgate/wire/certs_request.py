"""What the certificates are asked over the control socket, as one value.

{"verb": "certs", "action": "list" | "renew" | "verify", "name": NAME or null}
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from voxgate.errors import PeerError

VERB: Final = "certs"


class CertsAction(StrEnum):
    """What is asked of the certificates."""

    LIST = "list"
    RENEW = "renew"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class CertsRequest:
    """How the certificates are; or renew one (None: all) now; or ask every listener what it shows."""

    action: CertsAction = CertsAction.LIST
    name: str | None = None


def certs_request(fields: dict[str, Any]) -> CertsRequest:
    """The request in the fields of a line. Raises PeerError."""
    match fields:
        case {"action": str(action), "name": str() | None as name, **rest} if not rest and action in set(CertsAction):
            return CertsRequest(CertsAction(action), name)
    raise PeerError("not a request about certificates")
