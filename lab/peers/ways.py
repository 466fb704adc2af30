"""The PBX's ways out and in: its listening sockets, the connections made to it and by it."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.peers import flows
from lab.peers.address import Hop, bracketed
from lab.peers.endpoint import Endpoint

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable

    from lab.peers.flows import Flow, Maker
    from lab.peers.message import Request, Response
    from lab.peers.transactions import Incoming

STREAMS = ("tcp", "tls")


@dataclass(slots=True)
class Ways:
    """Flows of a program that listens. ``deaf``: everything that comes is dropped, as a hung PBX does.

    ``server`` and ``client`` are the TLS contexts for connections to us and by us.
    """

    handle: Callable[[Incoming], None]
    journal: Callable[..., None]
    make: Maker = socket.socket
    server: ssl.SSLContext | None = None
    client: ssl.SSLContext | None = None
    deaf: bool = False
    listening: list[Hop] = field(default_factory=list)
    _flows: list[Flow] = field(default_factory=list)
    _servers: list[asyncio.Server] = field(default_factory=list)
    _endpoint: Endpoint | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The transactions over these flows; made at first use."""
        if self._endpoint is None:
            self._endpoint = Endpoint(self.route, self.handle, self._watch, self._garbage, self._closed)
        return self._endpoint

    async def listen(self, hop: Hop) -> None:
        """Open one listening socket. Raises OSError."""
        self.listening.append(hop)
        if hop.transport == "udp":
            self._flows.append(await flows.open_udp(self.make, hop, self.endpoint))
        else:
            self._servers.append(await flows.listen(self.make, hop, self.endpoint, self.server))

    def close(self) -> None:
        """Close all of them."""
        for flow in tuple(self._flows):
            flow.close()
        for server in self._servers:
            server.close()

    async def route(self, hop: Hop) -> Flow:
        """The flow to a next hop: the UDP socket of that family, the open connection, or a new one. Raises OSError."""
        kind = flows.family(hop.host)
        for flow in self._flows:
            if hop.transport == "udp" and flow.peer is None and flows.family(flow.local.host) == kind:
                return flow
            if flow.peer == hop:
                return flow
        if hop.transport not in STREAMS:
            raise ConnectionError(f"no way to {hop}")
        flow = await flows.connect(self.make, self.own(hop).host, hop, self.endpoint, context=self.client)
        self._flows.append(flow)
        return flow

    def own(self, hop: Hop) -> Hop:
        """Our listening address for a peer: same transport and family, or at least same family.

        Raises ConnectionError when we have no address of that family.
        """
        same = [ours for ours in self.listening if flows.family(ours.host) == flows.family(hop.host)]
        for ours in same:
            if ours.transport == hop.transport:
                return ours
        if not same:
            raise ConnectionError(f"no way to {hop}")
        return same[0]

    def contact(self, hop: Hop) -> str:
        """The Contact value to show that peer. Raises ConnectionError."""
        ours = self.own(hop)
        return f"<sip:pbx@{bracketed(ours.host)}:{ours.port};transport={ours.transport}>"

    def _watch(self, message: Request | Response, flow: Flow, source: Hop) -> bool:
        if flow.peer is not None and flow not in self._flows:
            self._flows.append(flow)
        return not self.deaf

    def _garbage(self, reason: str) -> None:
        self.journal("garbage", reason=reason)

    def _closed(self, flow: Flow) -> None:
        if flow in self._flows:
            self._flows.remove(flow)
