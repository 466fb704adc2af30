"""coturn answers STUN and relays TURN. Pure.

One process knows one kind of credentials, so there are up to two: `coturn` for accounts (or alone for whatever there
is), `coturn-rest` for time-limited credentials beside accounts. Each has these files, and a change takes:

    turnserver.conf   ports, addresses, limits: a restart, allocations end
    tables.json       accounts, secrets, peers, quotas: put into `users.db`, which coturn looks into; allocations stay
    fence.nft         what its relayed packets may reach: put into the kernel; allocations stay
    certificate.pem, key.pem   taken anew on SIGUSR2; allocations stay
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.config.network import Side
from voxgate.config.scalars import PortRange
from voxgate.config.turncheck import both_kinds
from voxgate.engines import turn_fence
from voxgate.engines.base import Action, EngineState, File, Listener, Process
from voxgate.engines.render import render
from voxgate.engines.turn_tables import DATABASE, TABLES, tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.model import Config
    from voxgate.config.network import IpAddress, Network
    from voxgate.config.turn import Turn
    from voxgate.engines.base import Places
    from voxgate.engines.kamailio import Pair

CONFIGURATION: Final = "turnserver.conf"
CERTIFICATE: Final = "certificate.pem"
KEY: Final = "key.pem"
#: User and group of Debian's package.
USER: Final = "turnserver"
#: The one that `port` and `tls_port` belong to, and the one beside it.
MAIN: Final = "coturn"
REST: Final = "coturn-rest"
NAMES: Final = (MAIN, REST)
_LOW_PORTS: Final = 1024
_OUTSIDE: Final = (Side.OUTSIDE4, Side.OUTSIDE6)


@dataclass(frozen=True, slots=True)
class Role:
    """What one process serves: its ports, its share of the relay's ports, and by which credentials."""

    name: str
    port: int
    tls_port: int | None
    relay_ports: PortRange
    credentials: str
    behaviour: bool

    @property
    def plain_purpose(self) -> str:
        """For people."""
        return "STUN" if self.credentials == "none" else "STUN and TURN"


def roles(turn: Turn) -> tuple[Role, ...]:
    """The processes for `turn`. `credentials` is accounts, rest or none."""
    behaviour = bool(turn.second_address)
    if not both_kinds(turn):
        kind = "accounts" if turn.accounts else "rest" if turn.shared_secret else "none"
        return (Role(MAIN, turn.port, turn.tls_port, turn.relay_ports, kind, behaviour),)
    first, last = turn.relay_ports.first, turn.relay_ports.last
    middle = first + (last - first) // 2
    rest_tls = turn.rest_tls_port if turn.tls_port else None
    return (
        Role(MAIN, turn.port, turn.tls_port, PortRange(first, middle), "accounts", behaviour),
        Role(REST, turn.rest_port, rest_tls, PortRange(middle + 1, last), "rest", behaviour=False),
    )


@dataclass(frozen=True, slots=True)
class Coturn:
    """One process of the relay. `turn` is the configuration's section, `log_key` makes the mark of its log."""

    turn: Turn
    role: Role
    certificate: Pair = dataclasses.field(repr=False)
    log_key: str = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        """`coturn` or `coturn-rest`."""
        return self.role.name

    def desired(self, config: Config, network: Network, places: Places, generation: int) -> EngineState:
        """Its process and files for `config`."""
        del generation
        role, folder = self.role, places.engine(self.name)
        addresses = _addresses(self.turn, role, network)
        text = render(
            CONFIGURATION,
            folder=folder,
            mark=_mark(self.log_key),
            realm=config.edge.domain,
            role=role,
            database=DATABASE,
            addresses=addresses,
            relays=[side.local for side in network.sides if side.side in _OUTSIDE],
            mapped=[side for side in network.sides if side.local != side.shown],
            media=sorted({str(address) for side in network.sides for address in (side.local, side.shown)}),
        )
        tables = tables_of(self.turn, role.credentials, config.edge.domain, own_addresses(self.turn, network))
        fence = turn_fence.ruleset(role.name, role.relay_ports, config, network, self.turn)
        files = [
            File(CONFIGURATION, text, Action.RESTART, secret=True),
            File(TABLES, tables, Action.TABLES, secret=True),
            File(turn_fence.FILE, fence, Action.TABLES),
        ]
        if role.tls_port:
            files += [
                File(CERTIFICATE, self.certificate.certificate, Action.TLS),
                File(KEY, self.certificate.key, Action.TLS, secret=True),
            ]
        ports = (role.port, role.tls_port or role.port)
        return EngineState(
            name=self.name,
            process=Process(
                argv=("turnserver", "-c", str(folder / CONFIGURATION)),
                user=USER,
                capabilities=("net_bind_service",) if min(ports) < _LOW_PORTS else (),
            ),
            files=tuple(files),
            listeners=tuple(_listeners(self.turn, role, addresses)),
        )


def coturns(turn: Turn | None, certificate: Pair, log_key: str) -> tuple[Coturn, ...]:
    """The processes for the section `turn`; none without it."""
    return tuple(Coturn(turn, role, certificate, log_key) for role in roles(turn)) if turn else ()


def _mark(log_key: str) -> str:
    """A number of 20 digits that nobody can guess: coturn's log has numbers there, and a percent sign has a meaning."""
    return str(int.from_bytes(hashlib.sha256(f"turn log {log_key}".encode()).digest()[:8])).zfill(20)


def own_addresses(turn: Turn, network: Network) -> frozenset[IpAddress]:
    """Everything that is the edge itself."""
    held = {address for side in network.sides for address in (side.local, side.shown)}
    return frozenset(held | set(turn.second_address))


def _addresses(turn: Turn, role: Role, network: Network) -> tuple[IpAddress, ...]:
    """Where it listens. With two addresses of one family coturn takes the other one for RFC 5780's; so just these."""
    second = {address.version: address for address in turn.second_address} if role.behaviour else {}
    held = [side.local for side in network.sides if side.side in _OUTSIDE or side.local.version not in second]
    return tuple(dict.fromkeys((*held, *second.values())))


def _listeners(turn: Turn, role: Role, addresses: tuple[IpAddress, ...]) -> Iterator[Listener]:
    paired = {address.version for address in turn.second_address} if role.behaviour else set()
    for address in map(str, addresses):
        yield Listener("udp", address, role.port, role.plain_purpose)
        yield Listener("tcp", address, role.port, role.plain_purpose)
        if role.tls_port:
            yield Listener("tls", address, role.tls_port, f"{role.plain_purpose} over TLS", sni=False)
    for one in addresses:
        if one.version in paired:
            yield Listener("udp", str(one), role.port + 1, "STUN, for kinds of NAT")
