"""What does the guard cost, and how fast is it?

* an observation, when 50,000 sources report one each, and what the ledger holds then;
* from the observation that is one too many to the kernel's set, with 100,000 bans in it: the longest of several;
* a datagram and its answer, a call through Kamailio, an HTTP request on a connection of its own: each with an empty
  table and with 100,000 bans, by the CPU time of everybody who takes part (see `bench.guard_traffic`).

The verdict is the worst ratio of these pairs; the time to the ban has a limit of its own.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from ipaddress import IPv4Address, ip_network
from pathlib import Path

from bench.guard_traffic import Traffic, serving
from bench.report import Row, show, verdict, version
from bench.subject import BENCH_NET
from lab.net import Net
from voxgate.guard.bans import HAND, Ban
from voxgate.guard.observation import Kind, Observation, ServiceType
from voxgate.guard.rules import Rules
from voxgate.guard.service import Guard
from voxgate.guard.store import Store
from voxgate.guard.walls import Kernel, Walls
from voxgate.host import process
from voxgate.host.clock import SystemClock

LIMIT = 1.05
ENFORCED_LIMIT_MS = 250.0
BANS, SOURCES = 100_000, 50_000
#: Turns of one round; and attackers that are banned in turn.
TURNS, ATTACKERS = 3, 10
UNIT = "us CPU"
KINDS = {"a datagram": Traffic.datagram_us, "a call": Traffic.call_us, "an HTTP request": Traffic.request_us}
#: Between two attackers, so that neither waits for what the other one left to write.
PAUSE_S = 0.3
_FIRST = int(IPv4Address("11.0.0.0"))
_CLOCK = SystemClock()


def main(rounds: int) -> int:
    """Measure everything."""
    with ExitStack() as stack:
        empty, full = (stack.enter_context(Net(BENCH_NET)) for _ in range(2))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voxgate-bench-")))
        observed_us, held_mib = _observations(folder)
        print(f"an observation: {observed_us:.1f} us; {SOURCES} sources hold {held_mib:.0f} MiB", flush=True)
        asyncio.run(_Edge(folder / "empty.db", empty).once())
        enforced_ms = asyncio.run(_enforced(_Edge(folder / "full.db", full)))
        print(f"from the last observation to the kernel, {BANS} bans in it: {enforced_ms:.0f} ms at most", flush=True)
        edges = {"no bans": serving(stack, empty, folder / "0"), f"{BANS} bans": serving(stack, full, folder / "1")}
        figures: dict[str, list[float]] = {f"{kind}, {name}": [] for kind in KINDS for name in edges}
        for _ in range(rounds):
            for kind, costs in _round(edges).items():
                for name, cost in costs.items():
                    figures[f"{kind}, {name}"].append(cost)
    none, many = edges
    rows = []
    for kind in KINDS:
        first, second = f"{kind}, {none}", f"{kind}, {many}"
        rows += [Row(first, tuple(figures[first]), UNIT), Row(second, tuple(figures[second]), UNIT, first)]
    ratios = show("guard", rows, {"nftables": version("nft", "--version"), "kamailio": version("kamailio", "-v")})
    print(f"to the ban: {enforced_ms:.0f} ms (limit {ENFORCED_LIMIT_MS:.0f} ms)")
    return max(verdict("guard", max(ratios.values()), LIMIT), int(enforced_ms > ENFORCED_LIMIT_MS))


class _Edge:
    """A guard whose kernel is that of the host `edge`; `told_s` is when the kernel had its last transaction."""

    def __init__(self, path: Path, net: Net) -> None:
        self.told_s = 0.0
        self.told = asyncio.Event()
        self.net = net
        self.guard = Guard(Store(path), Walls(Kernel(self._run), ()), _CLOCK)
        self.guard.follow(Rules())
        self._loop: asyncio.AbstractEventLoop

    async def once(self) -> None:
        """Build the table."""
        self._loop = asyncio.get_running_loop()
        await self.guard.tick(0)

    async def serve(self) -> None:
        """The guard at work."""
        self._loop = asyncio.get_running_loop()
        await self.guard.serve()

    def holds(self, address: str) -> bool:
        """Whether the kernel does."""
        element = ("nft", "get", "element", "inet", "voxgate_guard", "hosts4", f"{{ {address} }}")
        return process.run(self.net.inside("edge", element), timeout_s=10).code == 0

    def _run(self, argv: tuple[str, ...], **options: object) -> process.Finished:
        finished = process.run(self.net.inside("edge", argv), **options)  # type: ignore[arg-type]
        if argv[1] == "-f":
            self.told_s = time.monotonic()
            self._loop.call_soon_threadsafe(self.told.set)
        return finished


def _seen(address: int) -> Observation:
    return Observation(_CLOCK.wall(), IPv4Address(address), ServiceType.SIP, Kind.AUTH_FAILURE, "example.com", "100")


def _observations(folder: Path) -> tuple[float, float]:
    """Microseconds of CPU for one, and what they take of memory."""
    made = Guard(Store(folder / "flood.db"), Walls(Kernel(), ()), _CLOCK)
    made.follow(Rules())
    before_kib, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    for number in range(SOURCES):
        made.report(_seen(_FIRST + number))
    spent_s = time.process_time() - began
    return spent_s / SOURCES * 1e6, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024


async def _enforced(edge: _Edge) -> float:
    """The longest time to a ban, in milliseconds, among `BANS` others."""
    now, guard = _CLOCK.wall(), edge.guard
    for number in range(BANS - ATTACKERS):
        guard.book.put(Ban(ip_network(_FIRST + number * 3), HAND, now, now + timedelta(hours=1)))
    attackers = [f"203.0.113.{number + 1}" for number in range(ATTACKERS)]
    longest_s = 0.0
    async with asyncio.TaskGroup() as group:
        task = group.create_task(edge.serve())
        await edge.told.wait()
        for attacker in attackers:
            await asyncio.sleep(PAUSE_S)
            edge.told.clear()
            for _ in range(21):
                guard.report(_seen(int(IPv4Address(attacker))))
            began_s = time.monotonic()
            await edge.told.wait()
            longest_s = max(longest_s, edge.told_s - began_s)
        task.cancel()
    if not all(edge.holds(attacker) for attacker in attackers):
        raise SystemExit("the kernel does not hold who was banned")
    return longest_s * 1000


def _round(edges: dict[str, Traffic]) -> dict[str, dict[str, float]]:
    """Kind -> edge -> microseconds of CPU for one; the edges take turns, so that all see the same machine."""
    spent: dict[str, dict[str, float]] = {kind: dict.fromkeys(edges, 0.0) for kind in KINDS}
    for _ in range(TURNS):
        for kind, measure in KINDS.items():
            for name, edge in edges.items():
                spent[kind][name] += measure(edge) / TURNS
    return spent
