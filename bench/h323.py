"""What does H.323 cost the edge?

CPU time of HAProxy and the router for a registration on a connection of its own and for a message on a connection
that is there, each beside a bare HAProxy that relays the same to the same PBX; reading one registration, beside pycrate
in the same process; and the memory of 5,000 registered phones. The verdict is the worst of reading (a fifth of
pycrate's) and memory (32 KiB for each phone, over TCP and over TLS), each divided by its limit.
"""

from __future__ import annotations

import platform
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pycrate_asn1dir import H225

from bench.cpu import spent_ns, tree
from bench.h323_load import RRQ
from bench.report import Row, show, verdict, version
from bench.subject import BENCH_NET, CALLEES, OUT
from lab import tls
from lab.edge import Edge
from lab.net import Net
from lab.procs import LabError
from voxgate.router.h323 import q931
from voxgate.router.h323.messages import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.procs import Process

DECODE_LIMIT, MEMORY_LIMIT_KIB = 0.2, 32.0
REGISTRATIONS, MESSAGES, PHONES, READINGS = 3200, 32000, 5000, 3000
PBX = CALLEES[0]
#: Service -> our port, the bare HAProxy's port.
PORTS = {"TCP": (1720, 1721), "TLS": (1300, 1301)}
BARE = """
global
    maxconn 8000
defaults
    mode tcp
    timeout connect 3s
    timeout client 1h
    timeout server 1h
listen plain
    bind {edge}:1721
    server pbx {pbx}:1720
listen secure
    bind {edge}:1301 ssl crt {folder}/both.pem ssl-min-ver TLSv1.2 no-tls-tickets
    server pbx {pbx}:1720
"""


@dataclass(frozen=True)
class Place:
    """Where it is measured: `ours` and `bare` are the processes."""

    net: Net
    folder: Path
    ours: tuple[int, ...]
    bare: tuple[int, ...]

    def load(self, mode: str, port: int, count: int, *, secure: bool) -> tuple[str, ...]:
        """Its argument list."""
        return (*LOAD, mode, OUT, str(port), str(count), *(("--tls",) if secure else ()))


LOAD = (str(Path(__file__).resolve().parents[1] / ".venv/bin/python"), "-m", "bench.h323_load")
ROOT = Path(__file__).resolve().parents[1]


def main(rounds: int) -> int:
    """Measure all."""
    ours, pycrate = _readings(rounds)
    rows = [Row("pycrate reads an RRQ", pycrate, "us"), Row("ours reads it", ours, "us", "pycrate reads an RRQ")]
    held = {}
    with tempfile.TemporaryDirectory(prefix="vb-", dir="/tmp") as name, Net(BENCH_NET) as net:
        folder = Path(name)
        folder.chmod(0o755)
        identity = tls.authority().issue(folder, "edge.example")
        (folder / "both.pem").write_bytes(identity.certificate.read_bytes() + identity.key.read_bytes())
        # Every registration leaves a closed connection to the PBX behind for a minute.
        net.run("edge", ("sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_tw_reuse=1"))
        pbx = _start(net, "pbx", (*LOAD, "serve", PBX, "1720"), folder / "pbx.log", "serving")
        with Edge(net, folder, _config(identity)) as edge:
            bare = _bare(net, folder)
            place = Place(net, folder, _processes(edge), tree(bare.pid))
            rows += _costs(place, rounds)
            for kind, (port, _) in PORTS.items():
                held[kind] = _memory(place, port, secure=kind == "TLS")
                rows.append(
                    Row(f"{PHONES} phones over {kind}, each", (held[kind],), f"KiB (limit {MEMORY_LIMIT_KIB:g})")
                )
            bare.stop(5)
        pbx.stop(5)
    ratios = show("h323", rows, {"haproxy": version("haproxy", "-v"), "python": platform.python_version()})
    worst = max(ratios["ours reads it"] / DECODE_LIMIT, max(held.values()) / MEMORY_LIMIT_KIB)
    return verdict("h323", worst, 1.0)


