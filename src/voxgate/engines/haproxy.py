"""HAProxy ends TLS for whoever comes over HTTP, today WebSocket for SIP; all else is refused. Pure.

It runs only where something for it is configured. Its files, and what a change of each takes:

    haproxy.cfg        listeners and rules: a seamless reload, connections stay in the former worker
    certificate.pem    chain and key in one, put in through the runtime socket, connections stay

`run/haproxy/admin.sock` is its runtime socket, `master.sock` that of its master process (management guide, 9.3, 9.4).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.engines import websocket
from voxgate.engines.base import Action, Check, EngineState, File, Listener, Process
from voxgate.engines.render import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.engines.base import Places
    from voxgate.engines.kamailio import Pair

CONFIGURATION: Final = "haproxy.cfg"
CERTIFICATE: Final = "certificate.pem"
RUNTIME_SOCKET: Final = "admin.sock"
MASTER_SOCKET: Final = "master.sock"
_LOW_PORTS: Final = 1024


@dataclass(frozen=True, slots=True)
class Haproxy:
    """The HTTP engine. `websocket_key` is what Kamailio knows it by."""

    certificate: Pair
    websocket_key: str = dataclasses.field(repr=False)
    name: str = "haproxy"

    def desired(self, config: Config, network: Network, places: Places, generation: int) -> EngineState:
        """Its process and files for `config`."""
        del generation
        folder = places.engine(self.name)
        listeners = tuple(_listeners(config, network))
        text = render(
            CONFIGURATION,
            folder=folder,
            plain=[_bind(one) for one in listeners if one.proto == "tcp"],
            secure=[_bind(one) for one in listeners if one.proto == "tls"],
            websocket=websocket,
            websocket_key=self.websocket_key,
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
            files=(
                File(CONFIGURATION, text, Action.RELOAD, secret=True),
                File(CERTIFICATE, self.certificate.certificate + self.certificate.key, Action.TLS, secret=True),
            ),
            check=Check(("haproxy", "-c", "-f", str(configuration))),
            listeners=listeners,
        )


def _listeners(config: Config, network: Network) -> Iterator[Listener]:
    addresses = dict.fromkeys(str(side.local) for side in network.sides)
    sip = config.listen.sip
    for proto, port, purpose in (("tls", sip.wss, "SIP over WSS"), ("tcp", sip.ws, "SIP over WS")):
        if port:
            yield from (Listener(proto, address, port, purpose) for address in addresses)


def _bind(listener: Listener) -> str:
    host = f"[{listener.address}]" if ":" in listener.address else listener.address
    return f"{host}:{listener.port}"
