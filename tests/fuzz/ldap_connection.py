"""A fuzz target over PROXY v2 and one LDAP connection, with libFuzzer's options.

    python -m tests.fuzz.ldap_connection NEW-FINDS tests/fuzz/corpus/ldap -max_total_time=60

The input is what HAProxy and its client send; behind `TURN`, it is the server that speaks. It is told whole, byte by
byte and in pieces of a size that the last byte chooses: what is passed on must be the same.
tests/fuzz/corpus/ldap holds what earlier runs found worth keeping.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import atheris

with atheris.instrument_imports(include=["voxgate.router", "voxgate.wire"]):
    from tests.unit.router.ldap.talk import RULES
    from voxgate.errors import PeerError
    from voxgate.router import commands, events
    from voxgate.router.client import Client, client_of
    from voxgate.router.ldap.connection import LdapConnection
    from voxgate.wire.proxy_v2 import parse

if TYPE_CHECKING:
    from voxgate.router.events import Event

TURN = b"\xff\xfe\xfd"


@dataclass
class Heard:
    """What both sides were sent; `ended`: nothing more is passed on, `turned`: the server was chosen at least once."""

    to_server: bytes = b""
    to_client: bytes = b""
    ended: bool = False
    turned: bool = False
    refused: list[str] = field(default_factory=list)


def _tell(connection: LdapConnection, event: Event, heard: Heard) -> None:
    for command in list(connection.handle(event, RULES)):
        match command:
            case commands.SendToServer(data):
                heard.to_server += data
            case commands.SendToClient(data):
                heard.to_client += data
            case commands.Refuse():
                heard.refused.append(command.reason)
            case commands.Close() | commands.StartTls():
                heard.ended = True
            case commands.Connect(targets):
                heard.turned = True
                _tell(connection, events.Connected(targets[0], targets[1:]), heard)
            case _:
                pass


def spoken(client: Client, said: bytes, answered: bytes, size: int) -> Heard:
    """Both sides speak in pieces of `size` bytes, as the driver would tell them."""
    connection, heard = LdapConnection(client), Heard()
    _tell(connection, events.Opened(), heard)
    for at in range(0, len(said), size):
        chunk = said[at : at + size]
        if heard.ended:
            return heard
        if connection.passes_to_server(chunk, RULES):
            heard.to_server += chunk
        else:
            _tell(connection, events.ClientSent(chunk), heard)
    for at in range(0, len(answered), size):
        chunk = answered[at : at + size]
        if heard.ended or not heard.turned:
            return heard
        if connection.passes_to_client(chunk):
            heard.to_client += chunk
        else:
            _tell(connection, events.ServerSent(chunk), heard)
    return heard


def one_input(octets: bytes) -> None:
    """Anything but an answer, a refusal, or the same bytes on the other side is a finding."""
    try:
        found = parse(octets)
    except PeerError:
        return
    if found is None or (client := client_of(found[0])) is None:
        return
    said, _, answered = octets[found[1] :].partition(TURN)
    whole = spoken(client, said, answered, max(len(octets), 1))
    if len(whole.to_server) > len(said):
        raise AssertionError("the server hears more than was said")
    for size in (1, octets[-1] % 50 + 1):
        pieces = spoken(client, said, answered, size)
        if not whole.ended and not pieces.ended and whole != pieces:
            raise AssertionError(f"{whole} but in pieces of {size} {pieces}")
        if not pieces.to_server.startswith(whole.to_server):
            raise AssertionError(f"in pieces of {size} it hears something else")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
