"""One H.323 client and its connection object, as in a script: what happens, and what is commanded."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from lab.peers.h323 import message as lab
from tests.unit.router.h323.vectors import frames
from voxgate.router.client import Client
from voxgate.router.commands import Close, Command, Connect, Forward, Refuse, SendToClient, SendToServer, Wake
from voxgate.router.events import ClientSent, Connected, Event, Opened, ServerSent
from voxgate.router.h323.connection import FIRST_REQUEST_S, H323Connection
from voxgate.router.rules import Node, Rules, Service, Target
from voxgate.wire.proxy_v2 import End

if TYPE_CHECKING:
    from voxgate.guard.observation import Kind

CLIENT = Client(End(ip_address("198.51.100.7"), 50000), End(ip_address("203.0.113.45"), 1720))
HQ = Service("hq", (Node(ip_address("172.16.0.10")),), plain=1720)
BRANCH = Service("branch", (Node(ip_address("172.16.8.10")), Node(ip_address("172.16.8.11"), 2)), plain=1720)
CHECKED = Service("checked", (Node(ip_address("172.16.9.10")),), plain=1720, tls=1300, check_certificate=True)
CLOSED = Service("closed", HQ.nodes, plain=1720, allow_from=(ip_network("192.0.2.0/24"),))
RULES = Rules(
    {
        "h323": {
            "example.com": HQ,
            "example.com/hq": HQ,
            "example.com/branch": BRANCH,
            "checked.example": CHECKED,
            "closed.example": CLOSED,
        }
    }
)
AT_HQ = Target("hq", ip_address("172.16.0.10"), 1720)
AT_BRANCH = Target("branch", ip_address("172.16.8.10"), 1720)
AT_BRANCH_2 = Target("branch", ip_address("172.16.8.11"), 1720)
CHECKED_PLAIN = Target("checked", ip_address("172.16.9.10"), 1720)
CHECKED_TLS = Target("checked", ip_address("172.16.9.10"), 1300, tls=True)


def grq(gatekeeper_id: str | None, *aliases: str, number: int = 1) -> bytes:
    return lab.write(lab.tunnel(lab.discovery(number, gatekeeper_id, aliases)))


def rrq(gatekeeper_id: str | None, *aliases: str, number: int = 2, keep_alive: bool = False) -> bytes:
    return lab.write(lab.tunnel(lab.registration(number, gatekeeper_id, aliases, keep_alive=keep_alive)))


def setup(called: str, reference: int = 5) -> bytes:
    return lab.write(lab.Message(lab.SETUP, reference, body=lab.setup(called, "alice", bytes(range(16)))))


def rrj(reason: str, *, elsewhere: bool = False) -> bytes:
    value = {"requestSeqNum": 2, "protocolIdentifier": lab.PROTOCOL, "rejectReason": (reason, 0)}
    if elsewhere:
        value["altGKInfo"] = {"alternateGatekeeper": [], "altGKisPermanent": False}
    return lab.write(lab.tunnel(("registrationReject", value)))


def grj(reason: str) -> bytes:
    value = {"requestSeqNum": 1, "protocolIdentifier": lab.PROTOCOL, "rejectReason": (reason, 0)}
    return lab.write(lab.tunnel(("gatekeeperReject", value)))


KEEPALIVE = b"\x03\x00\x00\x04"
ESCAPE = bytes.fromhex("030000090802000000")
EMPTY_FACILITY = bytes.fromhex("030000090802000062")
URQ = lab.write(lab.tunnel(("unregistrationRequest", {"requestSeqNum": 3, "callSignalAddress": []})))
RCF = lab.write(
    lab.tunnel(
        (
            "registrationConfirm",
            {
                "requestSeqNum": 2,
                "protocolIdentifier": lab.PROTOCOL,
                "callSignalAddress": [],
                "endpointIdentifier": "1",
                "willRespondToIRR": False,
                "maintainConnection": True,
            },
        )
    )
)


@dataclass
class Talk:
    """A client and its connection."""

    client: Client = CLIENT
    rules: Rules = RULES
    connection: H323Connection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = H323Connection(self.client)
        assert self.on(Opened()) == [Wake(FIRST_REQUEST_S)]

    def on(self, event: Event) -> list[Command]:
        return list(self.connection.handle(event, self.rules))

    def says(self, data: bytes) -> list[Command]:
        return self.on(ClientSent(data))

    def hears(self, data: bytes) -> list[Command]:
        return self.on(ServerSent(data))

    def served(self, request: bytes, target: Target = AT_HQ, answer: bytes = RCF) -> Talk:
        """With the request answered."""
        assert connects(self.says(request)) == [(target,)]
        assert to_server(self.on(Connected(target))) == request
        assert to_client(self.hears(answer)) == answer
        return self


def connects(commands: list[Command]) -> list[tuple[Target, ...]]:
    return [command.targets for command in commands if isinstance(command, Connect)]


def to_server(commands: list[Command]) -> bytes:
    return b"".join(command.data for command in commands if isinstance(command, SendToServer))


def to_client(commands: list[Command]) -> bytes:
    return b"".join(command.data for command in commands if isinstance(command, SendToClient))


def told(commands: list[Command]) -> list[tuple[str, str]]:
    """What the client is answered by us: RAS message and reason, or the ReleaseComplete's."""
    found = []
    for frame in frames(to_client(commands)):
        said = lab.read(frame)
        found += [(name, value["rejectReason"][0]) for name, value in said.ras]
        if said.kind == lab.RELEASE_COMPLETE and said.body:
            found.append((said.body[0], said.body[1]["reason"][0]))
    return found


def refusals(commands: list[Command]) -> list[tuple[Kind | None, str]]:
    return [(command.kind, command.reason) for command in commands if isinstance(command, Refuse)]


def forwards(commands: list[Command]) -> list[tuple[str, str, str]]:
    return [(command.name, command.user, command.request) for command in commands if isinstance(command, Forward)]


def closes(commands: list[Command]) -> bool:
    """Whether it is over, and nothing comes after that."""
    return commands[-1:] == [Close()]
