"""A difference of two configurations as a sentence for people. Pure.

One table of patterns, read from the top; the last entry fits everything, so no change is ever silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_network
from typing import TYPE_CHECKING

from voxgate.config.network import IpAddress, Network, Side
from voxgate.config.nodes import Node
from voxgate.config.pbxs import Pbx
from voxgate.plan import (
    admin_sentences,
    certificate_sentences,
    h323_sentences,
    ldap_sentences,
    trunk_sentences,
    turn_sentences,
    web_sentences,
)
from voxgate.plan.change import ABSENT, Change, Difference, Kind, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from voxgate.config.model import Config
    from voxgate.plan.desired import Desired

SIDES = {
    Side.INSIDE4: "inside, IPv4",
    Side.INSIDE6: "inside, IPv6",
    Side.OUTSIDE4: "outside, IPv4",
    Side.OUTSIDE6: "outside, IPv6",
}


@dataclass(frozen=True, slots=True)
class Names:
    """Which PBX serves which service name, before and after."""

    before: dict[str, str]
    after: dict[str, str]

    def fate(self, names: Iterable[str]) -> str:
        """What becomes of `names` that a PBX gives up."""
        lost = [name for name in names if name not in self.after]
        heirs = sorted({self.after[name] for name in names if name in self.after})
        parts = [f"{counted(len(lost), 'name')} get no service" if len(lost) != 1 else "1 name gets no service"]
        parts = parts if lost else []
        parts += [f"PBX {heir} takes {_listed(n for n in names if self.after.get(n) == heir)}" for heir in heirs]
        return ", ".join(parts)


def changes(before: Config | None, after: Config) -> tuple[Change, ...]:
    """All that `after` does differently from `before`; with `None` for before, what a first start brings."""
    if before is None:
        return tuple(_first(after))
    names = Names(_owners(before), _owners(after))
    told = tuple(sentence(difference, names) for difference in differences(before, after))
    return (*told, *turn_sentences.moves(before, after))


def network_changes(before: Desired, after: Desired) -> tuple[Change, ...]:
    """What the machine's addresses and networks changed, whether or not the file was edited."""
    return (*_sides(before.network, after.network), *_locals(before, after))


