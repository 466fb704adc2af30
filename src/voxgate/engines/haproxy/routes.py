"""What leads a request over HTTP to a PBX, as HAProxy's maps. Pure.

Every lookup is one walk down a tree, so its cost does not grow with the number of PBXs. Lists that many PBXs share are
kept once: a host names its list of URLs and its list of networks by a digest of them.

    http-hosts.map      host|p or host|s (as it came: plain or TLS) -> backend|URLs|networks|address|port|PBX
    http-heads.map      URLs|URL -> 1            the longest entry that is a head of what is asked
    http-folders.map    URLs|URL -> 1            the path up to its last slash
    http-networks.map   networks|digits|hex -> 1 the address in hexadecimal, `digits` tell IPv4 (8) from IPv6 (32)
    http-nodes.map      PBX/towards the PBX/slot -> address|port|PBX      where a PBX has several nodes
    tls-hosts.map       host -> t||networks|address|port|PBX              TLS that is passed through

`networks` is `any` where everybody may come. Towards the PBX is `p` (plain), `s` (TLS), `v` (TLS, its certificate
verified) or `t` (TLS of the client itself). `backend` is that and what else must be looked at: `n` (networks), `m`
(several nodes). Then in place of address and port stand `*a` (by the client's address) or `*r` (at random) and the
first part of the key in http-nodes.map.

HAProxy looks for a field one character after the other, and those at the end are needed most: so they are counted from
there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from voxgate.config.urls import allowed_urls
from voxgate.config.web import Spread
from voxgate.engines.base import Action, File
from voxgate.engines.haproxy.slots import SLOTS, slots

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from voxgate.config.model import Config
    from voxgate.config.nodes import Node
    from voxgate.config.pbxs import Pbx
    from voxgate.config.scalars import IpAddress, IpNetwork
    from voxgate.config.web import HttpTarget

HOSTS: Final = "http-hosts.map"
HEADS: Final = "http-heads.map"
FOLDERS: Final = "http-folders.map"
NETWORKS: Final = "http-networks.map"
NODES: Final = "http-nodes.map"
PASSED: Final = "tls-hosts.map"
#: In the order in which new entries go in: what a host refers to is there before the host is.
ALL: Final = (HEADS, FOLDERS, NETWORKS, NODES, PASSED, HOSTS)

_ANYBODY: Final = "any"
_SPREADS: Final = {Spread.ADDRESS: "*a", Spread.RANDOM: "*r"}


@dataclass(frozen=True, slots=True)
class Routes:
    """The maps of one configuration: name of the file -> key -> value."""

    maps: Mapping[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in ALL})

    def files(self) -> Iterator[File]:
        """As HAProxy reads them at its start. It knows only maps that haproxy.cfg names."""
        for name, entries in self.maps.items():
            if name == PASSED and not entries:
                continue
            lines = (f"{key} {value}\n" for key, value in sorted(entries.items()))
            yield File(name, "".join(lines).encode(), Action.MAPS)


def routes_of(config: Config) -> Routes:
    """All ways to PBXs over HTTP."""
    routes = Routes()
    for name, pbx in config.pbxs.items():
        if pbx.http is not None:
            _add(routes, str(name), pbx, pbx.http)
    return routes


def nodes_of(pbx: Pbx, http: HttpTarget) -> tuple[Node, ...]:
    """Where a PBX takes HTTP."""
    return http.nodes or pbx.nodes


def hosts_of(pbx: Pbx, http: HttpTarget) -> tuple[str, ...]:
    """The hosts that lead to it: gatekeeper IDs are none."""
    return http.names or tuple(name for name in pbx.names if "/" not in name)


def node_entries(name: str, pbx: Pbx, down: frozenset[IpAddress] = frozenset()) -> dict[str, str]:
    """The entries of http-nodes.map for a PBX with several nodes, of which `down` get nothing."""
    http = pbx.http
    if http is None or len(nodes := nodes_of(pbx, http)) == 1:
        return {}
    ways = dict.fromkeys(way for _, way in _ways(http))
    found = slots(nodes, down)
    return {f"{name}/{way}/{n}": _place(name, found[n], _port(http, way)) for way in ways for n in range(SLOTS)}


def _add(routes: Routes, name: str, pbx: Pbx, http: HttpTarget) -> None:
    maps = routes.maps
    urls = allowed_urls(http.allow_urls)
    listed = _digest((*sorted(urls.heads), *sorted(urls.folders)))
    maps[HEADS].update({f"{listed}|{url}": "1" for url in urls.heads})
    maps[FOLDERS].update({f"{listed}|{url}": "1" for url in urls.folders})
    networks = _digest(sorted(map(str, http.allow_from))) if http.allow_from else _ANYBODY
    maps[NETWORKS].update({f"{networks}|{digits}": "1" for network in http.allow_from for digits in _digits(network)})
    maps[NODES].update(node_entries(name, pbx))
    for came, way in _ways(http):
        backend = way if way == "t" else f"{way}{'n' * bool(http.allow_from)}{'m' * (len(nodes_of(pbx, http)) > 1)}"
        value = f"{backend}|{listed}|{networks}|{_destination(name, pbx, http, way)}"
        if way == "t":
            maps[PASSED].update(dict.fromkeys(hosts_of(pbx, http), value))
        else:
            maps[HOSTS].update({f"{host}|{came}": value for host in hosts_of(pbx, http)})


def _ways(http: HttpTarget) -> Iterator[tuple[str, str]]:
    """How it came -> how it goes on. Encryption is kept where the PBX has both ports."""
    encrypted = "t" if http.pass_tls else "v" if http.verify_certificate else "s"
    if http.plain is not None:
        yield "p", "p"
    elif not http.pass_tls:
        yield "p", encrypted
    yield "s", encrypted if http.tls is not None else "p"


def _port(http: HttpTarget, way: str) -> int | None:
    return http.plain if way == "p" else http.tls


def _destination(name: str, pbx: Pbx, http: HttpTarget, way: str) -> str:
    nodes = nodes_of(pbx, http)
    if len(nodes) == 1:
        return _place(name, nodes[0].address, _port(http, way))
    return f"{_SPREADS[http.spread]}|{name}/{way}/|{name}"


def _place(name: str, address: IpAddress, port: int | None) -> str:
    return f"{address}|{port}|{name}"


def _digits(network: IpNetwork) -> Iterator[str]:
    """The beginnings of all its addresses in hexadecimal; several where it does not end between two digits."""
    total = network.max_prefixlen // 4
    known = -(-network.prefixlen // 4)
    first = int(network.network_address) >> 4 * (total - known)
    for number in range(first, first + (1 << 4 * known - network.prefixlen)):
        yield f"{total}|{number:0{known}X}" if known else f"{total}|"


def _digest(items: Iterable[str]) -> str:
    return sha256("\n".join(items).encode()).hexdigest()[:12]
