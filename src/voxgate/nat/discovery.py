"""NAT behaviour by the tests of RFC 5780: questions out, answers in. Pure.

    talk = discover(server, second)
    ask = next(talk)                    # an `Ask`; send it, wait
    ask = talk.send(answer or None)     # ... until StopIteration, whose value is `Findings`

Mapping (section 4.3) and filtering (4.4) are tried from two sockets: what one has written to, the NAT lets answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from voxgate.wire.stun import Endpoint

if TYPE_CHECKING:
    from collections.abc import Generator


class Mapping(StrEnum):
    """To which outside port packets of one inside port go (RFC 4787 section 4.1)."""

    NONE = "none"
    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    DEPENDENT = "address-dependent or address-and-port-dependent"
    UNKNOWN = "unknown"


class Filtering(StrEnum):
    """Whose packets come in through such a mapping (RFC 4787 section 5)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    UNKNOWN = "unknown"


class Socket(StrEnum):
    """Which of our two sockets a question leaves from."""

    MAPPING = "mapping"
    FILTERING = "filtering"


@dataclass(frozen=True, slots=True)
class Ask:
    """A binding request to `server`, which shall answer from its other address or port where that is set."""

    socket: Socket
    server: Endpoint
    change_address: bool = False
    change_port: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """`mapped`: what the server saw of us; `source`: where the answer came from; `local`: our socket.

    `other` is the server's other address and port, where it has them.
    """

    mapped: Endpoint
    source: Endpoint
    local: Endpoint
    other: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """`answered`: whether the server answered at all; nothing else is known when it did not.

    `complete`: whether the server can do the tests of RFC 5780.
    """

    answered: bool
    mapping: Mapping = Mapping.UNKNOWN
    filtering: Filtering = Filtering.UNKNOWN
    local: Endpoint | None = None
    mapped: Endpoint | None = None
    complete: bool = False


def discover(server: Endpoint, second: Endpoint | None = None) -> Generator[Ask, Answer | None, Findings]:
    """Ask `server`; `second` is another one, for mapping alone, where the first has no second address."""
    first = yield Ask(Socket.MAPPING, server)
    if first is None:
        return Findings(answered=False)
    other = first.other
    if other is not None and (other.address == server.address or other.port == server.port):
        # It says so, but from there it could show nothing.
        other = None
    mapping = yield from _mapping(first, server, other, second)
    filtering = (yield from _filtering(server)) if other else Filtering.UNKNOWN
    return Findings(True, mapping, filtering, first.local, first.mapped, complete=other is not None)


def _mapping(
    first: Answer, server: Endpoint, other: Endpoint | None, second: Endpoint | None
) -> Generator[Ask, Answer | None, Mapping]:
    if first.mapped == first.local:
        return Mapping.NONE
    if other is None:
        return (yield from _of_two_servers(first, second))
    there = yield Ask(Socket.MAPPING, Endpoint(other.address, server.port))
    if there is None:
        return Mapping.UNKNOWN
    if there.mapped == first.mapped:
        return Mapping.ENDPOINT_INDEPENDENT
    third = yield Ask(Socket.MAPPING, other)
    if third is None:
        return Mapping.DEPENDENT
    return Mapping.ADDRESS_DEPENDENT if third.mapped == there.mapped else Mapping.ADDRESS_AND_PORT_DEPENDENT


def _of_two_servers(first: Answer, second: Endpoint | None) -> Generator[Ask, Answer | None, Mapping]:
    there = (yield Ask(Socket.MAPPING, second)) if second else None
    if there is None:
        return Mapping.UNKNOWN
    return Mapping.ENDPOINT_INDEPENDENT if there.mapped == first.mapped else Mapping.DEPENDENT


def _filtering(server: Endpoint) -> Generator[Ask, Answer | None, Filtering]:
    if (yield Ask(Socket.FILTERING, server)) is None:
        return Filtering.UNKNOWN
    stranger = yield Ask(Socket.FILTERING, server, change_address=True, change_port=True)
    if stranger is not None:
        honest = stranger.source.address != server.address
        return Filtering.ENDPOINT_INDEPENDENT if honest else Filtering.UNKNOWN
    neighbour = yield Ask(Socket.FILTERING, server, change_port=True)
    if neighbour is None:
        return Filtering.ADDRESS_AND_PORT_DEPENDENT
    return Filtering.ADDRESS_DEPENDENT if neighbour.source.port != server.port else Filtering.UNKNOWN
