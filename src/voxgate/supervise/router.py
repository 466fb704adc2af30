"""How a running router process is asked and told: by its control socket."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.engines.base import Action
from voxgate.engines.router import CONTROL, RULES
from voxgate.errors import EngineError
from voxgate.host import files
from voxgate.wire.router_control import RouterClient

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class RouterControl:
    """The process whose files lie in `folder`. Implements `hands.Control` and, called, `readiness.Probe`."""

    folder: Path

    @property
    def client(self) -> RouterClient:
        """Its control socket."""
        return RouterClient(self.folder.name, self.folder / CONTROL)

    async def __call__(self) -> None:
        """It answers: its other sockets are open before it does. Raises PeerError."""
        await self.client.ask("status")

    async def reload(self, action: Action, generation: int) -> None:
        """Have it take the rules that lie there now; connections stay. Raises EngineError, PeerError, HostError."""
        if action is not Action.RULES:
            raise AssertionError(f"the router has no file for {action} of generation {generation}")
        wanted = hashlib.sha256(await asyncio.to_thread(files.read, self.folder / RULES)).hexdigest()
        if (await self.client.ask("rules")).get("rules") != wanted:
            raise EngineError(self.folder.name, "took other rules than those that were written")

    async def generation(self) -> int | None:
        """It cannot tell, but it answers."""
        await self()
        return None
