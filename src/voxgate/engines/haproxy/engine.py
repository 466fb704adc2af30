"""HAProxy as an engine: its process, and its files from the fragments of all services. Pure.

It runs only where something for it is configured. Its files, and what a change of each takes:

    haproxy.cfg        listeners and rules: a seamless reload, connections stay in the former worker
    certificate*.pem   chain and key in one, put in through the runtime socket, connections stay
    certificates.txt   which of them is shown for which name: a seamless reload
    clients_ca.pem     whose client certificates count: through the runtime socket
    pbxs_ca.pem        whose certificates of PBXs count: through the runtime socket

`run/haproxy/admin.sock` is its runtime socket, `master.sock` that of its master process (management guide, 9.3, 9.4).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.engines import router
from voxgate.engines.base import Action, Check, EngineState, File, Process
from voxgate.engines.haproxy import access, h323, ldap, tls, web
from voxgate.engines.haproxy.fragment import Ground
from voxgate.engines.haproxy.stream import targets_fragment
from voxgate.engines.haproxy.tls import CLIENTS_CA, PBXS_CA, certificate_files
from voxgate.engines.render import render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.engines.base import Places
    from voxgate.engines.haproxy.fragment import Fragment, Service
    from voxgate.engines.kamailio import Pair
    from voxgate.engines.sni import Further

CONFIGURATION: Final = "haproxy.cfg"
BANNED: Final = "banned.lst"
RUNTIME_SOCKET: Final = "admin.sock"
MASTER_SOCKET: Final = "master.sock"
#: One less than HAProxy 2.6 can have.
MOST_THREADS: Final = 63


def targets(ground: Ground) -> Fragment | None:
    """TLS from the router to PBXs."""
    return targets_fragment(ground) if router.served(ground.config) else None


#: Every service that HAProxy has a part in, in the order of haproxy.cfg.
SERVICES: Final[tuple[Service, ...]] = (web.fragment, ldap.fragment, h323.fragment, targets)


def served(config: Config) -> bool:
    """Whether HAProxy has anything to do."""
    return web.served(config) or router.served(config)


def web_threads(cpu_count: int) -> int:
    """How many serve HTTP: one per core but one. That is left to calls, whatever comes in."""
    return max(1, min(cpu_count - 1, MOST_THREADS))


@dataclass(frozen=True, slots=True)
class Haproxy:
    """The engine for what is not SIP or audio.

    `websocket_key` is what Kamailio knows it by; the rest is as in `Ground`.
    """

    certificate: Pair
    websocket_key: str = dataclasses.field(repr=False)
    clients_ca: bytes = b""
    pbxs_ca: bytes = b""
    routers: int = 1
    web_threads: int = 1
    name: str = "haproxy"
    further: tuple[Further, ...] = ()

    def desired(self, config: Config, network: Network, places: Places, generation: int) -> EngineState:
        """Its process and files for `config`."""
        del generation
        trusted = (self.clients_ca, self.pbxs_ca)
        ground = Ground(config, network, places, self.websocket_key, *trusted, self.routers, self.web_threads)
        fragments = [made for service in SERVICES if (made := service(ground))]
        folder = ground.folder
        text = render(
            "haproxy/haproxy.cfg",
            folder=folder,
            access_socket=places.run / access.SOCKET,
            connections=sum(fragment.connections for fragment in fragments),
            modern=tls.MODERN,
            ciphers=tls.CIPHERS,
            fragments=[fragment.text.decode() for fragment in fragments],
        )
        configuration = folder / CONFIGURATION
        return EngineState(
            name=self.name,
            process=Process(
                argv=("haproxy", "-W", "-f", str(configuration), "-S", f"{folder / MASTER_SOCKET},mode,660"),
                user="haproxy",
                # Whether a low port is needed may change with a reload, a capability only with a restart.
                capabilities=("net_bind_service",),
            ),
            files=(File(CONFIGURATION, text, Action.RELOAD, secret=True), *self._files(folder, fragments)),
            check=Check(("haproxy", "-c", "-f", str(configuration))),
            listeners=tuple(listener for fragment in fragments for listener in fragment.listeners),
        )

    def _files(self, folder: Path, fragments: list[Fragment]) -> Iterator[File]:
        # Filled through the runtime socket, where the kernel does not keep banned requesters out.
        yield File(BANNED, b"", Action.RELOAD, secret=True)
        yield from certificate_files(folder, self.certificate, self.further)
        for name, content in ((CLIENTS_CA, self.clients_ca), (PBXS_CA, self.pbxs_ca)):
            if content:
                yield File(name, content, Action.TLS)
        for fragment in fragments:
            yield from fragment.files
