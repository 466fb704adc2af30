"""Takes what rtpengine tells of RTCP that passes it. Bounded: so many reports a second, the rest goes unread.

Whoever may send from this machine's loopback may say something, as at rtpengine's control port; figures alone change.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Final

from voxgate.engines.rtpengine import REPORTS
from voxgate.errors import HostError, PeerError
from voxgate.wire import hep, rtcp_told

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.host.clock import Clock
    from voxgate.wire.rtcp_told import Told

log = logging.getLogger(__name__)

#: Both parties of 5,000 calls report that often; a report costs 20 us.
MOST_A_SECOND: Final = 2000
_LOOPBACK: Final = "127.0.0.1"


class Overhearing(asyncio.DatagramProtocol):
    """Hands each report to `hears`: the Call-ID, what is told, and when it passed."""

    def __init__(self, hears: Callable[[str, Told, float], None], clock: Clock) -> None:
        self._hears = hears
        self._clock = clock
        self._second, self._came = 0, 0

    async def serve(self) -> None:
        """Until cancelled. Raises HostError where the port is taken."""
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=_receiver())
        try:
            await asyncio.Event().wait()
        finally:
            transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One RTCP packet."""
        second = int(self._clock.monotonic())
        if second != self._second:
            if self._came > MOST_A_SECOND:
                log.info("rtcp_unread count=%d", self._came - MOST_A_SECOND)
            self._second, self._came = second, 0
        self._came += 1
        if self._came > MOST_A_SECOND or addr[0] != _LOOPBACK:
            return
        try:
            packet = hep.decode(data)
        except PeerError:
            return
        told = rtcp_told.read(packet.payload)
        if told is not None:
            self._hears(packet.correlation.decode("utf-8", "replace"), told, packet.epoch_s)


def _receiver() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind(REPORTS)
    except OSError as error:
        sock.close()
        raise HostError(f"UDP port {REPORTS[1]} on {REPORTS[0]} is taken", "stop who has it") from error
    sock.setblocking(False)
    return sock
