"""What the tests of engines under the supervisor share: a folder, a small Kamailio, a log that is read."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from voxgate.engines.base import EngineState, Listener, Process
from voxgate.host import files
from voxgate.host.clock import SystemClock
from voxgate.supervise.log import LogFormat, LogSink
from voxgate.supervise.supervisor import Supervisor
from voxgate.wire.jsonrpc import JsonRpcClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CFG = """#!KAMAILIO
debug=2
log_stderror=yes
children=2
auto_aliases=no
{listen}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "jsonrpcs.so"
loadmodule "dispatcher.so"
modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "dgram_socket", "{folder}/rpc.sock")
modparam("dispatcher", "list_file", "{folder}/dispatcher.list")
request_route {{
    xlog("L_ERR", "heard of $fU\\n");
    exit;
}}
"""


def free_port() -> int:
    """A port that is free for UDP and TCP on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        port: int = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        return port


@dataclass
class Bench:
    """A folder Kamailio may use, a log, and a supervisor's state."""

    folder: Path
    log: StringIO
    port: int

    def kamailio(self, cfg: str = CFG, destinations: int = 1) -> EngineState:
        listen = f"listen=udp:127.0.0.1:{self.port}\nlisten=tcp:127.0.0.1:{self.port}"
        content = cfg.format(listen=listen, folder=self.folder).encode()
        files.write(self.folder / "kamailio.cfg", content, group="kamailio")
        rows = "".join(
            f"1 sip:10.0.{n // 250}.{n % 250 + 1}:5060 0 0 weight=50;pbx=hq{n}\n" for n in range(destinations)
        )
        files.write(self.folder / "dispatcher.list", rows.encode(), group="kamailio")
        argv = ("kamailio", "-DD", "-E", "-Y", str(self.folder), "-f", str(self.folder / "kamailio.cfg"))
        return EngineState(
            "kamailio",
            Process(argv, "kamailio", ("net_bind_service",)),
            listeners=(
                Listener("udp", "127.0.0.1", self.port, "SIP over UDP"),
                Listener("tcp", "127.0.0.1", self.port, "SIP over TCP"),
            ),
        )

    def rtpengine(self) -> EngineState:
        argv = (
            *("rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--table=-1"),
            *("--interface=i4/127.0.0.1", f"--listen-ng=127.0.0.1:{self.port}"),
            *("--port-min=41000", "--port-max=41100"),
        )
        return EngineState("rtpengine", Process(argv, "rtpengine"))

    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def client(self) -> JsonRpcClient:
        return JsonRpcClient(self.folder / "rpc.sock", self.folder / "voxgate.sock")


@contextmanager
def new_bench() -> Iterator[Bench]:
    """A bench for one test; not in pytest's folder, which Kamailio's user may not enter."""
    folder = Path(tempfile.mkdtemp(prefix="vxs-"))
    try:
        folder.chmod(0o711)
        files.ensure_folder(folder / "kamailio", group="kamailio", mode=files.SHARED_FOLDER_MODE)
        yield Bench(folder / "kamailio", StringIO(), free_port())
    finally:
        shutil.rmtree(folder)


class Returned:
    """The hook that is told when an engine is back."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def __call__(self, name: str) -> None:
        del name
        self.event.set()


@asynccontextmanager
async def supervising(bench: Bench, returned: Returned | None = None) -> AsyncIterator[Supervisor]:
    sink = LogSink(bench.log, LogFormat.JSON, SystemClock())
    async with Supervisor(SystemClock(), sink, on_ready=returned or Returned()) as supervisor:
        yield supervisor


def members(group: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def facts_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
