"""What does the guard cost, and how fast is it?

* an observation, when 50,000 sources report one each, and what the ledger holds then;
* from the observation that is one too many to the kernel's set, with 100,000 bans in it: the longest of several;
* a request and its answer through the kernel, with an empty table and with 100,000 bans, by the CPU time of a
  process that sends and receives on both sides: in namespaces the kernel's work is done in the sender's name.

The verdict is the ratio of the last pair; the time to the ban has a limit of its own. A call has a dozen messages and
costs more than a millisecond, so what a packet costs more is less than a hundredth of that in a call.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from bench.report import Row, show, verdict, version
from bench.subject import BENCH_NET, OUT
from lab.net import Net
from voxgate.guard.bans import HAND, Ban
from voxgate.guard.observation import Kind, Observation, ServiceType
from voxgate.guard.rules import Rules
from voxgate.guard.service import Guard
from voxgate.guard.store import Store
from voxgate.guard.walls import Kernel, Walls
from voxgate.host import process
from voxgate.host.clock import SystemClock

if TYPE_CHECKING:
    import socket

LIMIT = 1.05
ENFORCED_LIMIT_MS = 250.0
BANS, SOURCES = 100_000, 50_000
#: Requests of one turn, and turns of one round; and attackers that are banned in turn.
REQUESTS, TURNS, ATTACKERS = 4000, 5, 10
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
        paths = {"no bans": _path(stack, empty), f"{BANS} bans": _path(stack, full)}
        figures: dict[str, list[float]] = {name: [] for name in paths}
        for _ in range(rounds):
            for name, cost in _round(paths).items():
                figures[name].append(cost)
    none, many = paths
    unit = "us CPU per request"
    rows = [Row(none, tuple(figures[none]), unit), Row(many, tuple(figures[many]), unit, none)]
    ratios = show("guard", rows, {"nftables": version("nft", "--version")})
    print(f"to the ban: {enforced_ms:.0f} ms (limit {ENFORCED_LIMIT_MS:.0f} ms)")
    return max(verdict("guard", ratios[many], LIMIT), int(enforced_ms > ENFORCED_LIMIT_MS))


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


@dataclass(frozen=True, slots=True)
class _Path:
    """From a caller to the edge and back."""

    caller: socket.socket
    edge: socket.socket

    def requests(self) -> None:
        """So many, each with its answer."""
        caller, edge = self.caller, self.edge
        for _ in range(REQUESTS):
            caller.sendto(b"request", (OUT, 5060))
            edge.recv(100)
            edge.sendto(b"answer", ("10.50.0.2", 5060))
            caller.recv(100)


def _path(stack: ExitStack, net: Net) -> _Path:
    caller, edge = (stack.enter_context(net.socket(host)) for host in ("caller", "edge"))
    for sock, address in ((caller, "10.50.0.2"), (edge, OUT)):
        sock.settimeout(5)
        sock.bind((address, 5060))
    made = _Path(caller, edge)
    made.requests()
    return made


def _round(paths: dict[str, _Path]) -> dict[str, float]:
    """Microseconds of CPU for a request and its answer; the paths take turns, so that all see the same machine."""
    spent_s = dict.fromkeys(paths, 0.0)
    for _ in range(TURNS):
        for name, path in paths.items():
            began_s = time.process_time()
            path.requests()
            spent_s[name] += time.process_time() - began_s
    return {name: spent / (TURNS * REQUESTS) * 1e6 for name, spent in spent_s.items()}
