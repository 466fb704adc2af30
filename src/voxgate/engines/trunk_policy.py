"""`Config.trunks` -> the trunks in the policy. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final
from zlib import crc32

from voxgate.config.identity import Called, Caller, Identity, Privacy
from voxgate.config.trunknames import Target, goals_of, lookup_of, names_of
from voxgate.engines.trunk_tls import profile_id, server_name
from voxgate_sip import trunks as sip

if TYPE_CHECKING:
    from collections.abc import Collection

    from voxgate.config.model import Config
    from voxgate.config.network import IpAddress, Network
    from voxgate.config.trunks import Destination, Numbers, Trunk

_DEFAULT_PORT: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}
#: Characters of a pattern by how narrow they are.
_NARROW: Final = {"X": "y", ".": "z"}


def trunks_of(config: Config, network: Network, taken: Collection[int]) -> dict[str, sip.Trunk]:
    """Every trunk; `taken` are dispatcher sets of others."""
    groups = set(taken)
    trunks = {}
    for rank, name in enumerate(sorted(config.trunks, key=lambda name: config.trunks[name].priority)):
        group = crc32(f"trunk {name}".encode()) & 0x7FFFFFFF or 1
        while group in groups:
            group = group % 0x7FFFFFFF + 1
        groups.add(group)
        trunks[name] = _trunk(name, group, rank, config, network)
    return _told_apart(trunks)


def _told_apart(trunks: dict[str, sip.Trunk]) -> dict[str, sip.Trunk]:
    """The same, with a mark in Record-Route where trunks share an address and treat a call differently there."""
    networks = {name: [ip_network(source) for source in trunk.sources] for name, trunk in trunks.items()}

    def is_like(one: sip.Trunk, other: sip.Trunk) -> bool:
        shared = any(a.version == b.version and a.overlaps(b) for a in networks[one.name] for b in networks[other.name])
        return not shared or (one.srtp, one.hides) == (other.srtp, other.hides)

    return {
        name: trunk
        if trunk.own or all(is_like(trunk, other) for other in trunks.values())
        else replace(trunk, own=sip.Own())
        for name, trunk in trunks.items()
    }


def side_of(address: IpAddress, network: Network) -> str:
    """The side on which `address` is, as the policy names it."""
    inside = any(address.version == net.version and address in net for net in network.local_networks)
    return f"{'i' if inside else 'o'}{address.version}"


def bracketed(address: IpAddress) -> str:
    """`address` as it stands in a URI."""
    return f"[{address}]" if address.version == 6 else str(address)


def _trunk(name: str, group: int, rank: int, config: Config, network: Network) -> sip.Trunk:
    trunk = config.trunks[name]
    proto = trunk.transport.value
    port = trunk.port or _DEFAULT_PORT[proto]
    targets = _targets(trunk, config, network)
    hops = tuple(_hop(target, network) for target in targets)
    addresses = [target.address for target in targets]
    register = trunk.register
    server = trunk.server if trunk.server is not None else register.server if register else None
    shown = server if server is not None else next(iter(goals_of(trunk)), None)
    host = shown if isinstance(shown, str) else bracketed(shown) if shown else ""
    return sip.Trunk(
        name=name,
        group=group,
        host=host if isinstance(shown, str) or port == _DEFAULT_PORT[proto] else f"{host}:{port}",
        server=str(shown or "").lower(),
        hops=hops,
        sources=_sources(trunk, addresses, config, network),
        protos=_protos({proto, *(target.transport for target in targets)}),
        dids=tuple(_did(pattern, trunk.dids[pattern]) for pattern in sorted(trunk.dids, key=_narrow_first)),
        pbxs=frozenset(trunk.pbxs),
        prefixes=trunk.prefixes,
        rank=rank,
        codes=frozenset(trunk.failover.codes),
        timeout_ms=round(trunk.failover.timeout_seconds * 1000),
        rules_in=_rules_in(trunk.numbers),
        rules_out=_rules_out(trunk.numbers),
        probe=trunk.keepalive,
        account=register.user if register else "",
        auth_user=(register.auth_user or register.user) if register else "",
        password=register.password.reveal() if register else "",
        srtp=trunk.srtp.value,
        own=_own(name, trunk),
        hides=trunk.topology_hiding,
        caller=caller_of(trunk, host),
    )


def caller_of(trunk: Trunk, host: str) -> sip.CallerId | None:
    """What the provider is told of callers; None where that is what the PBX says. `host` is the provider's."""
    identity = trunk.identity
    if identity == Identity(user=identity.user):
        return None
    domain = identity.domain if isinstance(identity.domain, str | None) else bracketed(identity.domain)
    user = identity.user or (trunk.register.user if trunk.register else "")
    return sip.CallerId(
        account=f"sip:{user}@{domain or host}" if user else "",
        fixed=identity.caller is Caller.ACCOUNT,
        domain=domain or "",
        asserted=identity.asserted.value,
        preferred=identity.preferred.value,
        diversion=identity.diversion.value,
        private=identity.privacy is Privacy.EDGE,
        trusted=identity.trust,
        called=identity.called is Called.TRUNK,
    )


