"""What does an HTTPS request cost in HAProxy, routed by host with allowed URLs, beside a bare one with one backend?

On a kept connection and on a new one; with one PBX and with 10,000 of them, 20 URLs each. Ours writes its access log,
and what that costs in the edge's own process is counted; the bare one writes none. Ours leaves a core to calls, as on
an edge; the bare one takes all there are.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cpu import spent_ns, tree
from bench.report import Row, show, verdict, version
from lab import procs
from lab.tls import authority
from voxgate.config.model import Config
from voxgate.config.network import Network, Side, SideAddress
from voxgate.engines.base import Places
from voxgate.engines.haproxy.access import SOCKET
from voxgate.engines.haproxy.engine import Haproxy, web_threads
from voxgate.engines.haproxy.tls import CIPHERS, MODERN
from voxgate.engines.kamailio import Pair
from voxgate.host.facts import read_facts
from voxgate.host.journal import Journal
from voxgate.host.ports import open_unix
from voxgate.supervise.access_log import AccessLog

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 1.2
#: 10,000 hosts may cost so much more than one.
MANY_LIMIT = 1.15
KEPT, NEW = 8_000, 1_500
#: A round on kept connections is short, so that what else the machine does meets all variants alike.
KEPT_ROUNDS = 3
#: The bare one with as many threads as ours, to be seen beside it.
AS_OURS = "bare as many threads"
LOCAL = "127.0.0.1"
PBX_PORT = 18080
NETWORK = Network("edge.example", (SideAddress(Side.OUTSIDE4, ip_address(LOCAL), ip_address(LOCAL)),), ())

BARE = """global
    {threads}maxconn 8000
    ssl-default-bind-options {modern}
    ssl-default-bind-ciphers {ciphers}
defaults
    mode http
    timeout connect 3s
    timeout client 60s
    timeout server 60s
frontend web
    bind {local}:{port} ssl crt {folder}/server.both alpn h2,http/1.1
    default_backend pbx
backend pbx
    server pbx {local}:{pbx}
"""
PBX = """defaults
    mode http
    timeout connect 3s
    timeout client 60s
    timeout server 60s
frontend pbx
    bind {local}:{pbx}
    http-request return status 200 content-type text/plain string "a page of a PBX"
"""


@dataclass(slots=True)
class Bed:
    """One variant, running: its port, its host, its processes, and the edge's own time so far."""

    name: str
    port: int
    host: str
    pids: tuple[int, ...]
    own_ns: list[int] = field(default_factory=lambda: [0])

    def cost_us(self, count: int, *, kept: bool) -> float:
        """Microseconds of CPU for each of `count` requests."""
        before = spent_ns(self.pids) + self.own_ns[0]
        clients = 10 if kept else count
        path = f"https://{self.host}/url19/page"
        argv = ["h2load", "--h1", f"-n{count}", f"-c{clients}", f"--connect-to={LOCAL}:{self.port}", path]
        done = procs.run(argv, timeout_s=120)
        if f" {count} 2xx" not in done.out:
            raise procs.LabError(done.out[-1000:])
        # The last lines of the access log are on their way.
        time.sleep(0.3)
        return (spent_ns(self.pids) + self.own_ns[0] - before) / count / 1000


def config(port: int, hosts: int) -> Config:
    """So many PBXs, each with a host and 20 URLs of its own."""
    pbxs = {
        f"p{number}": {
            "names": [f"h{number}.example.net"],
            "nodes": [LOCAL],
            "sip": {"udp": 5060},
            "http": {"plain": PBX_PORT, "allow_urls": [f"/p{number}/{url}" for url in range(19)] + ["/url19"]},
        }
        for number in range(hosts)
    }
    listen = {"sip": {"udp": 5060}, "http": {"tls": port}}
    return Config.model_validate({"edge": {"domain": "edge.example"}, "listen": listen, "pbxs": pbxs})


