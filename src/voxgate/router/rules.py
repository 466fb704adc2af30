"""Service name -> PBX: what the router decides by, as one document that is replaced whole. Pure."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voxgate.router.client import Client

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Node:
    """One address of a PBX. The lowest `priority` is tried first, among equals by `weight`."""

    address: Address
    priority: int = 1
    weight: int = 50


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect. `verify` is the name that the server's certificate must have; empty: it is not checked.

    Made for a service once, not for each client: `host` is the address as text, `node` has the port behind it, and
    brackets around IPv6.
    """

    pbx: str
    address: Address
    port: int
    tls: bool = False
    verify: str = ""
    host: str = field(init=False, repr=False, compare=False)
    node: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        host = str(self.address)
        shown = f"[{host}]" if self.address.version == 6 else host
        object.__setattr__(self, "host", host)
        object.__setattr__(self, "node", f"{shown}:{self.port}")


@dataclass(frozen=True, slots=True)
class Service:
    """One PBX's target for one protocol: at least one of the ports `plain` and `tls` is given.

    `allow_from`: networks that may use it; none: all. `check_certificate`: encryption is kept only for clients whose
    certificate names who they register as. `verify` as in `Target`.
    """

    pbx: str
    nodes: tuple[Node, ...]
    plain: int | None = None
    tls: int | None = None
    allow_from: tuple[Network, ...] = ()
    check_certificate: bool = False
    verify: str = ""
    _plain: tuple[Target, ...] = field(init=False, repr=False, compare=False)
    _secure: tuple[Target, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_plain", self._all(self.plain, tls=False))
        object.__setattr__(self, "_secure", self._all(self.tls, tls=True))

    def allows(self, address: Address) -> bool:
        """Whether a client from there may use it."""
        return not self.allow_from or any(address in network for network in self.allow_from)

    def targets(self, client: Client, *, certified: bool = False) -> tuple[Target, ...]:
        """Where to connect for `client`, in the order in which to try.

        With both ports, encryption is kept as the client chose it; with one, that one is used. `certified`: the
        client's certificate names who it registers as; without it a service that checks gets no encryption, so that
        the PBX asks for a password.
        """
        kept = client.tls and (certified or not self.check_certificate)
        targets = self._secure if self._secure and (kept or not self._plain) else self._plain
        return targets if len(targets) < 2 else _order(self.nodes, targets, client)

    def _all(self, port: int | None, *, tls: bool) -> tuple[Target, ...]:
        if port is None:
            return ()
        verify = self.verify if tls else ""
        return tuple(Target(self.pbx, node.address, port, tls, verify) for node in self.nodes)


def _order(nodes: tuple[Node, ...], targets: tuple[Target, ...], client: Client) -> tuple[Target, ...]:
    """By priority, then weighted by chance, which is the same for one requester: its connections meet on one node."""
    source = client.address.packed

    def rank(pair: tuple[Node, Target]) -> tuple[int, float]:
        node, _ = pair
        digest = hashlib.blake2b(source + node.address.packed, digest_size=6).digest()
        chance = (int.from_bytes(digest, "big") + 1) / (2**48 + 1)
        # Rendezvous hashing: the smallest -ln(chance) / weight wins in proportion to its weight.
        return node.priority, -math.log(chance) / node.weight if node.weight else math.inf

    return tuple(target for _, target in sorted(zip(nodes, targets, strict=True), key=rank))


@dataclass(frozen=True, slots=True)
class Rules:
    """All services: protocol -> service name in lower case -> service."""

    services: Mapping[str, Mapping[str, Service]] = field(default_factory=dict)

    def find(self, protocol: str, name: str) -> Service | None:
        """The service that is called `name`, in any case."""
        if not name or len(name) > LONGEST_NAME:
            return None
        return self.services.get(protocol, {}).get(name.lower())

    def only(self, protocol: str) -> Service | None:
        """The service of the only PBX that `protocol` leads to; None where there are several, or none."""
        services = iter(self.services.get(protocol, {}).values())
        first = next(services, None)
        return first if first and all(service.pbx == first.pbx for service in services) else None


def dumps(rules: Rules) -> str:
    """The document; what goes to one service under several names is written once."""
    return json.dumps(
        {protocol: list(_grouped(table)) for protocol, table in sorted(rules.services.items())},
        separators=(",", ":"),
    )


def loads(text: str | bytes) -> Rules:
    """The rules in a document of `dumps`. Raises ValueError: it is none."""
    try:
        return _read(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no rules of the router: {error!r}") from error


def _read(document: Mapping[str, Any]) -> Rules:
    return Rules(
        {
            protocol: {name: service for entry in entries for service in (_service(entry),) for name in entry["names"]}
            for protocol, entries in document.items()
        },
    )


def _grouped(table: Mapping[str, Service]) -> Iterator[dict[str, Any]]:
    names: dict[Service, list[str]] = {}
    for name, service in table.items():
        names.setdefault(service, []).append(name)
    for service, called in names.items():
        yield {
            "names": called,
            "pbx": service.pbx,
            "nodes": [[str(node.address), node.priority, node.weight] for node in service.nodes],
            "plain": service.plain,
            "tls": service.tls,
            "allow_from": [str(network) for network in service.allow_from],
            "check_certificate": service.check_certificate,
            "verify": service.verify,
        }


def _service(entry: Mapping[str, Any]) -> Service:
    return Service(
        pbx=entry["pbx"],
        nodes=tuple(Node(ip_address(address), priority, weight) for address, priority, weight in entry["nodes"]),
        plain=entry["plain"],
        tls=entry["tls"],
        allow_from=tuple(ip_network(network) for network in entry["allow_from"]),
        check_certificate=entry["check_certificate"],
        verify=entry["verify"],
    )
