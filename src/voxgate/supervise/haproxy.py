"""How the running HAProxy is asked and told: through the sockets of its worker and of its master."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from voxgate.engines.base import Action
from voxgate.engines.haproxy import routes
from voxgate.engines.haproxy.engine import MASTER_SOCKET, RUNTIME_SOCKET
from voxgate.errors import EngineError, HostError, PeerError
from voxgate.host import files
from voxgate.wire import haproxy_maps
from voxgate.wire.haproxy_runtime import RuntimeClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxgate.wire.haproxy_maps import Entries

#: The new worker reads the certificate and the maps; the machine may be busy with calls.
RELOAD_LIMIT_S = 20.0
RELOAD_PAUSE_S = 0.1


@dataclass(slots=True)
class _Held:
    """What the maps of one worker hold; nothing is known of another worker's."""

    worker: str = ""
    maps: dict[str, Entries] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HaproxyControl:
    """HAProxy in `folder`, by its runtime sockets. Implements `hands.Control` and, called, `readiness.Probe`."""

    folder: Path
    _held: _Held = field(default_factory=_Held, repr=False)

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
                # It has read the files as they are now.
                self._held.worker = (await self.runtime.info())["Pid"]
                self._held.maps = self._on_disk()
            case Action.MAPS:
                await self._push_maps()
            case Action.POLICY | Action.RULES | Action.DISPATCHER | Action.TABLES | Action.RESTART:
                raise AssertionError(f"HAProxy has no file for {action} of generation {generation}")
            case _:
                assert_never(action)

    async def generation(self) -> int | None:
        """It cannot tell, but it answers."""
        await self()
        return None

    async def change_nodes(self, entries: Mapping[str, str]) -> None:
        """Implements `web_nodes.Runtime`. What the files hold stays what is remembered of the maps."""
        await self.runtime.change_map(self.folder / routes.NODES, entries)

    def _on_disk(self) -> dict[str, Entries]:
        """The maps as HAProxy would read them at its start; none where HTTP is not served."""
        there = (name for name in routes.ALL if (self.folder / name).exists())
        return {name: haproxy_maps.parse(files.read(self.folder / name)) for name in there}

    async def _push_maps(self) -> None:
        """Let the running maps hold what the files hold: what hosts refer to first, what nothing refers to last."""
        worker, wanted = (await self.runtime.info())["Pid"], self._on_disk()
        held = self._held.maps if self._held.worker == worker else {}
        # When this fails half way, what the maps hold is not known.
        self._held.worker = ""
        for name, entries in wanted.items():
            if name in held:
                await self.runtime.extend_map(self.folder / name, held[name], entries)
            else:
                await self.runtime.replace_map(self.folder / name, entries)
        for name in reversed(held):
            await self.runtime.reduce_map(self.folder / name, held[name], wanted[name])
        self._held.worker, self._held.maps = worker, wanted

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