def main(rounds: int) -> int:
    """Measure; gives the exit code."""
    figures: dict[str, list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vxb-", dir="/tmp")))
        folder.chmod(0o755)
        beds = list(_beds(folder, stack))
        for _ in range(rounds):
            for what, count in (("kept", KEPT),) * KEPT_ROUNDS + (("new", NEW),):
                for bed in beds:
                    cost_us = bed.cost_us(count, kept=what == "kept")
                    figures.setdefault(f"{bed.name} {what}", []).append(cost_us)
    beside = {"voxgate": "bare", "voxgate 10000 PBXs": "voxgate", AS_OURS: "bare"}
    rows = [
        Row(
            name,
            tuple(found),
            "us CPU/request",
            f"{beside[of]} {what}" if (of := name.rpartition(" ")[0]) in beside else "",
        )
        for name, found in figures.items()
        for what in (name.rpartition(" ")[2],)
    ]
    ratios = show("http", rows, {"haproxy": version("haproxy", "-v")})
    many = max(ratio for name, ratio in ratios.items() if "10000" in name)
    failed = verdict("http with 10,000 PBXs", many, MANY_LIMIT)
    return max(failed, verdict("http", max(ratios[f"voxgate {what}"] for what in ("kept", "new")), LIMIT))


def _beds(folder: Path, stack: ExitStack) -> Iterator[Bed]:
    identity = authority().issue(folder, "*.example.net")
    certificate, key = identity.certificate.read_bytes(), identity.key.read_bytes()
    (folder / "server.both").write_bytes(certificate + key)
    values = {"local": LOCAL, "pbx": PBX_PORT, "folder": folder, "modern": MODERN, "ciphers": CIPHERS}
    (folder / "pbx.cfg").write_text(PBX.format(**values))
    stack.enter_context(_running(["haproxy", "-db", "-f", str(folder / "pbx.cfg")], PBX_PORT))
    threads = web_threads(read_facts().cpu_count)
    for name, port, line in (("bare", 18440, ""), (AS_OURS, 18439, f"nbthread {threads}\n    ")):
        bare = folder / f"{port}.cfg"
        bare.write_text(BARE.format(port=port, threads=line, **values))
        pid = stack.enter_context(_running(["haproxy", "-db", "-f", str(bare)], port))
        yield Bed(name, port, "h0.example.net", tree(pid))
    for name, port, hosts in (("voxgate", 18441, 1), ("voxgate 10000 PBXs", 18442, 10_000)):
        places = Places(folder / str(port), folder)
        state = Haproxy(Pair(certificate, key), "", web_threads=threads).desired(
            config(port, hosts), NETWORK, places, 1
        )
        places.engine("haproxy").mkdir(parents=True)
        for file in state.files:
            (places.engine("haproxy") / file.path).write_bytes(file.content)
        own = stack.enter_context(_logging(places))
        pid = stack.enter_context(_running(["haproxy", "-db", *state.process.argv[2:4]], port))
        yield Bed(name, port, f"h{hosts // 2}.example.net", tree(pid), own)


@contextmanager
def _running(argv: list[str], port: int) -> Iterator[int]:
    process = procs.spawn(argv, log_path=None)
    try:
        _await_port(port)
        yield process.pid
    finally:
        process.stop(5)


def _await_port(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex((LOCAL, port)) == 0:
                return
        time.sleep(0.05)
    raise procs.LabError(f"nothing listens on port {port}")


@contextmanager
def _logging(places: Places) -> Iterator[list[int]]:
    """The edge's access log in a thread of its own; what it holds is the thread's time on a CPU, in nanoseconds."""
    listening = open_unix(places.run / SOCKET, -1)
    (places.run / SOCKET).chmod(0o666)
    journal = AccessLog(Journal(places.run / "access.log", 100 << 20), lambda _: None)
    spent, loop = [0], asyncio.new_event_loop()

    async def watch() -> None:
        while True:
            spent[0] = time.thread_time_ns()
            await asyncio.sleep(0.1)

    async def both() -> None:
        await asyncio.gather(journal.serve(listening), watch())

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(both())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield spent
    finally:
        for task in asyncio.all_tasks(loop):
            loop.call_soon_threadsafe(task.cancel)
        thread.join(5)
