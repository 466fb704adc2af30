"""How the running HAProxy is asked and told: through the sockets of its worker and of its master."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from voxgate.engines.base import Action
from voxgate.engines.haproxy.engine import MASTER_SOCKET, RUNTIME_SOCKET
from voxgate.engines.haproxy.tls import CERTIFICATE
from voxgate.errors import EngineError, PeerError
from voxgate.host import files
from voxgate.wire.haproxy_runtime import RuntimeClient

if TYPE_CHECKING:
    from pathlib import Path

#: The new worker reads the certificate and the maps; the machine may be busy with calls.
RELOAD_LIMIT_S = 20.0
RELOAD_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class HaproxyControl:
    """HAProxy in `folder`, by its runtime sockets. Implements `hands.Control` and, called, `readiness.Probe`."""

    folder: Path

    @property
    def runtime(self) -> RuntimeClient:
        """The worker."""
        return RuntimeClient(self.folder / RUNTIME_SOCKET)

    async def __call__(self) -> None:
        """It answers: its sockets are bound before it does. Raises PeerError."""
        await self.runtime.info()

    async def reload(self, action: Action, generation: int) -> None:
        """Make files with this action effective; connections stay. Raises EngineError, PeerError, HostError."""
        match action:
            case Action.TLS:
                path = self.folder / CERTIFICATE
                await self.runtime.replace_certificate(path, files.read(path))
            case Action.RELOAD:
                await self._new_worker()
            case Action.POLICY | Action.RULES | Action.DISPATCHER | Action.TABLES | Action.RESTART:
                raise AssertionError(f"HAProxy has no file for {action} of generation {generation}")
            case _:
                assert_never(action)

    async def generation(self) -> int | None:
        """It cannot tell, but it answers."""
        await self()
        return None

    async def _new_worker(self) -> None:
        """The master starts another worker, which takes the listening sockets over; the former ends with its last

        connection. That another process answers is the proof: HAProxy 2.6 says nothing of a worker that failed.
        """
        former = (await self.runtime.info())["Pid"]
        # Version 2.6 drops the connection while it starts itself anew.
        with suppress(PeerError):
            await RuntimeClient(self.folder / MASTER_SOCKET).ask(b"reload")
        for _ in range(round(RELOAD_LIMIT_S / RELOAD_PAUSE_S)):
            await asyncio.sleep(RELOAD_PAUSE_S)
            try:
                if (await self.runtime.info())["Pid"] != former:
                    return
            except PeerError:
                continue
        raise EngineError("haproxy", "did not take its new configuration", "its own words are in the log")
