"""What all connections of one router process share: the rules of this moment, the ways to PBXs, where to report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.router.driver.reaching import TlsWays, Ways
from voxgate.router.health import Health
from voxgate.router.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.router.driver.client_side import ClientSide
    from voxgate.router.driver.poll import Poll
    from voxgate.router.reporting import Report


class Surroundings:
    """See above. `rules` is replaced whole."""

    def __init__(self, poll: Poll, tls: TlsWays, report: Callable[[Report], None]) -> None:
        self.rules = Rules()
        self.connections: set[ClientSide] = set()
        self.report = report
        self.poll = poll
        self.health = Health()
        self.ways = Ways(poll, tls, self.health)

    def end(self) -> None:
        """Close all connections."""
        for connection in tuple(self.connections):
            connection.close()
