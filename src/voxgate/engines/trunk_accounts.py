"""What the edge registers with, and whose BYE it is: one value for each trunk that has an account. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.engines.sip_policy import policy_of
from voxgate.engines.trunk_policy import bracketed

if TYPE_CHECKING:
    from voxgate.config.model import Config
    from voxgate.config.network import Network


@dataclass(frozen=True, slots=True)
class TrunkAccount:
    """An account at a provider. `uri` is the address of record, `registrar` the request URI, `contact` ours.

    `local` and `port` are where Kamailio takes the request that it is to send on.
    """

    trunk: str
    uri: str
    registrar: str
    contact: str
    auth_user: str
    password: str = dataclasses.field(repr=False)
    local: str
    port: int
    expires_s: int
    retry_s: int


@dataclass(frozen=True, slots=True)
class Provider:
    """What a BYE of the edge's own needs at a provider: who answers challenges, with an empty password nobody does;

    `sock` is the socket that it leaves from, where that is the trunk's own.
    """

    user: str
    password: str = dataclasses.field(repr=False)
    sock: str = ""


def providers_of(config: Config, network: Network) -> dict[str, Provider]:
    """Every trunk for which a BYE is not as for everybody else, by its mark in Record-Route."""
    policy = policy_of(config, network, 0, media=True)
    found = {}
    for trunk in policy.trunks.values():
        port = trunk.own.port if trunk.own else 0
        view = policy.sides[trunk.hops[0].side] if trunk.hops else None
        sock = f"udp:{_bracketed(view.local)}:{port}" if port and view else ""
        if sock or trunk.password:
            found[f"{trunk.group:x}"] = Provider(trunk.auth_user, trunk.password, sock)
    return found


def accounts_of(config: Config, network: Network) -> tuple[TrunkAccount, ...]:
    """The accounts of all trunks that register."""
    policy = policy_of(config, network, 0, media=True)
    found = []
    for name, trunk in config.trunks.items():
        register, made = trunk.register, policy.trunks[name]
        if register is None or not made.hops:
            continue
        hop = made.hops[0]
        view = policy.sides[hop.side]
        shown = next(side.shown for side in network.sides if side.side.value == hop.side)
        domain = register.server or made.host
        host = domain if isinstance(domain, str) else bracketed(domain)
        account = TrunkAccount(
            trunk=name,
            uri=f"sip:{register.user}@{host}",
            registrar=f"sip:{made.host}",
            contact=f"sip:{register.user}@{trunk.edge_name or bracketed(shown)}"
            f":{trunk.source_port or view.ports[hop.proto]};transport={hop.proto}",
            auth_user=made.auth_user,
            password=made.password,
            local=view.local,
            port=view.ports["udp"],
            expires_s=register.expires_seconds,
            retry_s=register.retry_seconds,
        )
        found.append(account)
    return tuple(found)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
