"""`Desired`: everything the machine must be for one configuration, as one value. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.engines.base import Engine, EngineState, Places


@dataclass(frozen=True, slots=True)
class Desired:
    """One configuration, resolved on this machine, and what each engine must be for it."""

    generation: int
    config: Config
    network: Network
    engines: tuple[EngineState, ...]


def desire(config: Config, network: Network, engines: tuple[Engine, ...], places: Places, generation: int) -> Desired:
    """Compose what all `engines` want. The order of `engines` is the order in which they start."""
    states = tuple(engine.desired(config, network, places, generation) for engine in engines)
    return Desired(generation, config, network, states)
