"""What every service's part of haproxy.cfg is made from, and what it is. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from voxgate.engines.base import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.engines.base import File, Places


@dataclass(frozen=True, slots=True)
class Ground:
    """What every fragment is made from. `websocket_key` is what Kamailio knows HAProxy by.

    `clients_ca` and `pbxs_ca` are PEM, empty where nobody is trusted: the authorities of client certificates and of
    the PBXs' own ones. `routers` is how many processes of the router there are, `web_threads` how many threads serve
    what comes over HTTP.
    """

    config: Config
    network: Network
    places: Places
    websocket_key: str = dataclasses.field(repr=False)
    clients_ca: bytes = b""
    pbxs_ca: bytes = b""
    routers: int = 1
    web_threads: int = 1

    @property
    def folder(self) -> Path:
        """HAProxy's own."""
        return self.places.engine("haproxy")

    def listeners(
        self, proto: str, port: int | None, purpose: str, versions: frozenset[int] = frozenset({4, 6})
    ) -> tuple[Listener, ...]:
        """One on each of our addresses of these IP versions; none without a port."""
        addresses = dict.fromkeys(str(side.local) for side in self.network.sides if side.local.version in versions)
        return tuple(Listener(proto, address, port, purpose) for address in addresses) if port else ()


@dataclass(frozen=True, slots=True)
class Fragment:
    """One service's part: sections of haproxy.cfg, listeners, files beside it, and how many connections it may have."""

    text: bytes
    listeners: tuple[Listener, ...]
    files: tuple[File, ...] = ()
    connections: int = 0


class Service(Protocol):
    """One service; None where it has no port."""

    def __call__(self, ground: Ground) -> Fragment | None:
        """Its fragment. Pure: the same ground gives the same bytes."""
        ...


def bind(listener: Listener) -> str:
    """Its address and port as HAProxy writes them."""
    host = f"[{listener.address}]" if ":" in listener.address else listener.address
    return f"{host}:{listener.port}"