def _own(name: str, trunk: Trunk) -> sip.Own | None:
    """How this provider alone sees the edge."""
    if not (trunk.source_port or trunk.edge_name or trunk.tls):
        return None
    profile = profile_id(name) if trunk.tls else ""
    host = server_name(trunk)
    checked = bool(host and trunk.tls and trunk.tls.ca and trunk.tls.check_name)
    return sip.Own(trunk.source_port or 0, trunk.edge_name or "", profile, host, checked=checked)


def _targets(trunk: Trunk, config: Config, network: Network) -> list[Target]:
    """Where calls out go. The order of the file counts before the priorities of one name's answer."""
    sides = {side.side.value for side in network.sides}
    proto = trunk.transport.value
    found: list[Target] = []
    for goal in goals_of(trunk):
        first = max((target.priority for target in found), default=-1) + 1
        if isinstance(goal, str):
            answer = _usable(network.answers.get(lookup_of(goal, trunk, config.listen.sip), ()), config, network)
            reached = [target for target in answer if side_of(target.address, network) in sides]
            version = trunk.ip_version or min((target.address.version for target in reached), default=4)
            kept = [target for target in reached if target.address.version == version]
            found += [replace(target, priority=first + target.priority) for target in kept]
        else:
            found.append(Target(goal, trunk.port or _DEFAULT_PORT[proto], proto, first))
    once = {(target.address, target.port, target.transport): target for target in reversed(found)}
    return sorted(once.values(), key=lambda one: (one.priority, str(one.address), one.port))


def _usable(answer: tuple[Target, ...], config: Config, network: Network) -> tuple[Target, ...]:
    """Without what no provider can have: whoever owns a name could otherwise pass for a PBX, or for the edge."""
    taken = {node.address for pbx in config.pbxs.values() for node in pbx.nodes}
    taken |= {address for side in network.sides for address in (side.shown, side.local)}
    return tuple(
        target
        for target in answer
        if target.address not in taken
        and not (target.address.is_loopback or target.address.is_multicast or target.address.is_unspecified)
    )


def _hop(target: Target, network: Network) -> sip.Hop:
    return sip.Hop(
        uri=f"sip:{bracketed(target.address)}:{target.port};transport={target.transport}",
        address=str(target.address),
        port=target.port,
        proto=target.transport,
        side=side_of(target.address, network),
        priority=target.priority,
        weight=target.weight,
    )


def _sources(trunk: Trunk, addresses: list[IpAddress], config: Config, network: Network) -> tuple[str, ...]:
    """Networks whose requests are the trunk's, in CIDR notation; every address of a name counts."""
    given = (str(one) for one in trunk.addresses if not isinstance(one, str))
    named = (
        str(target.address)
        for name in names_of(trunk)
        for target in _usable(network.answers.get(lookup_of(name, trunk, config.listen.sip), ()), config, network)
    )
    return tuple(dict.fromkeys([*given, *map(str, addresses), *sorted(named)]))


def _protos(used: set[str]) -> frozenset[str]:
    # A provider that is called over UDP may itself call over TCP, when a request is large.
    return frozenset(used | {"tcp"} if "udp" in used else used)


def _narrow_first(pattern: str) -> tuple[bool, str]:
    """Compared from the left: a digit before X before the rest. Expressions come last and keep their order."""
    if pattern.startswith("re:"):
        return True, ""
    return False, "".join(_NARROW.get(character, character) for character in pattern) + "{"


def _did(pattern: str, target: Destination) -> sip.Did:
    text = pattern[3:] if pattern.startswith("re:") else "".join(_expression(character) for character in pattern)
    return sip.Did(text, (target.pbx, *target.fallback), frozenset(target.codes), round(target.timeout_seconds * 1000))


def _expression(character: str) -> str:
    return {"X": "[0-9]", ".": "[0-9*#]+"}.get(character, re.escape(character))


def _rules_in(numbers: Numbers) -> tuple[sip.Rule, ...]:
    rules = [_rule(rule.prefix, rule.prepend, rule.strip) for rule in numbers.inbound]
    if e164 := numbers.e164:
        rules += [
            _rule(f"+{e164.country}", e164.national),
            _rule(f"00{e164.country}", e164.national),
            _rule("+", e164.international),
        ]
    return tuple(rules)


def _rules_out(numbers: Numbers) -> tuple[sip.Rule, ...]:
    rules = [_rule(rule.prefix, rule.prepend, rule.strip) for rule in numbers.outbound]
    if e164 := numbers.e164:
        rules += [_rule("+", "+"), _rule(e164.international, "+"), _rule(e164.national, f"+{e164.country}")]
    return tuple(rules)


def _rule(prefix: str, prepend: str, strip: int | None = None) -> sip.Rule:
    return sip.Rule(prefix, len(prefix) if strip is None else strip, prepend)
