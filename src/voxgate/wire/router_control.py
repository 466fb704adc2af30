"""The control socket of a router process: one line asked, one JSON object answered (router/driver/control.py)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voxgate.errors import EngineError, PeerError

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class RouterClient:
    """Asks the socket at `path`. `name` is the engine's, for errors."""

    name: str
    path: Path
    timeout_s: float = TIMEOUT_S

    async def ask(self, line: str) -> dict[str, Any]:
        """The answer. Raises PeerError when there is none, EngineError in the router's words when it refuses."""
        try:
            async with asyncio.timeout(self.timeout_s):
                reader, writer = await asyncio.open_unix_connection(self.path)
                try:
                    writer.write(line.encode() + b"\n")
                    answer = json.loads(await reader.readline())
                finally:
                    writer.close()
        except (OSError, TimeoutError, ValueError) as error:
            raise PeerError(f"{self.name}: no answer at {self.path.name}: {error or type(error).__name__}") from error
        if not isinstance(answer, dict):
            raise PeerError(f"{self.name}: its answer is no object")
        if "error" in answer:
            raise EngineError(self.name, str(answer["error"])[:300])
        return answer