def _config(identity: tls.Identity) -> dict[str, Any]:
    return {
        "edge": {"domain": "edge.example", "address": [OUT]},
        "certificates": {"default": {"certificate": str(identity.certificate), "key": str(identity.key)}},
        "listen": {"sip": {"udp": 5060}, "h323": {"plain": PORTS["TCP"][0], "tls": PORTS["TLS"][0]}},
        "guard": {"enabled": False},
        "pbxs": {"hq": {"names": ["example.com"], "nodes": [PBX], "h323": {"plain": 1720}}},
    }


def _start(net: Net, host: str, argv: tuple[str, ...], log: Path, word: str) -> Process:
    """A program, once it has said `word`. Raises LabError."""
    started = net.spawn(host, argv, log_path=log, cwd=ROOT)
    deadline = time.monotonic() + 120
    while word not in log.read_text():
        if started.poll() is not None or time.monotonic() > deadline:
            raise LabError(f"no `{word}`: {log.read_text()[-2000:]}")
        time.sleep(0.05)
    return started


def _bare(net: Net, folder: Path) -> Process:
    config = folder / "bare-haproxy.cfg"
    config.write_text(BARE.format(edge=OUT, pbx=PBX, folder=folder))
    started = net.spawn("edge", ("haproxy", "-db", "-f", str(config)), log_path=folder / "bare.log")
    time.sleep(1)
    return started


def _processes(edge: Edge) -> tuple[int, ...]:
    engines = [one for one in edge.status()["engines"] if one["name"].startswith(("haproxy", "router"))]
    return tuple(pid for engine in engines for pid in tree(engine["pid"]))


def _readings(rounds: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Microseconds for one registration, by ours and by pycrate."""
    payload = RRQ[4:]
    octets = q931.parse(payload).user_user
    outer, inner = H225.H323_MESSAGES.H323_UserInformation, H225.H323_MESSAGES.RasMessage

    def pycrate() -> None:
        outer.from_aper(octets)
        inner.from_aper(outer.get_val()["h323-uu-pdu"]["genericData"][0]["parameters"][0]["content"][1])
        inner.get_val()

    pairs = [(_timed(lambda: read(payload)), _timed(pycrate)) for _ in range(rounds)]
    return tuple(ours for ours, _ in pairs), tuple(theirs for _, theirs in pairs)


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time_ns()
    for _ in range(READINGS):
        work()
    return (time.process_time_ns() - began) / READINGS / 1000


def _costs(place: Place, rounds: int) -> list[Row]:
    """Microseconds of CPU time for each registration and each message."""
    rows = []
    for kind, ports in PORTS.items():
        for mode, count, what in (("register", REGISTRATIONS, "registration"), ("message", MESSAGES, "message")):
            figures: dict[str, list[float]] = {"bare HAProxy": [], "ours": []}
            for _ in range(rounds):
                for name, port, pids in zip(figures, reversed(ports), (place.bare, place.ours), strict=True):
                    before = spent_ns(pids)
                    argv = place.load(mode, port, count, secure=kind == "TLS")
                    done = place.net.run("caller", ("env", f"PYTHONPATH={ROOT}", *argv), timeout_s=120)
                    if done.code != 0:
                        raise LabError(f"{what}: {done.err}")
                    figures[name].append((spent_ns(pids) - before) / count / 1000)
            beside = f"{kind} {what}, bare HAProxy"
            rows.append(Row(beside, tuple(figures["bare HAProxy"]), "us"))
            rows.append(Row(f"{kind} {what}, ours", tuple(figures["ours"]), "us", beside))
            print(f"{kind} {what}: {1e6 / rows[-1].value:.0f} per CPU second", flush=True)
    return rows


def _memory(place: Place, port: int, *, secure: bool) -> float:
    """KiB of HAProxy and router together for each of so many registered phones."""
    before = _proportional_kib(place.ours)
    argv = place.load("hold", port, PHONES, secure=secure)
    phones = _start(place.net, "caller", argv, place.folder / f"hold-{port}.log", "held")
    try:
        return (_proportional_kib(place.ours) - before) / PHONES
    finally:
        phones.stop(5)


def _proportional_kib(pids: tuple[int, ...]) -> int:
    """Memory of the processes, each shared page counted once (proc(5), smaps_rollup)."""
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(found[1]) for text in texts if (found := re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)))
