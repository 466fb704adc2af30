"""What is to be done with a connection, in the imperative. Pure.

Commands are carried out in their order. Whoever reads too slowly is not read from: the driver holds the faster side
back, a connection need not count bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from voxgate.guard.observation import Kind
    from voxgate.router.rules import Target


class SendToClient(NamedTuple):
    """Send bytes to the client."""

    data: bytes


class SendToServer(NamedTuple):
    """Send bytes to the server; only after `Connected`. `last`: `Close` is commanded next."""

    data: bytes
    last: bool = False


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect to the first of `targets` that can be reached; a former server is left.

    `Connected` or `ConnectFailed` follows. Until then nothing is read from the client.
    """

    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """Close the server's connection; the client's stays."""


@dataclass(frozen=True, slots=True)
class StartTls:
    """Give the client to HAProxy, which ends TLS, after it was sent `answer`; it comes back as another connection.

    `ConnectFailed` follows where HAProxy does not take it; nothing was sent then.
    """

    answer: bytes


@dataclass(frozen=True, slots=True)
class Splice:
    """From now on only relay, both ways and both ends; this connection hears no more of it."""


@dataclass(frozen=True, slots=True)
class EndServer:
    """Tell the server that nothing more is sent; it may still answer."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close both sides when what was sent has left."""


@dataclass(frozen=True, slots=True)
class Wake:
    """`TimedOut` after so many seconds, in place of any earlier wish; None: never."""

    after_s: float | None


@dataclass(frozen=True, slots=True)
class Forward:
    """What follows is the request of `user` for `name`, and goes to the connected PBX.

    When it ends, it gives a line in the access log: with the next `Forward`, when the server is left, or at the end.
    """

    name: str
    user: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """A request was refused, by us or by the PBX: a line in the access log, and an observation for the guard.

    `status` is the protocol's own number for it, `reason` one word. `pbx` is empty where none was found, `node`
    where none was asked. `kind` None: nothing suspicious.
    """

    kind: Kind | None
    reason: str
    status: int = 0
    name: str = ""
    user: str = ""
    pbx: str = ""
    node: str = ""
    request: str = ""


Relayed = SendToClient | SendToServer
Steering = Connect | Leave | StartTls | Splice | EndServer | Close | Wake | Forward | Refuse
Command = Relayed | Steering
