"""Port forwards in the kernel: brought, looked after, counted."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Final

from voxgate.errors import EngineError, HostError, VoxgateError
from voxgate.host import files, forwarding, process
from voxgate.supervise.panel import Panel
from voxgate.wire import nft_forwards
from voxgate.wire.nft_forwards import Count, Found, PortForward

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

#: How old counters in `status` may be, and how long a table may be missing that somebody flushed.
ROUND_S: Final = 5.0
_NFT_LIMIT_S: Final = 10.0


class ForwardTable:
    """The table in the kernel, which only this object changes. Methods block; they raise EngineError, HostError."""

    def __init__(self, switched_on: Path, run: Callable[..., process.Finished] = process.run) -> None:
        """`switched_on` is a file in the run folder, which a reboot empties like the switch itself: it says for which
        IP versions forwarding was off before it was switched on here.
        """
        self._switched_on = switched_on
        self._run = run

    def read(self) -> Found | None:
        """What is there; None: no table."""
        done = self._run(("nft", "-j", "list", "table", *nft_forwards.TABLE.split()), timeout_s=_NFT_LIMIT_S)
        return nft_forwards.found_in(json.loads(done.stdout)["nftables"]) if done.code == 0 else None

    def bring(self, forwards: tuple[PortForward, ...]) -> None:
        """Hold exactly these, and let packets through this machine for them alone unless it forwarded already."""
        there = self.read()
        if there is None and not forwards:
            return
        needed = {one.target.version for one in forwards if one.entries}
        ours = self._ours()
        fences = {version for version in needed if version in ours or not forwarding.is_on(version)}
        for version in ours - needed:
            forwarding.switch(version, on=False)
        files.write(self._switched_on, " ".join(map(str, sorted(fences))).encode())
        # The fence stands before the first packet can pass.
        self._tell(nft_forwards.script(forwards, there or Found(), fences))
        for version in fences:
            forwarding.switch(version, on=True)

    def _ours(self) -> set[int]:
        """The IP versions that this machine forwarded none of before."""
        if not self._switched_on.is_file():
            return set()
        return {int(word) for word in files.read(self._switched_on).split() if word in {b"4", b"6"}}

    def _tell(self, text: str) -> None:
        done = self._run(("nft", "-f", "-"), timeout_s=_NFT_LIMIT_S, input=text.encode("ascii"))
        if done.code != 0:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise EngineError("nftables", (lines or ["it refused"])[0][:200], "port forwards need CAP_NET_ADMIN")


class Forwards:
    """Brings what is configured, brings it again when it is gone, and remembers what was counted."""

    def __init__(self, table: ForwardTable) -> None:
        self._table = table
        self._wanted: tuple[PortForward, ...] = ()
        self._counts: dict[str, Count] = {}
        self._problem = ""
        self._changed = asyncio.Event()

    def follow(self, wanted: tuple[PortForward, ...]) -> None:
        """These from now on."""
        self._wanted = wanted
        self._changed.set()

    async def serve(self) -> None:
        """Until cancelled."""
        while True:
            await self._round()
            try:
                async with asyncio.timeout(ROUND_S if self._wanted else None):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _round(self) -> None:
        try:
            if self._changed.is_set() or self._problem:
                self._changed.clear()
                await self._bring()
            elif self._wanted and not await self._look():
                log.warning("forwards_gone bringing them again")
                await self._bring()
        except VoxgateError as error:
            reason = error.reason if isinstance(error, EngineError | HostError) else str(error)
            if reason != self._problem:
                log.warning("forwards_not_brought reason=%s", reason)
            self._problem = reason
            return
        self._problem = ""

    async def _bring(self) -> None:
        await asyncio.to_thread(self._table.bring, self._wanted)
        log.info("forwards_brought count=%d", len(self._wanted))
        await self._look()

    async def _look(self) -> bool:
        """Whether the table stands; its counters are remembered."""
        found = await asyncio.to_thread(self._table.read)
        if found is not None:
            self._counts = found.counts
        return found is not None

    def panel(self) -> Panel:
        """The forwards in `voxgate status`."""
        rows, data = [], []
        for one in self._wanted:
            count = self._counts.get(one.key, Count())
            source = "the client's" if one.keep_source else "the edge's"
            who = ", ".join(map(str, one.allowed)) or ("nobody" if one.closed else "anybody")
            passed = (str(count.connections), str(count.packets), str(count.octets))
            rows.append((one.pbx, _port(one), _target(one), who, source, *passed, one.note or "-"))
            data.append(_data(one, count))
        flaws = (f"port forwards: {self._problem}",) if self._problem and self._wanted else ()
        head = ("forwards of", "port", "to", "for", "source", "connections", "packets", "octets", "note")
        return Panel("forwards", head, tuple(rows), tuple(data), flaws)


def _data(one: PortForward, count: Count) -> dict[str, object]:
    return {
        "pbx": one.pbx,
        "proto": one.proto,
        "first_port": one.first,
        "last_port": one.last,
        "target": str(one.target),
        "to_port": one.to,
        "allow_from": [str(network) for network in one.allowed],
        "open": not one.closed,
        "keep_source": one.keep_source,
        "note": one.note,
        "connections": count.connections,
        "packets": count.packets,
        "octets": count.octets,
    }


def _port(one: PortForward) -> str:
    return f"{one.proto} {one.first}" + (f"-{one.last}" if one.last != one.first else "")


def _target(one: PortForward) -> str:
    host = f"[{one.target}]" if one.target.version == 6 else str(one.target)
    return f"{host}:{one.to}" + (f"-{one.to + one.last - one.first}" if one.last != one.first else "")
