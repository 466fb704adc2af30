"""Bans in the engines, for machines whose kernel is not ours: Kamailio's table `banned`, HAProxy's list `banned.lst`.

Kamailio looks single requesters up, HAProxy networks of any size. Both forget when they start anew, so each holds a
mark by which that is seen. Bans end by `remove` of the guard; in Kamailio also by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from voxgate.errors import EngineError, PeerError
from voxgate.guard.networks import NetworkSet
from voxgate.wire import haproxy_sessions
from voxgate.wire.nft import Element, Prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Protocol

    from voxgate.guard.networks import Network
    from voxgate.guard.walls import Held, Turn

    class Rpc(Protocol):
        """Kamailio's JSON-RPC."""

        async def call(self, method: str, *params: str | int) -> object:
            """Call it. Raises EngineError, PeerError."""

    class Runtime(Protocol):
        """HAProxy's runtime socket."""

        async def ask(self, command: bytes, *, most_bytes: int = ...) -> str:
            """One line. Raises PeerError."""


#: An entry that no requester has.
MARK: Final = "!built"
NOBODY: Final = "255.255.255.255/32"
TABLE: Final = "banned"
SWITCH: Final = "banned"
FOR_GOOD_S: Final = 31_536_000
#: A session is a line of 300 bytes.
MOST_SESSIONS_BYTES: Final = 1 << 25
#: Commands of HAProxy in one line: a line has a bound (16 KiB).
_AT_ONCE: Final = 50


@dataclass(slots=True)
class KamailioWall:
    """Silence for every SIP request of a banned requester."""

    rpc: Rpc
    _prefixes: Prefixes = field(default_factory=Prefixes)
    _white: NetworkSet = field(default_factory=NetworkSet)

    async def build(self, held: Held) -> None:
        """The table, anew."""
        self._prefixes, self._white = held.prefixes, NetworkSet(held.white)
        try:
            await self.rpc.call("htable.flush", TABLE)
            await self._put(held.elements)
            await self.rpc.call("htable.setxs", TABLE, MARK, "1", FOR_GOOD_S)
            await self.rpc.call("pv.shvSet", SWITCH, "int", 1)
        except PeerError as error:
            raise EngineError("kamailio", str(error)) from error

    async def change(self, turn: Turn) -> None:
        """What comes and goes; a changed white list needs `build`."""
        try:
            for network in turn.remove:
                await self._take_out(network)
            await self._put(turn.add)
        except PeerError as error:
            raise EngineError("kamailio", str(error)) from error

    async def stands(self) -> bool:
        """Whether it is the Kamailio that was told."""
        try:
            await self.rpc.call("htable.get", TABLE, MARK)
        except PeerError:
            # It does not answer: it will be asked again.
            return True
        except EngineError:
            return False
        return True

    async def remove(self) -> None:
        """It looks nobody up."""
        try:
            await self.rpc.call("pv.shvSet", SWITCH, "int", 0)
        except PeerError as error:
            raise EngineError("kamailio", str(error)) from error

    async def cut(self, networks: tuple[Network, ...], spare: tuple[Network, ...]) -> None:
        """The script closes a connection of somebody banned when he speaks next: see `voxgate_sip.doorman`."""

    async def _put(self, elements: Iterable[Element]) -> None:
        for one in elements:
            if self._prefixes.is_host(one.network) and not self._white.holding(one.network):
                lasts_s = FOR_GOOD_S if one.timeout_s is None else one.timeout_s
                await self.rpc.call("htable.setxs", TABLE, str(one.network.network_address), "1", lasts_s)

    async def _take_out(self, network: Network) -> None:
        try:
            await self.rpc.call("htable.delete", TABLE, str(network.network_address))
        except EngineError:
            # It has ended by itself.
            return


@dataclass(slots=True)
class HaproxyWall:
    """No connection of a banned requester. Where no HAProxy runs there is nothing to hold."""

    runtime: Runtime
    list_file: Path
    _white: NetworkSet = field(default_factory=NetworkSet)
    _networks: tuple[Network, ...] = ()

    async def build(self, held: Held) -> None:
        """The list, anew."""
        self._white = NetworkSet(held.white)
        self._networks = tuple(one.network for one in held.elements if not held.prefixes.is_host(one.network))
        listed = [one.network for one in held.elements]
        await self._tell(["clear acl {file}", *self._added(listed), f"add acl {{file}} {NOBODY}"])

    async def change(self, turn: Turn) -> None:
        """What comes and goes."""
        lines = [f"del acl {{file}} {network}" for network in (*turn.remove, *(one.network for one in turn.add))]
        if turn.networks is not None:
            lines += [f"del acl {{file}} {network}" for network in self._networks]
            lines += self._added(turn.networks)
            self._networks = turn.networks
        await self._tell([*lines, *self._added(one.network for one in turn.add)])

    async def stands(self) -> bool:
        """Whether it is the worker that was told; a reload brings another one."""
        try:
            said = await self.runtime.ask(f"get acl {self.list_file} {NOBODY.partition('/')[0]}".encode())
        except PeerError:
            return True
        return "match=yes" in said or "nknown" in said

    async def remove(self) -> None:
        """An empty list."""
        await self._tell(["clear acl {file}"])

    async def cut(self, networks: tuple[Network, ...], spare: tuple[Network, ...]) -> None:
        """What goes on in this moment: tunnels, streams, answers. The next request of an idle one is dropped."""
        shut, kept = NetworkSet(networks), NetworkSet(spare)
        try:
            found = haproxy_sessions.parse(await self.runtime.ask(b"show sess", most_bytes=MOST_SESSIONS_BYTES))
            gone = [one.key for one in found if shut.holding(one.source) and not kept.holding(one.source)]
            for start in range(0, len(gone), _AT_ONCE):
                await self.runtime.ask(
                    "; ".join(f"shutdown session {key}" for key in gone[start : start + _AT_ONCE]).encode()
                )
        except PeerError as error:
            raise EngineError("haproxy", str(error)) from error

    def _added(self, networks: Iterable[Network]) -> list[str]:
        return [f"add acl {{file}} {network}" for network in networks if not self._white.holding(network)]

    async def _tell(self, lines: list[str]) -> None:
        told = [line.format(file=self.list_file) for line in lines]
        try:
            for start in range(0, len(told), _AT_ONCE):
                await self.runtime.ask("; ".join(told[start : start + _AT_ONCE]).encode())
        except PeerError as error:
            raise EngineError("haproxy", str(error)) from error
