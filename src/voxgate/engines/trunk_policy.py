"""`Config.trunks` -> the trunks in the policy. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from zlib import crc32

from voxgate.config.identity import Caller, Identity, Privacy
from voxgate.config.trunkcheck import hops_of
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
        trunks[name] = _trunk(name, group, rank, config.trunks[name], network)
    return trunks


def side_of(address: IpAddress, network: Network) -> str:
    """The side on which `address` is, as the policy names it."""
    inside = any(address.version == net.version and address in net for net in network.local_networks)
    return f"{'i' if inside else 'o'}{address.version}"


def bracketed(address: IpAddress) -> str:
    """`address` as it stands in a URI."""
    return f"[{address}]" if address.version == 6 else str(address)


def _trunk(name: str, group: int, rank: int, trunk: Trunk, network: Network) -> sip.Trunk:
    proto = trunk.transport.value
    port = trunk.port or _DEFAULT_PORT[proto]
    addresses = hops_of(trunk)
    hops = tuple(
        sip.Hop(
            uri=f"sip:{bracketed(address)}:{port};transport={proto}",
            address=str(address),
            port=port,
            proto=proto,
            side=side_of(address, network),
        )
        for address in addresses
    )
    register = trunk.register
    server = trunk.server if trunk.server is not None else register.server if register else None
    shown = server if server is not None else addresses[0] if addresses else None
    host = shown if isinstance(shown, str) else bracketed(shown) if shown else ""
    return sip.Trunk(
        name=name,
        group=group,
        host=host if isinstance(shown, str) or port == _DEFAULT_PORT[proto] else f"{host}:{port}",
        server=str(shown or "").lower(),
        hops=hops,
        sources=tuple(dict.fromkeys([*map(str, trunk.addresses), *map(str, addresses)])),
        # A provider that is called over UDP may itself call over TCP, when a request is large.
        protos=frozenset({"udp", "tcp"} if proto == "udp" else {proto}),
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
    )


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
