"""How the running HAProxy is asked and told: through the sockets of its worker and of its master."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from voxgate.engines.base import Action
from voxgate.engines.haproxy.engine import MASTER_SOCKET, RUNTIME_SOCKET
from voxgate.errors import EngineError, HostError, PeerError
from voxgate.host import files
from voxgate.wire.haproxy_runtime import RuntimeClient

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
                await self._replace_pems()
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

    async def _replace_pems(self) -> None:
        """All certificates and trust lists it has loaded, as they lie on disk; a new one comes with a new worker."""
        for kind in (b"cert", b"ca-file"):
            for name in sorted(await self.runtime.loaded(kind)):
                path = Path(name)
                # What haproxy.cfg does not need any more goes with the next reload, which the same plan holds.
                if path.parent == self.folder and (pem := _read(path)):
                    await self.runtime.replace_certificate(path, pem, kind)

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


def _read(path: Path) -> bytes:
    try:
        return files.read(path)
    except HostError:
        return b""
