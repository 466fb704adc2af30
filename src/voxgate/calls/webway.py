"""The way to a browser for requests that the edge makes itself: over the one WebSocket that its address has now.

The script keeps this in a table of Kamailio's (`voxgate_sip.browsers`); Kamailio itself knows the connection by the
address of HAProxy's end of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from voxgate.engines.websocket import ADDRESS, PORT
from voxgate.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Kamailio's word for a socket that it is to find itself.
ANY_SOCKET: Final = "."
_WEB_FLOW: Final = re.compile(r"sips?:(?P<client>[^;]+);transport=wss?\b", re.IGNORECASE)


class Rpc(Protocol):
    """Kamailio's JSON-RPC. Raises EngineError or PeerError."""

    async def call(self, method: str, *params: str | int) -> object:
        """The result of one call."""


async def way(rpc: Rpc, flow: str, value_of: Callable[[object], str]) -> tuple[str, str]:
    """Next hop and socket for the party with that flow. Raises EngineError when it is a browser that is gone."""
    found = _WEB_FLOW.match(flow)
    if found is None:
        return flow, ANY_SOCKET
    try:
        known = value_of(await rpc.call("htable.get", "ws_connection", found["client"]))
    except EngineError as error:
        raise EngineError("kamailio", f"the browser at {found['client']} is gone") from error
    return f"sip:{known.partition('|')[2]};transport=ws", f"tcp:{ADDRESS}:{PORT}"
