"""HTTP and SIP over WebSocket: services that share ports, so they share a frontend for each port. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.engines import acme, websocket
from voxgate.engines.haproxy import access, tls
from voxgate.engines.haproxy.fragment import Fragment, bind
from voxgate.engines.render import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.model import Config
    from voxgate.engines.base import Listener
    from voxgate.engines.haproxy.fragment import Ground


@dataclass(frozen=True, slots=True)
class Door:
    """One port. `line` and `error_line` are the access log's, `tls` what stands behind its addresses."""

    name: str
    secure: bool
    sip: bool
    binds: tuple[str, ...]
    tls: str
    line: str
    error_line: str


def served(config: Config) -> bool:
    """Whether anything comes over HTTP."""
    return websocket.served(config)


def fragment(ground: Ground) -> Fragment | None:
    """The frontends and backends of everything over HTTP."""
    if not served(ground.config):
        return None
    listeners = tuple(_listeners(ground))
    text = render(
        "haproxy/web.cfg",
        folder=ground.folder,
        doors=[*_doors(ground, listeners)],
        acme=acme,
        websocket=websocket,
        websocket_key=ground.websocket_key,
    )
    # Each connection of a client has one towards Kamailio or a PBX.
    return Fragment(text, listeners, connections=2 * websocket.MOST)


def _listeners(ground: Ground) -> Iterator[Listener]:
    sip = ground.config.listen.sip
    yield from ground.listeners("tls", sip.wss, "SIP over WSS")
    yield from ground.listeners("tcp", sip.ws, "SIP over WS")


def _doors(ground: Ground, listeners: tuple[Listener, ...]) -> Iterator[Door]:
    sip = ground.config.listen.sip
    for proto, port in dict.fromkeys((listener.proto, listener.port) for listener in listeners):
        secure = proto == "tls"
        yield Door(
            name=f"web_{port}",
            secure=secure,
            sip=port == (sip.wss if secure else sip.ws),
            binds=tuple(bind(one) for one in listeners if (one.proto, one.port) == (proto, port)),
            tls=tls.bind_tls(ground, alpn="http/1.1") if secure else "",
            line=access.http_line("https" if secure else "http"),
            error_line=access.error_line("https" if secure else "http"),
        )
