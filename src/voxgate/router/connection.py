"""What a protocol offers to the driver. Pure.

    connection = opener(client)
    for event in whatever happens:
        carry out each of connection.handle(event, rules)

Most bytes of a connection only pass, and for those there is a shorter way:

    if connection.passes_to_client(data):
        send data to the client
    else:
        carry out each of connection.handle(ServerSent(data), rules)

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
        """What `event` leads to. `rules` are those of this moment.

        `Opened` leads to a `Wake`: who connects has to want something some time.
        """

    def passes_to_server(self, data: bytes, rules: Rules, /) -> bool:
        """The client has sent `data`, which goes to the server as it is, and nothing else is to be done.

        False: nothing has been taken notice of, `handle` has yet to be told.
        """

    def passes_to_client(self, data: bytes, /) -> bool:
        """The same for what the server has sent."""


Opener = Callable[[Client], Connection]
