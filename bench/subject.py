"""What is measured: a Kamailio with our script, or a bare one, on the host `edge` of a small network."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from bench.load import LOAD_CORE
from lab.procs import LabError
from lab.topology import Host, Interface, Topology
from voxgate.config.model import Config
from voxgate.config.network import Network, Side, SideAddress
from voxgate.engines.base import Places
from voxgate.engines.kamailio import Kamailio, Pair
from voxgate.engines.rtpengine import Rtpengine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.net import Net

#: One interface with the public address, as most edges have: callers and PBXs reach the same address.
OUT = "10.50.0.1"
CALLEES = ("10.50.0.3", "10.50.0.4")
WORKERS = 1
BENCH_NET = Topology(
    "bench",
    "a caller, the edge, two PBX nodes",
    ("net",),
    (
        Host("caller", (Interface("eth0", "net", ("10.50.0.2/24",)),)),
        Host("edge", (Interface("eth0", "net", (f"{OUT}/24",)),)),
        Host("pbx", (Interface("eth0", "net", tuple(f"{address}/24" for address in CALLEES)),)),
    ),
)
#: The engine has a core of its own, as on an edge; see `load.LOAD_CORE`.
ENGINE_CORE = ("taskset", "-c", "0")
MEMORY = ("-x", "tlsf", "-X", "tlsf", "-m", "256", "-M", "16")


@dataclass(frozen=True, slots=True)
class Subject:
    """A variant. `pbxs` PBXs with ten names each; `ours` False is the bare engine, which knows one target only.

    `rate` is in calls per second.
    """

    name: str
    beside: str
    ours: bool
    media: bool = False
    hide_topology: bool = False
    limits: bool = False
    trunk: bool = False
    guard: bool = False
    records: bool = False
    pbxs: int = 1
    rate: int = 2000


def domains(subject: Subject) -> list[str]:
    """The SIP domains that the callers use, spread over all PBXs."""
    return [f"name{index % 10}.pbx{index}.example" for index in range(subject.pbxs)]


def config(subject: Subject) -> Config:
    """Its configuration."""
    pbxs = {
        f"pbx{index}": {
            "names": [f"name{name}.pbx{index}.example" for name in range(10)],
            "nodes": [{"address": address} for address in CALLEES],
            "sip": {"udp": 5060},
            "limits": {"calls": 100_000, "calls_per_second": 10_000} if subject.limits else None,
        }
        for index in range(subject.pbxs)
    }
    trunk = {"addresses": ["198.51.100.7"], "dids": {"0555.": "pbx0"}, "pbxs": ["pbx0"]}
    trunks = {"carrier": trunk} if subject.trunk else {}
    edge = {"domain": "edge.example", "topology_hiding": subject.hide_topology}
    listen = {"sip": {"udp": 5060, "workers": WORKERS}}
    return Config.model_validate(
        {
            "edge": edge,
            "listen": listen,
            "health": {"interval_seconds": 60},
            "pbxs": pbxs,
            "trunks": trunks,
            "records": {"enabled": subject.records},
            # All callers have one address here.
            "guard": {"enabled": subject.guard, "sip": {"requests_per_second": 100_000}},
        }
    )


@contextmanager
def running(net: Net, subject: Subject, folder: Path) -> Iterator[int]:
    """Start the subject; gives the pid of Kamailio's main process. Raises LabError when it does not serve."""
    relay = _relay(net, folder) if subject.media else None
    argv, env = _ours(subject, folder) if subject.ours else _bare(subject, folder)
    ears = _listen(env["VOXGATE_EVENTS"]) if subject.ours else None
    kamailio = net.spawn(
        "edge", [*ENGINE_CORE, *argv], env=env, log_path=folder / f"{subject.name}.log".replace(" ", "-")
    )
    try:
        time.sleep(3 if subject.pbxs == 1 else 6)
        if kamailio.poll() is not None:
            raise LabError(f"{subject.name}: Kamailio ended; see {folder}")
        yield kamailio.pid
    finally:
        kamailio.stop(5)
        if ears:
            ears.close()
        if relay:
            relay.stop(5)


def _listen(path: str) -> socket.socket:
    """The control plane, which hears what the script tells, and does nothing with it here."""
    ears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ears.bind(path)
    # Whoever runs the script may write to it.
    Path(path).chmod(0o666)

    def hear() -> None:
        with suppress(OSError):
            while ears.recv(1 << 16):
                pass

    threading.Thread(target=hear, daemon=True).start()
    return ears


def _network() -> Network:
    sides = tuple(SideAddress(side, ip_address(OUT), ip_address(OUT)) for side in (Side.INSIDE4, Side.OUTSIDE4))
    return Network("edge.example", sides, tuple(ip_network(address) for address in CALLEES))


def _relay(net: Net, folder: Path):  # type: ignore[no-untyped-def]
    state = Rtpengine().desired(config(Subject("", "", ours=True)), _network(), Places(folder, folder), 1)
    process = net.spawn("edge", [*LOAD_CORE, *state.process.argv], log_path=folder / "rtpengine.log")
    time.sleep(1)
    return process


def _ours(subject: Subject, folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    package = Path(__file__).resolve().parents[1] / "src" / "voxgate_sip"
    script = tuple((path.name, path.read_bytes()) for path in sorted(package.glob("*.py")))
    engine = Kamailio(script, Pair(b"", b""), "bench-key-0000000", media=subject.media)
    places = Places(folder, folder)
    state = engine.desired(config(subject), _network(), places, 1)
    for file in state.files:
        path = places.engine(state.name) / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return state.process.argv, dict(state.process.env)


def _bare(subject: Subject, folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    text = Path(__file__).with_name("bare.cfg").read_text()
    for name, value in (("WORKERS", str(WORKERS)), ("EDGE", OUT), ("CALLEE", CALLEES[0])):
        text = text.replace(name, value)
    path = folder / "bare.cfg"
    path.write_text(text)
    defines = ("-A", "WITH_MEDIA") if subject.media else ()
    return ("kamailio", "-DD", "-E", *MEMORY, "-Y", str(folder), *defines, "-f", str(path)), {}
