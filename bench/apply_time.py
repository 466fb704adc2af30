"""How long does a large edge take to start, and to take up one more PBX?

1,000 PBXs with ten names each: the time from `voxgate run` until it is ready, and the time of `voxgate apply` that adds
one PBX to them, both with the start of the program itself. The verdict is the worse of the two, each divided by its
limit.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from bench.report import Row, show, verdict, version
from lab.edge import Edge
from lab.net import Net
from lab.topology import Host, Interface, Route, Topology

APPLY_LIMIT_S, START_LIMIT_S = 2.0, 5.0
PBXS, NAMES = 1000, 10
#: Nobody answers the health checks: the worst case for an edge that starts. The PBXs are behind a router, because
#: addresses on the edge's own segment that nobody holds would measure the kernel's queues for ARP.
LONELY_NET = Topology(
    "lonely",
    "the edge with two interfaces, and a router behind which nobody is",
    ("out", "in"),
    (
        Host(
            "edge",
            (Interface("eth0", "out", ("10.50.0.1/24",)), Interface("eth1", "in", ("10.51.0.1/24",))),
            (Route("10.52.0.0/16", "10.51.0.2"),),
        ),
        Host("router", (Interface("eth0", "in", ("10.51.0.2/24",)),)),
    ),
)


def main(rounds: int) -> int:
    """Measure both, each round with an edge that has no past."""
    starts, applies = [], []
    with Net(LONELY_NET) as net:
        for number in range(rounds):
            with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as name:
                start_s, apply_s = _measure(net, Path(name))
            starts.append(start_s)
            applies.append(apply_s)
            print(f"round {number + 1}/{rounds}: start {start_s:.2f} s, apply {apply_s:.2f} s", flush=True)
    rows = [
        Row("start", tuple(starts), f"s (limit {START_LIMIT_S:g})"),
        Row("apply", tuple(applies), f"s (limit {APPLY_LIMIT_S:g})"),
    ]
    show("apply_time", rows, {"kamailio": version("kamailio", "-v")})
    start, apply = (row.value for row in rows)
    return verdict("apply_time", max(start / START_LIMIT_S, apply / APPLY_LIMIT_S), 1.0)


def _measure(net: Net, folder: Path) -> tuple[float, float]:
    """Seconds until ready, and seconds of an apply."""
    # The engines' users pass through it.
    folder.chmod(0o755)
    edge = Edge(net, folder, _config(PBXS))
    began = time.monotonic()
    try:
        edge.start(timeout_s=60)
        start_s = time.monotonic() - began
        edge.write(_config(PBXS + 1))
        began = time.monotonic()
        done = edge.command("apply", str(edge.file), timeout_s=60)
        apply_s = time.monotonic() - began
    finally:
        edge.stop()
    if done.code != 0:
        raise SystemExit(f"apply failed: {done.err}\n{done.out}")
    return start_s, apply_s


def _config(pbxs: int) -> dict[str, Any]:
    """So many PBXs with ten names each."""
    return {
        "edge": {"domain": "edge.example", "interface": "eth0", "inside_interface": "eth1"},
        "health": {"interval_seconds": 60},
        "pbxs": {
            f"pbx{number}": {
                "names": [f"name{name}.pbx{number}.example" for name in range(NAMES)],
                "nodes": [f"10.52.{1 + number // 250}.{1 + number % 250}"],
            }
            for number in range(pbxs)
        },
    }
