"""What happened to a connection, in the past tense. Pure.

`Opened` comes first and once. Nothing comes after `Close` was commanded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from voxgate.router.rules import Target


@dataclass(frozen=True, slots=True)
class Opened:
    """The client is there; it has sent nothing yet."""


# The two that come by the thousand are tuples: they are made three times faster than frozen dataclasses.
class ClientSent(NamedTuple):
    """Bytes from the client, as the socket gave them."""

    data: bytes


class ServerSent(NamedTuple):
    """Bytes from the server, as the socket gave them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Connected:
    """The first of the commanded targets that could be reached; `rest`: those that were not tried."""

    target: Target
    rest: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """No target could be reached."""

    reason: str


@dataclass(frozen=True, slots=True)
class ClientEnded:
    """The client sends no more; it may still read."""


@dataclass(frozen=True, slots=True)
class ServerEnded:
    """The server sends no more, or its connection is gone."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The time that `Wake` gave is over."""


Event = Opened | ClientSent | ServerSent | Connected | ConnectFailed | ClientEnded | ServerEnded | TimedOut
