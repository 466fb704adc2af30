"""What does a call cost in Kamailio's process tree, beside the bare engine?

Bare: Record-Route and t_relay, same allocator, same machine, same run. Ours: domain routing, balancing over two
nodes, NAT handling. Both again with rtpengine; ours again with 1,000 PBXs of ten names each, and with each feature
that somebody may ask for: topology hiding, the guard, a trunk beside the phones, limits for the PBX, records of calls;
and hiding, trunk and limits at once. The verdict is the worse of the ratios that have a limit; each feature has one of
its own.

The rate is near what one worker (or rtpengine beside it) can do: an engine that sleeps between messages finds its
caches cold, and then the machine is measured instead of the engine.

A group is what is compared: a bare engine and the variants beside it. They run at the same time, each in a network
of its own, and are loaded in turn, for long enough that the first calls of a turn, which find nothing in the caches, do
not count much. What disturbs the machine for a while disturbs all of a group alike; more at once would disturb each
other by their timers. What a variant spends while it only waits is measured first and taken off; what it does to clean
up after its calls belongs to them.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.cpu import spent_ns, tree
from bench.load import answer, call
from bench.report import Row, show, verdict, version
from bench.subject import BENCH_NET, CALLEES, OUT, Subject, domains, running
from lab.net import Net

LIMIT = 1.5
#: What a feature may cost that somebody asked for.
FEATURE_LIMIT = 1.8
#: A thousand PBXs may cost a tenth more than one.
MANY_LIMIT = 1.1
#: Turns of one round, and calls of each.
TURNS, CALLS = 3, 2000
#: A round in which calls were lost is measured anew, so many times.
AGAIN = 2
#: tm keeps a transaction for five seconds after its end.
SETTLE_S, IDLE_S = 8, 8

BARE = Subject("bare", "", ours=False)
BARE_MEDIA = Subject("bare rtpengine", "", ours=False, media=True, rate=500)
GROUPS = (
    (
        BARE,
        Subject("voxgate", "bare", ours=True),
        Subject("voxgate 1000 PBXs", "voxgate", ours=True, pbxs=1000),
    ),
    (
        BARE,
        Subject("voxgate hiding", "bare", ours=True, hide_topology=True),
        Subject("voxgate guard", "bare", ours=True, guard=True),
        Subject("voxgate trunk", "bare", ours=True, trunk=True),
    ),
    (
        BARE_MEDIA,
        Subject("voxgate rtpengine", "bare rtpengine", ours=True, media=True, rate=500),
        Subject("voxgate limits", "bare rtpengine", ours=True, media=True, limits=True, rate=500),
        Subject("voxgate records", "bare rtpengine", ours=True, media=True, records=True, rate=500),
        Subject(
            "voxgate all",
            "bare rtpengine",
            ours=True,
            media=True,
            hide_topology=True,
            limits=True,
            trunk=True,
            rate=500,
        ),
    ),
)
FEATURES = tuple(f"voxgate {name}" for name in ("hiding", "guard", "trunk", "limits", "records", "all"))


class DisturbedError(Exception):
    """Calls were lost: the machine stood still for longer than the parties wait."""


@dataclass(slots=True)
class Bed:
    """One variant, running: its network, folder, processes, what it spends when idle, and its calls so far."""

    subject: Subject
    net: Net
    folder: Path
    pids: tuple[int, ...]
    idle_ns_per_s: float = 0.0
    calls: int = 0

    def turn(self) -> None:
        """Place calls. Raises DisturbedError when they do not come through."""
        outcome = call(self.net, OUT, domains(self.subject), self.folder, calls=CALLS, rate=self.subject.rate)
        if outcome.good < CALLS * 0.99:
            raise DisturbedError(f"{self.subject.name}: only {outcome.good} of {CALLS} calls were complete ({outcome})")
        self.calls += outcome.good


def main(rounds: int) -> int:
    """Measure all groups, one after the other."""
    ratios: dict[str, float] = {}
    for group in GROUPS:
        ratios |= _group(group, rounds)
    many = ratios["voxgate 1000 PBXs"]
    print(f"1000 PBXs beside one: {many:.2f} (limit {MANY_LIMIT:.2f})")
    worst = max(ratios["voxgate"], ratios["voxgate rtpengine"])
    dear = 0
    for name in FEATURES:
        print(f"{name}: {ratios[name]:.2f} (limit {FEATURE_LIMIT:.2f})")
        dear |= ratios[name] > FEATURE_LIMIT
    return max(verdict("sip_calls", worst, LIMIT), int(many > MANY_LIMIT), int(dear))


def _group(group: tuple[Subject, ...], rounds: int) -> dict[str, float]:
    """Measure what is compared with each other; gives the ratios."""
    figures: dict[str, list[float]] = {subject.name: [] for subject in group}
    with ExitStack() as stack:
        print(f"starting {len(group)} edges ...", flush=True)
        beds = [_bed(stack, subject) for subject in group]
        for bed in beds:
            with suppress(DisturbedError):
                bed.turn()
        time.sleep(SETTLE_S)
        _measure_idle(beds)
        for number in range(rounds):
            for name, cost in _undisturbed(beds).items():
                figures[name].append(cost)
            costs = ", ".join(f"{name} {costs[-1]:.3f}" for name, costs in figures.items())
            print(f"round {number + 1}/{rounds}, ms per call: {costs}", flush=True)
    rows = [Row(each.name, tuple(figures[each.name]), "ms CPU per call", each.beside) for each in group]
    return show("sip_calls", rows, {"kamailio": version("kamailio", "-v"), "sipp": version("sipp", "-v")})


def _bed(stack: ExitStack, subject: Subject) -> Bed:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voxgate-bench-")))
    net = stack.enter_context(Net(BENCH_NET))
    for address in CALLEES:
        answer(net, "pbx", address, folder)
    pid = stack.enter_context(running(net, subject, folder))
    return Bed(subject, net, folder, tree(pid))


def _measure_idle(beds: list[Bed]) -> None:
    before = [spent_ns(bed.pids) for bed in beds]
    time.sleep(IDLE_S)
    for bed, spent in zip(beds, before, strict=True):
        bed.idle_ns_per_s = (spent_ns(bed.pids) - spent) / IDLE_S


def _undisturbed(beds: list[Bed]) -> dict[str, float]:
    """A round in which all calls came through. Raises SystemExit when there is none."""
    for left in reversed(range(AGAIN + 1)):
        try:
            return _round(beds)
        except DisturbedError as error:
            print(error, "again" if left else "", flush=True)
            time.sleep(SETTLE_S)
    raise SystemExit("calls are lost: is the machine busy with something else?")


def _round(beds: list[Bed]) -> dict[str, float]:
    """CPU milliseconds per complete call of each variant, over all turns of one round and what they leave behind."""
    before, started = {bed.subject.name: (spent_ns(bed.pids), bed.calls) for bed in beds}, time.monotonic()
    for _ in range(TURNS):
        for bed in beds:
            bed.turn()
    time.sleep(SETTLE_S)
    lasted_s = time.monotonic() - started
    costs = {}
    for bed in beds:
        spent, calls = before[bed.subject.name]
        net_ns = spent_ns(bed.pids) - spent - bed.idle_ns_per_s * lasted_s
        costs[bed.subject.name] = net_ns / (bed.calls - calls) / 1e6
    return costs
