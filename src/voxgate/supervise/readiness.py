"""Asks an engine whether it serves: an answer of its control protocol, not merely a process that lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from voxgate.errors import EngineError, PeerError

if TYPE_CHECKING:
    from voxgate.wire.jsonrpc import JsonRpcClient
    from voxgate.wire.ng import NgClient


class Probe(Protocol):
    """One question; it returns when the engine serves. Raises PeerError when it does not."""

    async def __call__(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KamailioProbe:
    """Kamailio forks the process that answers RPC after all sockets are bound, so its answer means it listens."""

    client: JsonRpcClient

    async def __call__(self) -> None:
        try:
            await self.client.call("core.uptime")
        except EngineError as error:
            raise PeerError(str(error)) from error


@dataclass(frozen=True, slots=True)
class RtpengineProbe:
    """rtpengine answers a ping."""

    client: NgClient

    async def __call__(self) -> None:
        try:
            await self.client.ping()
        except EngineError as error:
            raise PeerError(str(error)) from error
