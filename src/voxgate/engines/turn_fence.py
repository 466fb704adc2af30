"""What the kernel lets relayed packets reach: a ruleset for nft beside coturn's own list of peers. Pure.

coturn's list knows addresses, not ports: without the fence whoever has an account could speak with every UDP service of
the edge from the edge's own address, by which Kamailio and others recognize it. It also holds where coturn errs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voxgate.config.turncheck import allowed_networks
from voxgate.engines.render import render

if TYPE_CHECKING:
    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.config.scalars import PortRange
    from voxgate.config.turn import Turn

FILE: Final = "fence.nft"


def table_of(engine: str) -> str:
    """The name of an engine's table in the family inet."""
    return f"voxgate_{engine.replace('-', '_')}"


def ruleset(engine: str, relay_ports: PortRange, config: Config, network: Network, turn: Turn) -> bytes:
    """The text for `nft -f`: it replaces the engine's table as a whole, in one transaction."""
    own = sorted({side.local for side in network.sides}, key=lambda address: (address.version, int(address)))
    networks = {version: [one for one in allowed_networks(turn) if one.version == version] for version in (4, 6)}
    return render(
        FILE,
        table=table_of(engine),
        relay_ports=relay_ports,
        media_ports=config.media.ports,
        own={version: [one for one in own if one.version == version] for version in (4, 6)},
        peers=networks,
    )
