"""Every opening that an edge needs, from what its engines open. Pure.

Nothing is listed twice in another place: the listeners are those of the engines' own states, so that a service that
is added later is in the list as soon as it listens.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from voxgate.config.network import Side
from voxgate.engines.acme import WELL_KNOWN_PORT
from voxgate.engines.dnsmasq import PURPOSE as LOCAL_DNS
from voxgate.engines.forwards import forwards_of
from voxgate.engines.rtpengine import Rtpengine
from voxgate.engines.sip_policy import policy_of
from voxgate.firewall.opening import Opening, Way
from voxgate.firewall.outwards import outwards

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voxgate.config.model import Config
    from voxgate.config.services import ServiceTarget
    from voxgate.engines.base import Listener
    from voxgate.firewall.opening import Address, Network
    from voxgate.plan.desired import Desired

_OUTSIDE: Final = (Side.OUTSIDE4, Side.OUTSIDE6)
_MEDIA: Final = Rtpengine().name
#: What a transport of a listener is to a packet filter.
_PROTO: Final = {"udp": "udp", "tcp": "tcp", "tls": "tcp"}
_PLAIN: Final = {"udp": "udp", "tcp": "tcp", "tls": "tls", "wss": "tls", "ws": "tcp", "plain": "tcp"}
_TRUNK_PURPOSE: Final = "SIP with a provider, on a port of its own"


def openings(desired: Desired) -> tuple[Opening, ...]:
    """All of them: what comes in, what passes through, what goes out."""
    found = [*_listening(desired), *_media(desired), *_relay(desired), *_acme(desired)]
    found += [*_forwards(desired), *_admin(desired), *outwards(desired)]
    return tuple(_joined(found))


def _listening(desired: Desired) -> Iterator[Opening]:
    """One for each listener that is not on loopback."""
    for state in desired.engines:
        for listener in state.listeners:
            if state.name != _MEDIA and not ip_address(listener.address).is_loopback:
                yield _opening(listener, desired)


def _opening(listener: Listener, desired: Desired) -> Opening:
    config, address, proto = desired.config, ip_address(listener.address), _PROTO[listener.proto]
    purpose, key = listener.purpose, _key(listener, config)
    allowed = _allowed(listener, config)
    trunks = _trunks(listener, desired)
    if trunks:
        key, purpose = f"trunks.{next(iter(trunks))}.source_port", _TRUNK_PURPOSE
        allowed = tuple(network for networks in trunks.values() for network in networks)
    elif not _is_outside(address, desired):
        allowed = _inside(desired)
    elif purpose == LOCAL_DNS:
        # With one interface, the address is that of both sides; strangers have no business there.
        return Opening(Way.IN, proto, (listener.port,) * 2, (address,), purpose, "dns.port", _inside(desired), ())
    ports = (listener.port, listener.port)
    return Opening(Way.IN, proto, ports, (address,), purpose, key, allowed, _public(address, desired))


def _is_outside(address: Address, desired: Desired) -> bool:
    """Whether the internet comes to this address; TURN's second one belongs to it."""
    sides = desired.network.sides
    return address not in {one.local for one in sides} or any(
        one.local == address and one.side in _OUTSIDE for one in sides
    )


def _public(address: Address, desired: Desired) -> tuple[Address, ...]:
    """The router's address in front of it, where there is one."""
    sides = desired.network.sides
    return tuple(one.shown for one in sides if one.side in _OUTSIDE and one.local == address and one.shown != address)


def _inside(desired: Desired) -> tuple[Network, ...]:
    """Who is inside: PBXs, and phones of the local networks."""
    return tuple(one for one in desired.network.local_networks if not one.is_loopback)


def _key(listener: Listener, config: Config) -> str:
    """The key that opens it; what a PBX needs on the inside alone has none."""
    for service in type(config.listen).model_fields:
        section = getattr(config.listen, service)
        for name, proto in _PLAIN.items():
            if proto == listener.proto and getattr(section, name, None) == listener.port:
                return f"listen.{service}.{name}"
    turn = config.turn
    for name in ("port", "tls_port", "rest_port", "rest_tls_port"):
        if turn and getattr(turn, name) == listener.port:
            return f"turn.{name}"
    if turn and listener.purpose.startswith("STUN"):
        return "turn.second_address"
    return "pbxs"


def _allowed(listener: Listener, config: Config) -> tuple[Network, ...]:
    """Networks that one service's PBXs let in, where each of them has such a list and nothing else is on the port."""
    key = _key(listener, config)
    service = key.split(".")[1] if key.startswith("listen.") else ""
    if service not in {"http", "ldap", "h323"} or " and " in listener.purpose:
        return ()
    if listener.port == WELL_KNOWN_PORT and _asks_over_http(config):
        return ()
    targets: list[ServiceTarget] = [target for pbx in config.pbxs.values() if (target := getattr(pbx, service))]
    if not targets or not all(target.allow_from for target in targets):
        return ()
    networks = {network for target in targets for network in target.allow_from}
    return () if any(network.prefixlen == 0 for network in networks) else _sorted(networks)


