"""What does LDAP cost in HAProxy and the router, beside HAProxy alone in TCP mode?

A unit is a bind and a search for one person, on a connection that is kept, or on one of its own with its TLS
handshake and its end. Bare: HAProxy with one static server, same certificate, same TLS settings. Ours: HAProxy, the
router's processes, and what they report. Both lead to the same slapd, run at the same time and are loaded in turn:
many short turns, each beside one of the other, so that what else the machine does for a while disturbs few pairs, and
those as a whole. The ratio is the median of the pairs' ones.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench.cpu import awake, spent_ns, tree
from bench.report import Row, show, verdict, version
from bench.subject import BENCH_NET, CALLEES, OUT
from lab.directory import Directory
from lab.edge import Edge
from lab.net import Net
from lab.phones.device import until
from lab.tls import authority
from voxgate.engines.haproxy import tls

if TYPE_CHECKING:
    from lab.procs import Process

KEPT_LIMIT, NEW_LIMIT = 1.6, 2.3
#: Clients at once, units of one turn, and turns of each load and side in a round.
CLIENTS, KEPT_UNITS, NEW_UNITS, TURNS = 8, 2_400, 480, 5
#: For one turn; what its connections' ends take on the other side; between looks.
LONGEST_S, ENDS_S, LOOK_S = 60.0, 0.02, 0.005
BARE_PLAIN, BARE_TLS = 3389, 3636
ROUTER = "voxgate, of it the router"
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of load: its name, whether connections are kept, the ports of both, and its limit."""

    name: str
    kept: bool
    secure: bool

    @property
    def units(self) -> int:
        """Of one turn."""
        return KEPT_UNITS if self.kept else NEW_UNITS

    @property
    def limit(self) -> float:
        """The most that it may cost beside the bare one."""
        return KEPT_LIMIT if self.kept else NEW_LIMIT

    def port(self, *, ours: bool) -> int:
        """Where it goes."""
        return (636 if self.secure else 389) if ours else (BARE_TLS if self.secure else BARE_PLAIN)


LOADS = (
    Load("kept, LDAP", kept=True, secure=False),
    Load("kept, LDAPS", kept=True, secure=True),
    Load("new, LDAP", kept=False, secure=False),
    Load("new, LDAPS", kept=False, secure=True),
)
BARE = f"""
global
    maxconn 12000
    no strict-limits
    ssl-default-bind-options {tls.MODERN}
    ssl-default-bind-ciphers {tls.CIPHERS}
defaults
    mode tcp
    timeout connect 3s
    timeout client 1h
    timeout server 1h
listen bare
    bind {OUT}:{BARE_PLAIN}
    bind {OUT}:{BARE_TLS} ssl crt FOLDER/both.pem
    server slapd {CALLEES[0]}:389
"""


