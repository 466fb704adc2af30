"""HTTP and SIP over WebSocket: services that share ports, so they share a frontend for each port. Pure.

Which host leads where stands in maps (routes.py), not in haproxy.cfg: that changes with ports and switches only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.config.urls import AMBIGUOUS
from voxgate.engines import acme, websocket
from voxgate.engines.base import Listener
from voxgate.engines.haproxy import access, tls
from voxgate.engines.haproxy.fragment import Fragment, bind
from voxgate.engines.haproxy.routes import hosts_of, routes_of
from voxgate.engines.haproxy.slots import SLOTS
from voxgate.engines.haproxy.tls import PBXS_CA
from voxgate.engines.render import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.model import Config
    from voxgate.engines.haproxy.fragment import Ground

#: Connections of clients over HTTP at once; each takes some 40 KB.
MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Door:
    """One port: which services share it, where it is bound, what stands behind the addresses for TLS and threads.

    `line` and `error_line` are the access log's. With `inner`, TLS is looked into first on `binds`, and what is not
    passed through comes in at the socket `inner`.
    """

    name: str
    secure: bool
    sip: bool
    http: bool
    binds: tuple[str, ...]
    tls: str
    threads: str
    inner: str
    line: str
    pass_line: str
    error_line: str


def served(config: Config) -> bool:
    """Whether anything comes over HTTP."""
    http = config.listen.http
    return websocket.served(config) or bool(http and (http.plain or http.tls))


def fragment(ground: Ground) -> Fragment | None:
    """The frontends and backends of everything over HTTP."""
    config = ground.config
    if not served(config):
        return None
    listeners = tuple(_listeners(ground))
    http = config.listen.http is not None
    text = render(
        "haproxy/web.cfg",
        folder=ground.folder,
        doors=[*_doors(ground, listeners)],
        http=http,
        sip=websocket.served(config),
        ambiguous=AMBIGUOUS[0],
        slots=SLOTS,
        ways=tuple(_ways(ground)),
        escaped=access.ESCAPED,
        log_forwarded=config.access_log.forwarded,
        acme=acme,
        websocket=websocket,
        websocket_key=ground.websocket_key,
    )
    files = tuple(routes_of(config).files()) if http else ()
    # Each connection of a client has one towards Kamailio or a PBX; HAProxy counts the clients' only.
    return Fragment(text, listeners, files, connections=2 * websocket.MOST + (MOST if http else 0))


def _ways(ground: Ground) -> Iterator[tuple[str, str]]:
    """How requests go on to PBXs (see routes.py), and what stands behind the server's address for it."""
    yield "p", ""
    yield "s", " ssl verify none sni var(txn.host)"
    if ground.pbxs_ca:
        # With `sni` and no `verifyhost`, the certificate must be for that very name.
        yield "v", f" ssl verify required ca-file {ground.folder / PBXS_CA} sni var(txn.host)"


def _listeners(ground: Ground) -> Iterator[Listener]:
    """One for each socket, whatever number of services shares it."""
    sip, http = ground.config.listen.sip, ground.config.listen.http
    found = [
        *ground.listeners("tls", sip.wss, "SIP over WSS"),
        *ground.listeners("tcp", sip.ws, "SIP over WS"),
    ]
    if http:
        versions = frozenset(version for version, on in ((4, http.ipv4), (6, http.ipv6)) if on)
        found += ground.listeners("tls", http.tls, "HTTPS", versions)
        found += ground.listeners("tcp", http.plain, "HTTP", versions)
    sockets = dict.fromkeys((one.proto, one.address, one.port) for one in found)
    passed = frozenset(
        host
        for pbx in ground.config.pbxs.values()
        if pbx.http is not None and pbx.http.pass_tls
        for host in hosts_of(pbx, pbx.http)
    )
    for socket in sockets:
        purposes = [one.purpose for one in found if (one.proto, one.address, one.port) == socket]
        names = passed if http and socket[0] == "tls" and socket[2] == http.tls else frozenset[str]()
        yield Listener(*socket, " and ".join(purposes), passed=names)


def _doors(ground: Ground, listeners: tuple[Listener, ...]) -> Iterator[Door]:
    sip, http = ground.config.listen.sip, ground.config.listen.http
    passing = any(pbx.http is not None and pbx.http.pass_tls for pbx in ground.config.pbxs.values())
    for proto, port in dict.fromkeys((listener.proto, listener.port) for listener in listeners):
        secure = proto == "tls"
        serves_http = http is not None and port == (http.tls if secure else http.plain)
        legacy = http is not None and serves_http and http.legacy_tls
        protocol = "https" if secure else "http"
        yield Door(
            name=f"web_{port}",
            secure=secure,
            sip=port == (sip.wss if secure else sip.ws),
            http=serves_http,
            binds=tuple(bind(one) for one in listeners if (one.proto, one.port) == (proto, port)),
            tls=tls.bind_tls(ground, alpn="h2,http/1.1" if serves_http else "http/1.1", legacy=legacy)
            if secure
            else "",
            threads=f"thread 1-{ground.web_threads}",
            inner=f"unix@{ground.folder}/web_{port}.sock" if secure and serves_http and passing else "",
            line=access.http_line(protocol),
            pass_line=access.pass_line(protocol),
            error_line=access.error_line(protocol),
        )
