"""What one area adds to the running edge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from voxgate.engines.base import EngineState
    from voxgate.plan.desired import Desired
    from voxgate.supervise.hands import Control
    from voxgate.supervise.panel import Panel
    from voxgate.supervise.readiness import Probe


def _nothing(_: Desired) -> None:
    return None


def _no_panels(_: Desired) -> tuple[Panel, ...]:
    return ()


async def _unmoved(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Part:
    """An area of the edge; whatever it has no use for stays empty.

    `controls` and `probes` are by engine's name. Each of `serve` runs in the edge's TaskGroup until it is cancelled.
    `applied` hears of each generation that runs now, `returned` the name of each engine that came back after a
    crash. `panels` are its tables in `status`. `prepare` and `ears` are by engine's name: what it needs before its
    process starts, and who hears its lines; an ear says whether the log shall have the line, too.
    """

    controls: Mapping[str, Control] = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    serve: tuple[Callable[[], Coroutine[None, None, None]], ...] = ()
    applied: Callable[[Desired], None] = _nothing
    panels: Callable[[Desired], tuple[Panel, ...]] = _no_panels
    returned: Callable[[str], Awaitable[None]] = _unmoved
    prepare: Mapping[str, Callable[[EngineState], Awaitable[None]]] = field(default_factory=dict)
    ears: Mapping[str, Callable[[bytes], bool]] = field(default_factory=dict)
