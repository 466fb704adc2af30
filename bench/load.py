"""sipp as callee and caller: complete calls INVITE, 180, 200, ACK, BYE, 200 at a steady rate."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.net import Net
    from lab.procs import Process

#: The load has a core of its own, so that it does not empty the caches of what is measured.
LOAD_CORE = ("taskset", "-c", "1")
SCENARIOS = Path(__file__).with_name("sipp")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What sipp counted: complete calls, failed calls, retransmitted messages."""

    good: int
    failed: int
    retransmitted: int


def answer(net: Net, host: str, address: str, folder: Path) -> Process:
    """Start a callee on `address`:5060; it answers OPTIONS as well, so that health checks see it."""
    argv = [*LOAD_CORE, "sipp", "-sf", str(SCENARIOS / "uas.xml"), "-i", address, "-p", "5060", "-nostdin", "-aa"]
    return net.spawn(host, [*argv, "-buff_size", "4000000"], cwd=folder, log_path=folder / f"uas-{address}.log")


def call(net: Net, edge: str, domains: Sequence[str], folder: Path, *, calls: int, rate: int) -> Outcome:
    """Place `calls` calls at `rate` per second from `caller` through `edge`, to `domains` in turn."""
    (folder / "domains.csv").write_text("SEQUENTIAL\n" + "".join(f"{name};\n" for name in domains))
    statistics = folder / "uac.csv"
    statistics.unlink(missing_ok=True)
    argv = [
        *LOAD_CORE, "sipp", f"{edge}:5060", "-sf", str(SCENARIOS / "uac.xml"),
        "-inf", str(folder / "domains.csv"), "-s", "600",
        "-i", net.host("caller").ipv4(), "-p", "5070", "-m", str(calls), "-r", str(rate), "-nostdin",
        "-buff_size", "4000000", "-trace_stat", "-stf", str(statistics), "-fd", "2",
        "-timeout", f"{calls // rate + 60}s",
    ]  # fmt: skip
    net.run("caller", argv, timeout_s=calls / rate + 90)
    return _outcome(statistics)


def _outcome(statistics: Path) -> Outcome:
    with statistics.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    last = rows[-1]
    return Outcome(int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"]), int(last["Retransmissions(C)"]))
