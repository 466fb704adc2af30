"""The inside view's names, served: dnsmasq as an engine (dnsmasq(8)). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.config.network import Side, is_private
from voxgate.engines.base import Action, EngineState, File, Listener, Process
from voxgate.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.config.dns import Dns
    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.config.scalars import IpAddress
    from voxgate.engines.base import Places

NAME: Final = "dnsmasq"
PURPOSE: Final = "DNS for the local network"
_FILE: Final = "dnsmasq.conf"
_MADE: Final = "# Made by Voxgate from its configuration; edits are overwritten."
_LOW_PORTS: Final = 1024
_INSIDE: Final = (Side.INSIDE4, Side.INSIDE6)
#: Nothing of this machine's own names, addresses without a name never outside, bounded; no reply of a server that
#: asks us again is waited for.
_FIXED: Final = (
    *("bind-interfaces", "no-hosts", "domain-needed", "bogus-priv", "dns-loop-detect"),
    *("cache-size=1000", "dns-forward-max=150", "edns-packet-max=1232"),
)


@dataclass(frozen=True, slots=True)
class LocalDns:
    """The process for the section `dns`; `names` are the inside view's, as lines for it."""

    dns: Dns
    names: Callable[[Config, Network], str]
    name: str = NAME

    def desired(self, config: Config, network: Network, places: Places, generation: int) -> EngineState:
        """Its process and file. Raises ConfigError where there is no private address to answer at."""
        del generation
        addresses = _addresses(self.dns, network)
        servers = [f"server={one}" for one in self.dns.upstream]
        lines = (
            *(f"listen-address={one}" for one in addresses),
            f"port={self.dns.port}",
            *_FIXED,
            *(("no-resolv", *servers) if servers else ()),
        )
        head = "".join(
            f"{line}\n" for line in ("# Made by Voxgate from its configuration; edits are overwritten.", *lines)
        )
        text = head + self.names(config, network)
        folder = places.engine(self.name)
        argv = ("dnsmasq", "--keep-in-foreground", "--log-facility=-", "--pid-file=", f"--conf-file={folder / _FILE}")
        return EngineState(
            self.name,
            Process(argv, user=NAME, capabilities=("net_bind_service",) if self.dns.port < _LOW_PORTS else ()),
            (File(_FILE, text.encode(), Action.RESTART),),
            listeners=tuple(
                Listener(proto, str(one), self.dns.port, PURPOSE) for one in addresses for proto in ("udp", "tcp")
            ),
        )


def local_dns(dns: Dns | None, names: Callable[[Config, Network], str]) -> tuple[LocalDns, ...]:
    """It, where it is wanted."""
    return (LocalDns(dns, names),) if dns else ()


def _addresses(dns: Dns, network: Network) -> tuple[IpAddress, ...]:
    """Where it answers. Whoever answers everybody is used to flood others, so public addresses are refused."""
    wanted = dns.listen or tuple(dict.fromkeys(side.local for side in network.sides if side.side in _INSIDE))
    private = tuple(one for one in wanted if is_private(one))
    if not private or (dns.listen and len(private) < len(wanted)):
        said = f"{', '.join(map(str, wanted))} is public" if wanted else "this machine has no address inside"
        message = f"the DNS server for the local network has no private address to answer at: {said}"
        raise ConfigError((Problem("", 0, "dns.listen", message, "give private addresses of this machine"),))
    return private
