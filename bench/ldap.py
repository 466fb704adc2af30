"""What does LDAP cost in HAProxy and the router, beside HAProxy alone in TCP mode?

A unit is a bind and a search for one person, on a connection that is kept, or on one of its own with its TLS
handshake and its end. Bare: HAProxy with one static server, same certificate, same TLS settings. Ours: HAProxy, the
router's processes, and what they report. Both lead to the same slapd, run at the same time and are loaded in turn.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
#: Clients at once, and units of one turn.
CLIENTS, KEPT_UNITS, NEW_UNITS = 8, 12_000, 2_500
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


def main(rounds: int) -> int:
    """Measure all loads in turn."""
    figures: dict[str, list[float]] = {
        f"{load.name} {who}": [] for load in LOADS for who in ("bare", "voxgate", ROUTER)
    }
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
        for load in LOADS:
            for ours in (False, True):
                _turn(net, folder, directory, load, ours=ours, units=CLIENTS * 20)
        for number in range(rounds):
            for load in LOADS:
                for ours in (False, True):
                    counted = ("voxgate", ROUTER) if ours else ("bare",)
                    before = [spent_ns(pids[who]) for who in counted]
                    units = KEPT_UNITS if load.kept else NEW_UNITS
                    _turn(net, folder, directory, load, ours=ours, units=units)
                    for who, spent in zip(counted, before, strict=True):
                        figures[f"{load.name} {who}"].append((spent_ns(pids[who]) - spent) / units / 1e3)
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


def _turn(net: Net, folder: Path, directory: Directory, load: Load, *, ours: bool, units: int) -> None:
    """So many units. Raises SystemExit when they do not come through."""
    argv = [sys.executable, "-m", "bench.ldap_load", OUT, str(load.port(ours=ours)), directory.bind_dn]
    argv += [directory.password, directory.suffix.dn, str(CLIENTS), str(units // CLIENTS)]
    argv += ["--new"] * (not load.kept) + ["--ca", str(folder / "ca.pem")] * load.secure
    done = net.run("caller", ["env", f"PYTHONPATH={ROOT}", *argv], timeout_s=120)
    if done.code != 0:
        raise SystemExit(f"{load.name}: {done.err[-2000:]}")
