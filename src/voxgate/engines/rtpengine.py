"""rtpengine relays RTP. All it needs is on its command line; so any change is a restart. Pure.

It has two interfaces, `inside` and `outside`, each with the addresses of its sides; the SIP script names the
two interfaces of each call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.engines.base import EngineState, Listener, Process

if TYPE_CHECKING:
    from voxgate.config.model import Config
    from voxgate.config.network import Network, SideAddress
    from voxgate.engines.base import Places

#: Control port of the ng protocol, on loopback only.
NG_PORT: Final = 2223
#: Where rtpengine reports calls whose media stopped (XML-RPC over HTTP), on loopback only.
TIMEOUT_PORT: Final = 2224
#: Where it tells of RTCP that passes it (HEP), on loopback only.
REPORTS: Final = ("127.88.0.1", 2228)


@dataclass(frozen=True, slots=True)
class Rtpengine:
    """The media relay."""

    name: str = "rtpengine"

    def desired(self, config: Config, network: Network, places: Places, generation: int) -> EngineState:
        """Its process for `config`; rtpengine reads no file of ours."""
        del places, generation
        media = config.media
        argv = (
            "rtpengine",
            "--config-file=none",
            "--foreground",
            "--log-stderr",
            "--no-log-timestamps",
            "--log-level=5",
            "--table=-1",
            *(f"--interface={_interface(side)}" for side in network.sides),
            f"--listen-ng=127.0.0.1:{NG_PORT}",
            f"--b2b-url=http://127.0.0.1:{TIMEOUT_PORT}/",
            "--xmlrpc-format=1",
            f"--homer={REPORTS[0]}:{REPORTS[1]}",
            "--homer-protocol=udp",
            "--homer-id=1",
            f"--port-min={media.ports.first}",
            f"--port-max={media.ports.last}",
            f"--tos={media.dscp << 2}",
            f"--timeout={media.timeout_seconds}",
            f"--silent-timeout={media.hold_timeout_seconds}",
            "--offer-timeout=240",
            # Ports of ended calls are free again soon: attempts that fail take ports too.
            "--delete-delay=2",
            "--dtls-passive",
            "--dtls-cert-cipher=prime256v1",
        )
        purpose = f"RTP and RTCP, up to {media.ports.last}"
        locals_ = dict.fromkeys(str(side.local) for side in network.sides)
        listeners = tuple(Listener("udp", address, media.ports.first, purpose) for address in locals_)
        return EngineState(self.name, Process(argv, user="rtpengine"), listeners=listeners)


def _interface(side: SideAddress) -> str:
    """`name/local!advertised` (rtpengine manual, --interface)."""
    name = "inside" if side.side.value.startswith("i") else "outside"
    shown = f"!{side.shown}" if side.shown != side.local else ""
    return f"{name}/{side.local}{shown}"
