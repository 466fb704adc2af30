"""How long does a large edge take to start, to take up one more PBX, and to bring back an engine that was killed?

1,000 PBXs with ten names each: the time from `voxgate run` until it is ready, the time of `voxgate apply` that adds one
PBX to them, both with the start of the program itself, and the time from kill -9 until the engine serves again. The
verdict is the worst of them, each divided by its limit.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.report import Row, show, verdict, version
from lab.edge import Edge
from lab.net import Net
from lab.topology import Host, Interface, Route, Topology

#: Seconds.
LIMITS = {"start": 5.0, "apply": 2.0, "kamailio back": 2.0, "rtpengine back": 2.0}
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
    """Measure all, each round with an edge that has no past."""
    taken: list[dict[str, float]] = []
    with Net(LONELY_NET) as net:
        for number in range(rounds):
            with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as name:
                taken.append(_measure(net, Path(name)))
            said = ", ".join(f"{what} {seconds:.2f} s" for what, seconds in taken[-1].items())
            print(f"round {number + 1}/{rounds}: {said}", flush=True)
    rows = [Row(what, tuple(one[what] for one in taken), f"s (limit {limit_s:g})") for what, limit_s in LIMITS.items()]
    show("apply_time", rows, {"kamailio": version("kamailio", "-v")})
    return verdict("apply_time", max(row.value / LIMITS[row.name] for row in rows), 1.0)


def _measure(net: Net, folder: Path) -> dict[str, float]:
    """The seconds that each took."""
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
        if done.code != 0:
            raise SystemExit(f"apply failed: {done.err}\n{done.out}")
        back_s = {f"{engine} back": _killed(edge, engine) for engine in ("kamailio", "rtpengine")}
    finally:
        edge.stop()
    return {"start": start_s, "apply": apply_s, **back_s}


def _killed(edge: Edge, engine: str) -> float:
    """Seconds from kill -9 until it serves again."""
    pid = edge.engine(engine)["pid"]
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    edge.wait_for_log(f"engine_returned unit={engine}")
    return time.monotonic() - began


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