def shown(value: object) -> str:
    """A value as the operator would say it. A secret's own text is its mask."""
    match value:
        case None:
            return "not set"
        case bool():
            return "on" if value else "off"
        case Enum():
            return str(value.value)
        case tuple() | list():
            return ", ".join(shown(item) for item in value) or "none"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def counted(number: int, what: str) -> str:
    """`1 name`, `2 names`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _owners(config: Config) -> dict[str, str]:
    return {str(name): str(key) for key, pbx in config.pbxs.items() for name in pbx.names}


def _listed(items: Iterable[object]) -> str:
    """All of a few items, the first ones of many."""
    texts = [str(item) for item in items]
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


def _first(config: Config) -> Iterator[Change]:
    for transport in ("udp", "tcp", "tls", "wss", "ws"):
        port = getattr(config.listen.sip, transport)
        if port is not None:
            yield _port(Difference(("listen", "sip", transport), None, port), Names({}, {}))
    yield from web_sentences.first(config)
    yield from ldap_sentences.first(config)
    yield from h323_sentences.first(config)
    yield Change(Kind.ADD, "media.ports", f"relays media on UDP ports {config.media.ports}")
    for name, pbx in config.pbxs.items():
        yield _pbx(Difference(("pbxs", str(name)), ABSENT, pbx), Names({}, {}))
    for name, trunk in config.trunks.items():
        yield trunk_sentences.whole(Difference(("trunks", str(name)), ABSENT, trunk))
    if config.turn is not None:
        yield turn_sentences.whole(Difference(("turn",), None, config.turn))


def sentence(difference: Difference, names: Names) -> Change:
    """The one sentence for one difference."""
    # The last pattern fits every key.
    told = next(tell for pattern, tell in TABLE if _fits(pattern, difference.key))
    return told(difference, names)


def _fits(pattern: tuple[str, ...], key: tuple[str, ...]) -> bool:
    if pattern == ("**",):
        return True
    return len(pattern) == len(key) and all(part in {"*", own} for part, own in zip(pattern, key, strict=True))


def _pbx(difference: Difference, names: Names) -> Change:
    name = difference.key[1]
    match difference.old, difference.new:
        case _, Pbx() as new:
            of = f"{counted(len(new.names), 'service name')}, {counted(len(new.nodes), 'node')}"
            return Change(Kind.ADD, difference.dotted, f"adds PBX {name}: {of}")
        case Pbx() as old, _:
            fate = names.fate([str(service) for service in old.names])
            return Change(Kind.REMOVE, difference.dotted, f"removes PBX {name}: {fate}")
        case _:
            return _generic(difference, names)


def _node(difference: Difference, names: Names) -> Change:
    pbx = difference.key[1]
    match difference.old, difference.new:
        case _, Node() as new:
            return Change(Kind.ADD, difference.dotted, f"PBX {pbx}: adds node {new.address} (priority {new.priority})")
        case Node() as old, _:
            return Change(Kind.REMOVE, difference.dotted, f"PBX {pbx}: removes node {old.address}")
        case _:
            return _generic(difference, names)


def _service_names(difference: Difference, names: Names) -> Change:
    pbx = difference.key[1]
    old, new = (
        [str(name) for name in side] if isinstance(side, tuple) else [] for side in (difference.old, difference.new)
    )
    came, went = [name for name in new if name not in old], [name for name in old if name not in new]
    parts = []
    if came:
        parts.append(f"adds {counted(len(came), 'name')} ({_listed(came)})")
    if went:
        parts.append(f"gives up {counted(len(went), 'name')} ({_listed(went)}): {names.fate(went)}")
    kind = Kind.CHANGE if (came and went) or not parts else Kind.ADD if came else Kind.REMOVE
    return Change(kind, difference.dotted, f"PBX {pbx}: {'; '.join(parts) or 'other order of its names'}")


def _port(difference: Difference, names: Names) -> Change:
    del names
    what = f"SIP/{difference.key[-1].upper()}"
    if difference.old is None:
        return Change(Kind.ADD, difference.dotted, f"serves {what} on port {difference.new}")
    if difference.new is None:
        return Change(Kind.REMOVE, difference.dotted, f"no longer serves {what} (port {difference.old})")
    return Change(Kind.CHANGE, difference.dotted, f"moves {what} from port {difference.old} to port {difference.new}")


def _networks(difference: Difference, names: Names) -> Change:
    del names
    return Change(Kind.CHANGE, difference.dotted, f"local networks: {_arrow(difference)}")


def _generic(difference: Difference, names: Names) -> Change:
    """For every other key: the key itself, old and new."""
    del names
    if difference.old is ABSENT:
        return Change(Kind.ADD, difference.dotted, f"adds {difference.dotted}: {shown(difference.new)}")
    if difference.new is ABSENT:
        return Change(Kind.REMOVE, difference.dotted, f"removes {difference.dotted}")
    return Change(Kind.CHANGE, difference.dotted, f"{difference.dotted}: {_arrow(difference)}")


def _arrow(difference: Difference) -> str:
    old, new = shown(difference.old), shown(difference.new)
    # Two values that look the same are two secrets, or a list of networks written otherwise.
    return f"{old} -> {new}" if old != new else "changes (its value is not shown)"


def _says(text: str) -> Callable[[Difference, Names], Change]:
    """Old and new value under a name for people; `{1}` in `text` is the second part of the key, and so on."""

    def tell(difference: Difference, _: Names) -> Change:
        subject = text.format(*(part.strip("[]") for part in difference.key))
        return Change(Kind.CHANGE, difference.dotted, f"{subject}: {_arrow(difference)}")

    return tell


def _alone(tell: Callable[[Difference], Change]) -> Callable[[Difference, Names], Change]:
    return lambda difference, _names: tell(difference)


PORTED = ("udp", "tcp", "tls")
TABLE: tuple[tuple[tuple[str, ...], Callable[[Difference, Names], Change]], ...] = (
    (("edge", "domain"), _says("public name of the edge")),
    (("edge", "interface"), _says("network interface")),
    (("edge", "address"), _says("addresses to listen on")),
    (("edge", "public_address"), _says("public address")),
    (("edge", "inside_interface"), _says("interface towards the PBXs")),
    (("edge", "local_networks"), _networks),
    (("edge", "topology_hiding"), _says("topology hiding")),
    *((("listen", "sip", transport), _port) for transport in ("udp", "tcp", "tls", "wss", "ws")),
    (("listen", "sip", "origins"), _says("hosts whose pages may open a WebSocket")),
    (("listen", "sip", "workers"), _says("SIP worker processes")),
    (("listen", "sip", "keepalive_seconds"), _says("seconds between keepalives to phones outside")),
    (("media", "ports"), _says("media ports")),
    (("media", "dscp"), _says("DiffServ code point of media")),
    (("media", "timeout_seconds"), _says("seconds until a call without audio is ended")),
    (("media", "hold_timeout_seconds"), _says("seconds until a call on hold without audio is ended")),
    (("media", "srtp"), _says("encryption of media towards phones")),
    (("health", "interval_seconds"), _says("health checks: seconds between two of a node")),
    (("health", "down_after"), _says("health checks: failures until a node is down")),
    (("health", "up_after"), _says("health checks: successes until a node is up")),
    (("pbxs", "*"), _pbx),
    (("pbxs", "*", "names"), _service_names),
    (("pbxs", "*", "nodes", "order"), _says("PBX {1}: order of its nodes")),
    (("pbxs", "*", "nodes", "*"), _node),
    (("pbxs", "*", "nodes", "*", "weight"), _says("PBX {1}: weight of node {3}")),
    (("pbxs", "*", "nodes", "*", "priority"), _says("PBX {1}: priority of node {3}")),
    (("pbxs", "*", "balance"), _says("PBX {1}: balance")),
    *((("pbxs", "*", "sip", one), _says(f"PBX {{1}}: its port for SIP over {one.upper()}")) for one in PORTED),
    (("pbxs", "*", "sip", "check_certificate"), _says("PBX {1}: check of client certificates")),
    (("pbxs", "*", "forwards"), _says("PBX {1}: port forwards")),
    (("pbxs", "*", "topology_hiding"), _says("PBX {1}: topology hiding")),
    (("listen", "sip", "requester"), _says("limits of each source address")),
    (("pbxs", "*", "fraud"), _says("PBX {1}: toll-fraud guard")),
    (("pbxs", "*", "limits"), _says("PBX {1}: limits")),
    (("pbxs", "*", "limits", "calls"), _says("PBX {1}: calls at the same time")),
    (("pbxs", "*", "limits", "calls_per_second"), _says("PBX {1}: new calls per second")),
    (("pbxs", "*", "failover", "timeout_seconds"), _says("PBX {1}: seconds until the next node is tried")),
    (("pbxs", "*", "failover", "codes"), _says("PBX {1}: answers that lead to the next node")),
    (("pbxs", "*", "srtp"), _says("PBX {1}: encryption of media")),
    *((pattern, _alone(tell)) for pattern, tell in (*trunk_sentences.TABLE, *turn_sentences.TABLE)),
    *((pattern, _alone(tell)) for pattern, tell in (*certificate_sentences.TABLE, *web_sentences.TABLE)),
    *((pattern, _alone(tell)) for pattern, tell in admin_sentences.TABLE),
    *((pattern, _alone(tell)) for pattern, tell in (*ldap_sentences.TABLE, *h323_sentences.TABLE)),
    *(
        (pattern, _says(name))
        for pattern, name in (*turn_sentences.NAMED, *web_sentences.SAYINGS, *admin_sentences.NAMED)
    ),
    *((pattern, _says(name)) for pattern, name in (*ldap_sentences.NAMED, *h323_sentences.NAMED)),
    (("**",), _generic),
)


def _sides(before: Network, after: Network) -> Iterator[Change]:
    olds, news = ({side.side: side for side in network.sides} for network in (before, after))
    for side in Side:
        old, new, key = olds.get(side), news.get(side), f"network.{side.value}"
        if old == new:
            continue
        if new is None:
            yield Change(Kind.REMOVE, key, f"{SIDES[side]}: no longer served")
        elif old is None:
            yield Change(Kind.ADD, key, f"{SIDES[side]}: served on {new.local}, seen as {new.shown}")
        else:
            was, now = (f"{one.local}, seen as {one.shown}" for one in (old, new))
            yield Change(Kind.CHANGE, key, f"{SIDES[side]}: {was} -> {now}")


def _locals(before: Desired, after: Desired) -> Iterator[Change]:
    # A node that comes or goes has its own sentence, and its address counts as local with it.
    told = {ip_network(address) for address in _nodes(before.config) ^ _nodes(after.config)}
    olds, news = set(before.network.local_networks) - told, set(after.network.local_networks) - told
    came, went = news - olds, olds - news
    for network in after.network.local_networks:
        if network in came:
            yield Change(Kind.ADD, "network.local", f"network {network} counts as local")
    for network in before.network.local_networks:
        if network in went:
            yield Change(Kind.REMOVE, "network.local", f"network {network} counts as local no longer")


def _nodes(config: Config) -> set[IpAddress]:
    return {node.address for pbx in config.pbxs.values() for node in pbx.nodes}
