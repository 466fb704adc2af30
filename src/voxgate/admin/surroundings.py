"""What the edge gives to those who administer it: one way to ask, and a few things to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from voxgate.admin.audit import Audit
    from voxgate.config.model import Config
    from voxgate.firewall.opening import Opening
    from voxgate.guard.observation import Reports
    from voxgate.host.clock import Clock
    from voxgate.supervise.control import Told
    from voxgate.wire.control import Request


class Desk(Protocol):
    """Takes what the control socket takes, and answers as it does."""

    async def ask(self, request: Request, by: str) -> Told:
        """Carry it out for `by`. Raises VoxgateError. What was begun is finished, whoever goes away meanwhile."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The edge around us. All of it may be used from any thread.

    `config` and `generation` are what runs; `main` is the configuration's file; `folder` is ours.
    `random` gives so many bytes of chance. `openings` is what must be open in firewalls for what runs.
    """

    desk: Desk
    clock: Clock
    reports: Reports
    config: Callable[[], Config]
    generation: Callable[[], int]
    main: Callable[[], Path]
    folder: Path
    random: Callable[[int], bytes]
    version: str
    audit: Audit
    openings: Callable[[], tuple[Opening, ...]] = tuple
