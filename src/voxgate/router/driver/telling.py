"""Reports to the control plane: lines over a unix stream, bounded, lost while nobody listens."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.router.reporting import Report

log = logging.getLogger(__name__)

#: Some 4,000 reports: the control plane may be busy for a moment.
MOST_BYTES: Final = 1 << 20
AGAIN_S: Final = 0.5


class Teller(asyncio.Protocol):
    """Tells reports; `serve` keeps the connection up."""

    def __init__(self, path: Path) -> None:
        self.lost = 0
        self._path = path
        self._transport: asyncio.WriteTransport | None = None
        self._gone = asyncio.Event()

    def tell(self, report: Report) -> None:
        """Tell it, or count it as lost. Never blocks and never raises."""
        transport = self._transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size() > MOST_BYTES:
            self.lost += 1
            return
        transport.write(report.render())

    async def serve(self) -> None:
        """Connect, and connect again whenever the control plane was gone."""
        loop = asyncio.get_running_loop()
        while True:
            self._gone.clear()
            try:
                await loop.create_unix_connection(lambda: self, str(self._path))
                await self._gone.wait()
            except OSError as error:
                log.debug("no_listener reason=%s", error)
            await asyncio.sleep(AGAIN_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody listens."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody listens."""
        del exc
        self._transport = None
        self._gone.set()
