"""What HAProxy and Kamailio must agree on about SIP over WebSocket. Pure.

HAProxy ends TLS and passes the upgrade on to a listener of Kamailio that only this machine can reach. It says who the
client is in headers that it overwrites; Kamailio believes them on that listener alone, and only with the shared
key, so that no other program of this machine can speak for a client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate_sip.policy import WebSocket

if TYPE_CHECKING:
    from voxgate.config.model import Config

#: Kamailio's listener: an address of its own on loopback, so that it alone tells where a message came in.
ADDRESS: Final = "127.88.0.1"
PORT: Final = 2225
#: The path of the upgrade, as SIP clients in browsers are set up with.
PATH: Final = "/ws"
#: Connections at once. Each takes up to 150 KB of Kamailio's shared memory.
MOST: Final = 2000


def served(config: Config) -> bool:
    """Whether browsers are served at all."""
    return bool(config.listen.sip.wss or config.listen.sip.ws)


def websocket_of(config: Config) -> WebSocket | None:
    """What the script must know. A page of a PBX's own name, of the edge's, or of a listed host may connect."""
    if not served(config):
        return None
    names = (name for pbx in config.pbxs.values() for name in pbx.names if "/" not in name)
    origins = frozenset({config.edge.domain, *names, *config.listen.sip.origins})
    return WebSocket(ADDRESS, PORT, frozenset(host.lower() for host in origins))
