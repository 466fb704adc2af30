"""What keeps banned requesters out: the kernel where it is ours, the engines where it is not.

A wall is built whole, and then changed. All of them hold the same; which networks are single requesters is
`Held.prefixes`' matter.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from voxgate.errors import EngineError, HostError
from voxgate.host import process
from voxgate.wire import nft, socket_filter

if TYPE_CHECKING:
    from collections.abc import Callable

    from voxgate.guard.networks import Network
    from voxgate.wire.nft import Element

log = logging.getLogger(__name__)

#: 100,000 elements take half a second on a quiet machine.
TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """All that a wall keeps out, and who passes whatever stands there."""

    elements: tuple[Element, ...] = ()
    white: tuple[Network, ...] = ()
    prefixes: nft.Prefixes = field(default_factory=nft.Prefixes)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is different from before: single requesters that come and go; other networks and white list where they

    changed, as a whole.
    """

    add: tuple[Element, ...] = ()
    remove: tuple[Network, ...] = ()
    networks: tuple[Network, ...] | None = None
    white: tuple[Network, ...] | None = None


class Wall(Protocol):
    """One place where bans are enforced. Every method raises VoxgateError when it could not."""

    async def build(self, held: Held) -> None:
        """Hold exactly this."""

    async def change(self, turn: Turn) -> None:
        """Hold this instead."""

    async def stands(self) -> bool:
        """Whether it is still there."""

    async def remove(self) -> None:
        """Keep nobody out any more."""

    async def cut(self, networks: tuple[Network, ...], spare: tuple[Network, ...]) -> None:
        """Close the open connections of `networks`, but for those of `spare`."""


class Kernel:
    """nftables: every port of this machine, before connection tracking. Needs CAP_NET_ADMIN."""

    def __init__(self, run: Callable[..., process.Finished] = process.run) -> None:
        self._run = run

    async def build(self, held: Held) -> None:
        """The table, anew. Raises HostError where the program is missing, EngineError where the kernel refuses."""
        await self._tell(nft.table(held.prefixes, held.elements, held.white))

    async def change(self, turn: Turn) -> None:
        """One transaction."""
        text = nft.change(turn.add, turn.remove)
        if turn.networks is not None:
            text += nft.rewrite("nets", turn.networks)
        if turn.white is not None:
            text += nft.rewrite("white", turn.white)
        if text:
            await self._tell(text)

    async def stands(self) -> bool:
        """Firewalls are often begun anew with `flush ruleset`, which takes our table, too.

        Whatever lists something reads all sets first, which takes half a second with 100,000 bans.
        """
        return (await self._run_nft(nft.touch())).code == 0

    async def remove(self) -> None:
        """No table."""
        await self._tell(nft.remove_table())

    async def cut(self, networks: tuple[Network, ...], spare: tuple[Network, ...]) -> None:
        """Nothing comes through them any more; this frees what they hold. Every TCP connection of this machine."""
        for command in socket_filter.close_connections(networks, spare):
            finished = await asyncio.to_thread(self._run, command, timeout_s=TIMEOUT_S)
            # It tells of a refusal, and is content all the same.
            if finished.code != 0 or finished.stderr.strip():
                raise EngineError("ss", finished.stderr.strip()[:200] or "refused", "it needs CAP_NET_ADMIN")

    async def _tell(self, text: str) -> None:
        finished = await self._run_nft(text)
        if finished.code != 0:
            advice = "it needs CAP_NET_ADMIN and a kernel with nf_tables"
            raise EngineError("nftables", _reason(finished.stderr), advice)

    async def _run_nft(self, text: str) -> process.Finished:
        return await asyncio.to_thread(self._run, ("nft", "-f", "-"), timeout_s=TIMEOUT_S, input=text.encode("ascii"))


class Walls:
    """The kernel, or the engines where the kernel is not ours."""

    def __init__(self, kernel: Wall, engines: tuple[Wall, ...]) -> None:
        self._kernel = kernel
        self._engines = engines
        self._used: tuple[Wall, ...] = ()
        #: Why the engines stand alone; empty: the kernel enforces.
        self.alone_because = ""

    @property
    def by_kernel(self) -> bool:
        """Whether the kernel enforces."""
        return not self.alone_because

    async def build(self, held: Held, *, firewall: bool) -> None:
        """Build the best that there is."""
        before = self.alone_because
        self.alone_because = "" if firewall else "guard.firewall is off"
        if firewall:
            try:
                await self._kernel.build(held)
                self._used = (self._kernel,)
            except (EngineError, HostError) as error:
                self.alone_because = error.reason
        if self.alone_because:
            if self.alone_because != before:
                log.warning("guard_without_kernel reason=%s", self.alone_because)
            self._used = self._engines
            for wall in self._engines:
                await _try(wall.build(held))

    async def change(self, turn: Turn) -> None:
        """The same everywhere. Raises VoxgateError where the kernel refuses; an engine that is away gets all later."""
        if self.by_kernel:
            await self._kernel.change(turn)
            return
        for wall in self._used:
            await _try(wall.change(turn))

    async def cut(self, networks: tuple[Network, ...], spare: tuple[Network, ...]) -> None:
        """Close open connections: the kernel all of them, where it does such things; the engines what they can."""
        try:
            await self._kernel.cut(networks, spare)
        except (EngineError, HostError) as error:
            log.info("connections_not_cut_by_kernel reason=%s", error.reason)
            for wall in self._engines:
                await _try(wall.cut(networks, spare))

    async def stands(self) -> bool:
        """Whether all of it is there."""
        return all([await wall.stands() for wall in self._used])

    async def open(self) -> None:
        """Keep nobody out any more."""
        for wall in self._used:
            await _try(wall.remove())
        self._used = ()


async def _try(doing: object) -> None:
    try:
        await doing  # type: ignore[misc]
    except (EngineError, HostError) as error:
        log.info("wall_not_told reason=%s", error)


def _reason(stderr: str) -> str:
    """The first line that says something."""
    lines = [line.strip() for line in stderr.splitlines() if "rror" in line or "permitted" in line]
    return (lines or ["nft refused"])[0][:200]
