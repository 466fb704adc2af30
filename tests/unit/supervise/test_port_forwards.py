"""Port forwards are brought until it works, and again when they are gone; complaints are made once."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.errors import EngineError
from voxgate.supervise.forwards import Forwards, ForwardTable
from voxgate.wire.nft_forwards import Count, Found, PortForward

if TYPE_CHECKING:
    import pytest

IAX = PortForward("hq", "udp", 4569, 4569, (ip_address("192.0.2.1"),), ip_address("192.0.2.9"), 4569)


class Table(ForwardTable):
    """The kernel's, played."""

    def __init__(self) -> None:
        super().__init__(Path("/nonexistent"))
        self.refuses = False
        self.held: tuple[PortForward, ...] | None = None

    def read(self) -> Found | None:
        return None if self.held is None else Found(counts={IAX.key: Count(3, 20, 4000)})

    def bring(self, forwards: tuple[PortForward, ...]) -> None:
        if self.refuses:
            raise EngineError("nftables", "Operation not permitted")
        self.held = forwards


def test_a_refusal_is_tried_again_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def rounds() -> None:
        table = Table()
        kept = Forwards(table)
        kept.follow((IAX,))
        table.refuses = True
        for _ in range(3):
            await kept._round()
        assert kept.panel().flaws == ("port forwards: Operation not permitted",)
        table.refuses = False
        await kept._round()
        assert (table.held, kept.panel().flaws) == ((IAX,), ())
        assert kept.panel().data[0]["connections"] == 3
        table.held = None
        await kept._round()
        assert table.held == (IAX,)

    with caplog.at_level(logging.WARNING):
        asyncio.run(rounds())
    assert caplog.text.count("forwards_not_brought") == 1
    assert caplog.text.count("forwards_gone") == 1
