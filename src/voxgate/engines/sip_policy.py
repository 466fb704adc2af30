"""`Config` and `Network` -> the policy that the SIP script decides by. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zlib import crc32

from voxgate.engines.sip_fraud import guards_of
from voxgate.engines.sip_limits import limits_of
from voxgate.engines.trunk_policy import bracketed, side_of, trunks_of
from voxgate.engines.websocket import websocket_of
from voxgate_sip import policy as sip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voxgate.config.model import Config
    from voxgate.config.network import IpAddress, Network

#: Parts of User-Agents of scanners, in lower case.
SCANNERS: Final = (
    *("friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sipcli", "sip-scan", "sipsak", "sipscan"),
    *("vaxsipuseragent", "pplsip", "sivus", "iwar", "siparmyknife", "voipscan", "scan-sip", "mr.sip", "vsipscan"),
)
#: Ports of sockets that are needed towards PBXs only, because nothing is served on the transport.
_DEFAULT_PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}


def policy_of(config: Config, network: Network, generation: int, *, media: bool) -> sip.Policy:
    """Everything the script needs, for one generation."""
    served = _served(config)
    pbxs = _pbxs(config, network)
    trunks = trunks_of(config, network, {pbx.group for pbx in pbxs.values()})
    # Whatever DNS answers: another answer shall not open a socket, which takes a restart.
    to_trunks = {trunk.transport.value for trunk in config.trunks.values()}
    outside = served | {proto: _DEFAULT_PORTS[proto] for proto in to_trunks if proto not in served}
    ports = outside | {proto: _DEFAULT_PORTS[proto] for proto in _needed(config) if proto not in outside}
    sides = {
        side.side.value: sip.SideView(
            shown=str(side.shown),
            local=str(side.local),
            ports=ports if side.side.value.startswith("i") or _shares_socket(side.local, network) else outside,
        )
        for side in network.sides
    }
    return sip.Policy(
        generation=generation,
        domain=config.edge.domain,
        own=_own(config, sides),
        served=frozenset(served),
        domains={name: pbx for pbx, entry in config.pbxs.items() for name in entry.names if "/" not in name},
        pbxs=pbxs,
        sides=sides,
        local=tuple(str(net) for net in network.local_networks),
        hide_topology=any(pbx.hide_topology for pbx in pbxs.values()),
        media=media,
        # Until the health check has had its say about a node that failed a request.
        shun_s=config.health.interval_seconds * config.health.down_after + 5,
        keepalive_s=config.listen.sip.keepalive_seconds if ports.get("udp") else 0,
        limits=limits_of(config),
        fraud=guards_of(config),
        websocket=websocket_of(config),
        hygiene=_hygiene(config),
        srtp=config.media.srtp.value,
        trunks=trunks,
        records=config.records.enabled,
        pbx_protos=sip.sources_of(pbxs),
    )


def _own(config: Config, sides: Mapping[str, sip.SideView]) -> frozenset[str]:
    names = (trunk.edge_name for trunk in config.trunks.values() if trunk.edge_name)
    return frozenset({config.edge.domain, *_addresses(sides), *names})


def sockets_of(policy: sip.Policy) -> tuple[tuple[str, str, int], ...]:
    """Every socket to open, once, as (transport, address in brackets if IPv6, port)."""
    found: dict[tuple[str, str, int], None] = {}
    for side in sip.SIDES:
        view = policy.sides.get(side)
        if view:
            address = f"[{view.local}]" if ":" in view.local else view.local
            for proto, port in sorted(view.ports.items()):
                # HAProxy has the sockets for WebSocket.
                if proto != "ws":
                    found[proto, address, port] = None
            # Providers' addresses may change their side by DNS, without a restart.
            for trunk in policy.trunks.values():
                if trunk.own and trunk.own.port:
                    found["udp", address, trunk.own.port] = None
    return tuple(found)


def _served(config: Config) -> dict[str, int]:
    listen = config.listen.sip
    ports = {"udp": listen.udp, "tcp": listen.tcp, "tls": listen.tls, "ws": listen.wss or listen.ws}
    return {proto: port for proto, port in ports.items() if port}


def _needed(config: Config) -> set[str]:
    return {proto for pbx in config.pbxs.values() for proto in ("udp", "tcp", "tls") if getattr(pbx.sip, proto)}


def _shares_socket(local: IpAddress, network: Network) -> bool:
    return any(side.local == local for side in network.sides if side.side.value.startswith("i"))


def _hygiene(config: Config) -> sip.Hygiene | None:
    guard = config.guard
    if not guard.enabled:
        return None
    agents = (*(SCANNERS if guard.sip.scanners else ()), *guard.sip.scanner_agents)
    return sip.Hygiene(
        guard.sip.requests_per_second,
        config.listen.sip.workers,
        tuple(sorted(agents)),
        guard.sip.injections,
        guard.ipv4_prefix,
        guard.ipv6_prefix,
    )


def _addresses(sides: Mapping[str, sip.SideView]) -> Iterable[str]:
    for view in sides.values():
        yield view.shown
        yield view.local


def _pbxs(config: Config, network: Network) -> dict[str, sip.Pbx]:
    groups: dict[int, str] = {}
    pbxs = {}
    for name in sorted(config.pbxs):
        # From the name, so that adding a PBX leaves the others' groups alone; 31 bits (dispatcher's int).
        group = crc32(name.encode()) & 0x7FFFFFFF or 1
        while group in groups:
            group = group % 0x7FFFFFFF + 1
        groups[group] = name
        pbxs[name] = _pbx(name, group, config, network)
    return pbxs


def _pbx(name: str, group: int, config: Config, network: Network) -> sip.Pbx:
    pbx = config.pbxs[name]

    def nodes(proto: str, port: int | None) -> tuple[sip.Node, ...]:
        ordered = sorted(pbx.nodes, key=lambda node: node.priority) if port else ()
        return tuple(
            sip.Node(
                uri=f"sip:{bracketed(node.address)}:{port};transport={proto}",
                address=str(node.address),
                port=port or 0,
                proto=proto,
                side=side_of(node.address, network),
                priority=node.priority,
                weight=node.weight,
            )
            for node in ordered
        )

    return sip.Pbx(
        name=name,
        group=group,
        balance=pbx.balance.value,
        # UDP first: a PBX that takes both answers requests of any size over the transport they came by.
        plain=nodes("udp", pbx.sip.udp) or nodes("tcp", pbx.sip.tcp),
        secure=nodes("tls", pbx.sip.tls),
        codes=frozenset(pbx.failover.codes),
        timeout_ms=round(pbx.failover.timeout_seconds * 1000),
        check_certificate=pbx.sip.check_certificate,
        hide_topology=config.edge.topology_hiding if pbx.topology_hiding is None else pbx.topology_hiding,
        domain=next((name for name in pbx.names if "/" not in name), ""),
        srtp=pbx.srtp.value,
    )
