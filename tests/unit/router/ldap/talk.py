"""One LDAP client and its connection object, as in a script: what happens, and what is commanded."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from tests.unit.router.ldap.messages import BOUND, bind
from voxgate.router.client import Client
from voxgate.router.commands import Command, Connect, Refuse, SendToClient, Wake
from voxgate.router.events import ClientSent, Connected, Event, Opened, ServerSent
from voxgate.router.ldap.connection import LdapConnection
from voxgate.router.ldap.limits import FIRST_BIND_S
from voxgate.router.rules import Node, Rules, Service, Target
from voxgate.wire.proxy_v2 import End

if TYPE_CHECKING:
    from voxgate.guard.observation import Kind

CLIENT = Client(End(ip_address("198.51.100.7"), 50000), End(ip_address("203.0.113.45"), 389))
HQ = Service("hq", (Node(ip_address("172.16.0.90")),), plain=389, tls=636)
TWO = Service("two", (Node(ip_address("172.16.1.90")), Node(ip_address("172.16.1.91"), priority=2)), plain=389)
CLOSED = Service("closed", HQ.nodes, plain=389, allow_from=(ip_network("192.0.2.0/24"),))
RULES = Rules({"ldap": {"example.com": HQ, "hq.example.com": HQ, "two.example": TWO, "closed.example": CLOSED}})

AT_HQ = Target("hq", ip_address("172.16.0.90"), 389)
AT_TWO = Target("two", ip_address("172.16.1.90"), 389)
CKL = bind("example.com\\ckl")
UNAVAILABLE = 52


@dataclass
class Talk:
    """A client and its connection."""

    client: Client = CLIENT
    rules: Rules = RULES
    connection: LdapConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = LdapConnection(self.client)
        assert self.on(Opened()) == [Wake(FIRST_BIND_S)]

    def on(self, event: Event) -> list[Command]:
        return list(self.connection.handle(event, self.rules))

    def says(self, data: bytes) -> list[Command]:
        return self.on(ClientSent(data))

    def hears(self, data: bytes) -> list[Command]:
        return self.on(ServerSent(data))

    def bound(self) -> Talk:
        """With the bind answered."""
        assert self.says(CKL) == [Connect((AT_HQ,))]
        self.on(Connected(AT_HQ))
        assert self.hears(BOUND) == [SendToClient(BOUND)]
        return self


def code(data: bytes) -> tuple[int, int]:
    """(operation's tag, result code) of a response."""
    at = 2 + 2 + data[3]
    begin = at + 2 if data[at + 1] < 0x80 else at + 3
    assert data[begin : begin + 2] == b"\x0a\x01"
    return data[at], data[begin + 2]


def answers(commands: list[Command]) -> list[tuple[int, int]]:
    return [code(command.data) for command in commands if isinstance(command, SendToClient)]


def refusals(commands: list[Command]) -> list[tuple[Kind | None, str]]:
    return [(command.kind, command.reason) for command in commands if isinstance(command, Refuse)]
