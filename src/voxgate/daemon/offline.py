"""What the machine is to be, for verbs that only read: they need no running Voxgate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxgate.host.clock import SystemClock
from voxgate.plan.history import History, loadable
from voxgate.resolver import Resolver

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.engines.base import Places
    from voxgate.plan.desired import Desired


def standing(path: Path | None, places: Places, main: Path) -> Desired:
    """What the file `path` leads to; without it what was applied last, or `main` where nothing was ever applied.

    Raises ConfigError, HostError.
    """
    resolver = Resolver(places, SystemClock())
    history = History(places.state / "generations")
    record = history.running() if path is None else None
    if record is None:
        return resolver.desire(resolver.load(path or main).config, history.next_generation())
    sources = loadable(main, history.sources(record.generation))
    return resolver.desire(resolver.load_sources(main, sources).config, record.generation)
