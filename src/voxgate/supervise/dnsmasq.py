"""How the running dnsmasq is asked: by a question for a name."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from voxgate.errors import PeerError

if TYPE_CHECKING:
    from voxgate.engines.base import Action, EngineState

#: RFC 1035 section 4.1: recursion desired, one question; CHAOS TXT version.bind, which every dnsmasq answers by itself.
_HEAD: Final = bytes((1, 0, 0, 1, 0, 0, 0, 0, 0, 0))
_QUESTION: Final = b"\x07version\x04bind\x00\x00\x10\x00\x03"
_ANSWER_S: Final = 1.0


class DnsControl:
    """Implements `hands.Control` and `readiness.Probe`: everything is in its file, and a new one is a restart."""

    def __init__(self) -> None:
        self._where = ("127.0.0.1", 53)

    async def prepare(self, state: EngineState) -> None:
        """Remember where it will answer."""
        first = state.listeners[0]
        self._where = (first.address, first.port)

    async def reload(self, action: Action, generation: int) -> None:
        """Never asked for."""
        raise AssertionError(f"dnsmasq has no file for {action} of generation {generation}")

    async def generation(self) -> int | None:
        """It cannot tell, but it answers."""
        await self()
        return None

    async def __call__(self) -> None:
        """Ask once. Raises PeerError."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        token = os.urandom(2)

        class _Question(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                del addr
                if data[:2] == token and len(data) > 2 and data[2] & 0x80 and not answered.done():
                    answered.set_result(None)

        try:
            transport, _ = await loop.create_datagram_endpoint(_Question, remote_addr=self._where)
        except OSError as error:
            raise PeerError(f"dnsmasq cannot be asked: {error.strerror}") from error
        try:
            transport.sendto(token + _HEAD + _QUESTION)
            async with asyncio.timeout(_ANSWER_S):
                await answered
        except TimeoutError as error:
            raise PeerError("dnsmasq does not answer") from error
        finally:
            transport.close()
