"""What a protocol offers to the driver. Pure.

    connection = opener(client)
    for event in whatever happens:
        carry out each of connection.handle(event, rules)

One connection object serves one client from `Opened` to `Close`. It holds what it has not understood yet, bounded by
itself; bytes that it does not command to be sent are gone. It never raises: whatever a stranger sends is answered by
commands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from voxgate.router.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voxgate.router.commands import Command
    from voxgate.router.events import Event
    from voxgate.router.rules import Rules


class Connection(Protocol):
    """One client and, when one was chosen, its server."""

    def handle(self, event: Event, rules: Rules, /) -> Iterable[Command]:
        """What `event` leads to. `rules` are those of this moment."""


Opener = Callable[[Client], Connection]
