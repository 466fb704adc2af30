"""Which records the edge's names should have. Pure.

Addresses are those of the view's side of the one network model, so that phones are sent where signalling and audio
expect them. SIP domains need no address of their own: SRV (RFC 3263 section 4.2) leads to the edge's name. NAPTR puts
TLS first. There is no `_ldap._tcp`: that name tells Windows where its domain controllers are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.config.asked_names import asked_names
from voxgate.config.network import Side
from voxgate.names.record import Record, View, Weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voxgate.config.model import Config
    from voxgate.config.network import IpAddress, Network

_SIDES: Final = {
    View.PUBLIC: (Side.OUTSIDE4, Side.OUTSIDE6),
    View.INSIDE: (Side.INSIDE4, Side.INSIDE6),
}
#: Transport -> SRV's prefix, NAPTR's service; in the order of preference.
_SIP: Final = (
    ("tls", "_sips._tcp", "SIPS+D2T"),
    ("tcp", "_sip._tcp", "SIP+D2T"),
    ("udp", "_sip._udp", "SIP+D2U"),
)


def records(config: Config, network: Network, view: View) -> tuple[Record, ...]:
    """All records of a view, addresses first."""
    domains = _sip_domains(config)
    found = [
        *_addresses(config, addresses_of(network, view)),
        *(record for domain in domains for record in _sip(domain, config)),
        *(record for domain in dict.fromkeys((config.edge.domain, *domains)) for record in _turn(domain, config)),
        *_h323(config),
    ]
    return tuple(dict.fromkeys(found))


def addresses_of(network: Network, view: View) -> tuple[IpAddress, ...]:
    """Where parties of that view reach the edge."""
    return tuple(one.shown for one in network.sides if one.side in _SIDES[view])


def _addresses(config: Config, addresses: tuple[IpAddress, ...]) -> Iterator[Record]:
    domain = config.edge.domain
    for name in asked_names(domain, config.pbxs.values()):
        own = name == domain
        apex = not own and (domain.endswith(f".{name}") or name.count(".") == 1)
        why = "the edge itself" if own else "clients ask for it by this name"
        if apex:
            why = "only for clients that know no SRV; leave it out where a web site of yours has this name"
        for address in addresses:
            kind = "A" if address.version == 4 else "AAAA"
            yield Record(name, kind, str(address), why, Weight.OPTIONAL if apex else Weight.NEEDED)


def _sip_domains(config: Config) -> tuple[str, ...]:
    names = (name for pbx in config.pbxs.values() for name in pbx.names if "/" not in name)
    return tuple(dict.fromkeys(names))


def _sip(domain: str, config: Config) -> Iterator[Record]:
    listen, target = config.listen.sip, f"{config.edge.domain}."
    ports = {"tls": listen.tls, "tcp": listen.tcp, "udp": listen.udp}
    for order, (transport, prefix, service) in enumerate(_SIP, 1):
        if port := ports[transport]:
            name, words = f"{prefix}.{domain}", transport.upper()
            yield Record(name, "SRV", f"10 10 {port} {target}", f"SIP over {words}", Weight.USEFUL)
            data = f'{order * 10} 10 "s" "{service}" "" {name}.'
            yield Record(domain, "NAPTR", data, f"SIP over {words}, choice {order}", Weight.OPTIONAL)


def _turn(domain: str, config: Config) -> Iterator[Record]:
    """RFC 8489 section 8.1, RFC 5928 section 5."""
    turn = config.turn
    if turn is None:
        return
    relays = bool(turn.accounts or turn.shared_secret)
    plain, secure = [("_stun._udp", "STUN"), ("_stun._tcp", "STUN")], [("_stuns._tcp", "STUN over TLS")]
    if relays:
        plain += [("_turn._udp", "TURN"), ("_turn._tcp", "TURN over TCP")]
        secure += [("_turns._tcp", "TURN over TLS")]
    for port, services in ((turn.port, plain), (turn.tls_port, secure)):
        for prefix, why in services if port else ():
            yield Record(f"{prefix}.{domain}", "SRV", f"10 10 {port} {config.edge.domain}.", why, Weight.OPTIONAL)


def _h323(config: Config) -> Iterator[Record]:
    """H.323 annex O: calls to `user@domain` without a registration."""
    listen = config.listen.h323
    if listen is None or listen.plain is None:
        return
    names = (name for pbx in config.pbxs.values() if pbx.h323 for name in pbx.h323.names or pbx.names)
    for domain in dict.fromkeys(name.partition("/")[0] for name in names):
        data = f"10 10 {listen.plain} {config.edge.domain}."
        yield Record(f"_h323cs._tcp.{domain}", "SRV", data, "H.323 calls", Weight.OPTIONAL)


def within(listed: Iterable[Record], zone: str) -> tuple[Record, ...]:
    """Those that belong into one zone."""
    return tuple(one for one in listed if one.name == zone or one.name.endswith(f".{zone}"))