class Callers:
    """Those who bind and search: one process for all turns, since its start costs more than a turn."""

    def __init__(self, net: Net, folder: Path, directory: Directory) -> None:
        self._log = folder / "callers.log"
        argv = [sys.executable, "-m", "bench.ldap_load", OUT, str(folder / "ca.pem"), directory.bind_dn]
        argv += [directory.password, directory.suffix.dn, str(CLIENTS)]
        env = {"PYTHONPATH": str(ROOT)}
        self._process = net.spawn("caller", argv, log_path=self._log, env=env, with_input=True)
        self._turns = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def turn(self, load: Load, units: int, *, ours: bool) -> None:
        """So many units. Raises SystemExit when they do not come through."""
        self._turns += 1
        self._process.write(f"{load.port(ours=ours)} {units // CLIENTS} {int(load.kept)} {int(load.secure)}\n")
        deadline = time.monotonic() + LONGEST_S
        while f"turn {self._turns} done" not in (said := self._log.read_text()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{load.name}: {said[-2000:]}")
            time.sleep(LOOK_S)
        time.sleep(ENDS_S)


def main(rounds: int) -> int:
    """Measure all loads in turn."""
    figures: dict[str, list[float]] = {
        f"{load.name} {who}": [] for load in LOADS for who in ("bare", "voxgate", ROUTER)
    }

    def measure(pids: dict[str, tuple[int, ...]], callers: Callers, load: Load, *, ours: bool) -> None:
        counted = ("voxgate", ROUTER) if ours else ("bare",)
        before = [spent_ns(pids[who]) for who in counted]
        callers.turn(load, load.units, ours=ours)
        for who, spent in zip(counted, before, strict=True):
            figures[f"{load.name} {who}"].append((spent_ns(pids[who]) - spent) / load.units / 1e3)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp")))
        folder.chmod(0o755)
        stack.enter_context(awake())
        net = stack.enter_context(Net(BENCH_NET))
        for host in ("caller", "edge"):
            # A port is not free for a minute after its connection; where few are left, the search for one is measured.
            net.run(host, ["sysctl", "-qw", "net.ipv4.ip_local_port_range=10000 65000", "net.ipv4.tcp_tw_reuse=1"])
        directory = stack.enter_context(Directory(net, "pbx", folder, CALLEES[0], "example.com"))
        pids = _subjects(stack, net, folder)
        callers = stack.enter_context(Callers(net, folder, directory))
        for load, ours in product(LOADS, (False, True)):
            callers.turn(load, CLIENTS * 20, ours=ours)
        for number in range(rounds):
            for turn, load in product(range(TURNS), LOADS):
                # What changes steadily is before one of them as often as before the other.
                for ours in (False, True) if turn % 2 else (True, False):
                    measure(pids, callers, load, ours=ours)
            print(f"round {number + 1}/{rounds} done", flush=True)
    rows = [
        Row(name, tuple(costs), "us CPU per unit", name.replace("voxgate", "bare") if name.endswith("voxgate") else "")
        for name, costs in figures.items()
    ]
    ratios = show("ldap", rows, {"haproxy": version("haproxy", "-v"), "python": sys.version.split()[0]})
    worst = max(LOADS, key=lambda load: ratios[f"{load.name} voxgate"] / load.limit)
    for load in LOADS:
        print(f"{load.name}: {ratios[f'{load.name} voxgate']:.2f} (limit {load.limit:.2f})")
    return verdict("ldap", ratios[f"{worst.name} voxgate"], worst.limit)


def _subjects(stack: ExitStack, net: Net, folder: Path) -> dict[str, tuple[int, ...]]:
    """Start both; gives the processes that count: ours, the bare HAProxy's, and the router's among ours."""
    made = authority().issue(folder, "edge.example", OUT, stem="edge")
    (folder / "both.pem").write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
    config = {
        "edge": {"domain": "edge.example", "interface": "eth0"},
        "certificates": {"default": {"certificate": str(made.certificate), "key": str(made.key)}},
        "listen": {"sip": {"udp": 5060}, "ldap": {"plain": 389, "tls": 636}},
        "access_log": {"forwarded": True},
        "pbxs": {"hq": {"names": ["example.com"], "nodes": [CALLEES[0]], "ldap": {"plain": 389}}},
    }
    edge = stack.enter_context(Edge(net, folder, config))
    engines = {one["name"]: tree(one["pid"]) for one in edge.status()["engines"]}
    routers = tuple(pid for name, pids in engines.items() if name.startswith("router-") for pid in pids)
    bare = folder / "bare.cfg"
    bare.write_text(BARE.replace("FOLDER", str(folder)))
    process: Process = net.spawn("edge", ["haproxy", "-db", "-f", str(bare)], log_path=folder / "bare.log")
    until(lambda: net.run("edge", ["ss", "-Hltn", f"sport = {BARE_TLS}"]).out != "", 10, "bare HAProxy", folder)
    return {"voxgate": engines["haproxy"] + routers, ROUTER: routers, "bare": tree(process.pid)}