def _trunks(listener: Listener, desired: Desired) -> dict[str, tuple[Network, ...]]:
    """The providers that have this port for themselves, with where they send from."""
    if listener.proto != "udp":
        return {}
    trunks = policy_of(desired.config, desired.network, desired.generation, media=True).trunks
    own = [one for one in trunks.values() if one.own and one.own.port == listener.port]
    return {
        one.name: _sorted({ip_network(text) for text in (*one.sources, *(hop.address for hop in one.hops))})
        for one in own
    }


def _media(desired: Desired) -> Iterator[Opening]:
    ports = (desired.config.media.ports.first, desired.config.media.ports.last)
    for address in dict.fromkeys(side.local for side in desired.network.sides):
        # PBXs send audio from where they like, but from inside; phones' addresses are not known beforehand.
        sources = () if _is_outside(address, desired) else _inside(desired)
        public = _public(address, desired)
        yield Opening(Way.IN, "udp", ports, (address,), "audio and video (RTP)", "media.ports", sources, public)


def _relay(desired: Desired) -> Iterator[Opening]:
    """The relay's own ports, where PBXs send to them; between relay and media everything stays on this machine."""
    turn = desired.config.turn
    if turn is None or not turn.peers or not (turn.accounts or turn.shared_secret):
        return
    ports = (turn.relay_ports.first, turn.relay_ports.last)
    for side in desired.network.sides:
        if side.side in _OUTSIDE:
            purpose, sources = "TURN relay, from the peers", _sorted(set(turn.peers))
            yield Opening(Way.IN, "udp", ports, (side.local,), purpose, "turn.relay_ports", sources)


def _asks_over_http(config: Config) -> bool:
    certificates = config.certificates
    shown = (certificates.default, *certificates.others.values())
    return any(one and one.acme and one.acme.dns is None for one in shown)


def _acme(desired: Desired) -> Iterator[Opening]:
    """Port 80 for the authority's question, where HTTP is not served on it anyway."""
    taken = {(one.address, one.port) for state in desired.engines for one in state.listeners if one.proto == "tcp"}
    for side in desired.network.sides:
        if not _asks_over_http(desired.config) or side.side not in _OUTSIDE:
            continue
        if (str(side.local), WELL_KNOWN_PORT) not in taken:
            ports = (WELL_KNOWN_PORT, WELL_KNOWN_PORT)
            public = _public(side.local, desired)
            note = "listens only while a certificate is ordered; must be open all the same"
            purpose, key = "question of the certificates' authority", "certificates"
            yield Opening(Way.IN, "tcp", ports, (side.local,), purpose, key, (), public, note=note)


def _forwards(desired: Desired) -> Iterator[Opening]:
    """What passes through: a packet filter sees it with its new destination already."""
    for one in forwards_of(desired.config, desired.network):
        if not one.entries or (one.closed and not one.allowed):
            continue
        purpose, key = one.note or "port forward", f"pbxs.{one.pbx}.forwards"
        public = tuple(shown for entry in one.entries for shown in _public(entry, desired))
        ports, entry = (one.to, one.to + one.last - one.first), (one.first, one.last)
        common = (Way.THROUGH, one.proto, ports, (one.target,), purpose, key, one.allowed, public)
        yield Opening(*common, pbx=one.pbx, entry=entry)


def _admin(desired: Desired) -> Iterator[Opening]:
    """The web page and the API, where they are on other addresses than loopback."""
    admin = desired.config.admin
    if admin is None or admin.listen.address.is_loopback:
        return
    where, ports = admin.listen.address, (admin.listen.port, admin.listen.port)
    ours = dict.fromkeys(side.local for side in desired.network.sides if side.local.version == where.version)
    addresses = tuple(ours) if where.is_unspecified else (where,)
    yield Opening(Way.IN, "tcp", ports, addresses, "web page and API", "admin.listen", admin.allow_from)


def _joined(found: Iterable[Opening]) -> Iterator[Opening]:
    """Those that differ by the address alone as one."""
    groups: dict[tuple[object, ...], list[Opening]] = {}
    for one in found:
        key = (one.way, one.proto, one.ports, one.purpose, one.key, one.sources, one.pbx, one.entry)
        groups.setdefault(key, []).append(one)
    for group in groups.values():
        first = group[0]
        yield Opening(
            *(first.way, first.proto, first.ports),
            tuple(dict.fromkeys(address for one in group for address in one.addresses)),
            *(first.purpose, first.key, first.sources),
            tuple(dict.fromkeys(address for one in group for address in one.public)),
            *(first.pbx, first.note, first.entry),
        )


def _sorted(networks: Iterable[Network]) -> tuple[Network, ...]:
    return tuple(sorted(networks, key=lambda one: (one.version, int(one.network_address), one.prefixlen)))
