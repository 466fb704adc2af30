"""Time-limited TURN credentials, as browsers take them. Pure: time and name are arguments.

The form is that of the TURN REST API, which coturn, Janus and others share: the user is `expiry:name`, the password the
HMAC-SHA1 of it by the shared secret, in base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.engines.coturn import roles

if TYPE_CHECKING:
    from voxgate.config.model import Config


@dataclass(frozen=True, slots=True)
class Credentials:
    """`expires_s` is in epoch seconds. `urls` are those of RFC 7065, the quickest way first."""

    username: str
    credential: str
    expires_s: int
    urls: tuple[str, ...]

    def ice_server(self) -> dict[str, object]:
        """What goes into `iceServers` of an RTCPeerConnection."""
        return {"urls": list(self.urls), "username": self.username, "credential": self.credential}


def credentials(config: Config, name: str, now_s: float, seconds: int | None = None) -> Credentials | None:
    """Credentials for `name` from now on; None where the configuration has no shared secret.

    `seconds` is how long they are good, `turn.credential_seconds` when left out.
    """
    if config.turn is None or not config.turn.shared_secret:
        return None
    expires_s = int(now_s) + (config.turn.credential_seconds if seconds is None else seconds)
    username = f"{expires_s}:{name}"
    secret = config.turn.shared_secret[0].reveal()
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return Credentials(username, base64.b64encode(digest).decode(), expires_s, urls(config, "rest"))


def urls(config: Config, kind: str) -> tuple[str, ...]:
    """Where the server with that kind of credentials (accounts, rest) is; nothing where there is none."""
    role = next((one for one in roles(config.turn) if one.credentials == kind), None) if config.turn else None
    if role is None:
        return ()
    host = config.edge.domain
    plain = tuple(f"turn:{host}:{role.port}?transport={transport}" for transport in ("udp", "tcp"))
    return (*plain, f"turns:{host}:{role.tls_port}?transport=tcp") if role.tls_port else plain
