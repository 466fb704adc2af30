"""Ten thousand phone books that were opened in the morning: LDAPS connections that idle, and still answer."""

from __future__ import annotations

import resource
import socket
import sys
import time
from pathlib import Path

from lab.procs import LabError
from lab.topologies import EDGE_PUBLIC
from tests.engine.directories import directories
from tests.engine.office import MARKS
from voxgate.engines.haproxy.stream import FULL

pytestmark = MARKS

ROOT = Path(__file__).parents[2]
#: HAProxy needs two files for each connection; where root may not raise its limit (some containers), it has fewer.
MOST_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
CROWD = 10_000 if MOST_FILES == resource.RLIM_INFINITY else min(10_000, (MOST_FILES - 200) // 2)
LIMIT_S = 150
BYTES_PER_CONNECTION = 40_000


def resident(pid: int) -> int:
    """Bytes of memory that a process has now."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024


def wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while text not in log.read_text():
        if time.monotonic() > deadline:
            raise LabError(f"no `{text}` within {LIMIT_S} s: {log.read_text()[-500:]}")
        time.sleep(0.1)


def test_thousands_of_idle_ldaps_connections_stay_open_over_new_rules_and_answer() -> None:
    change = {"pbxs": {"hq": {"names": ["example.com"], "nodes": ["192.168.1.20"], "ldap": {"plain": 389}}}}
    with directories(change) as place:
        routers = [one["pid"] for one in place.edge.status()["engines"] if one["name"].startswith("router-")]
        before = sum(resident(pid) for pid in routers)
        silent = place.net.socket("phone-home", socket.AF_INET, socket.SOCK_STREAM)
        silent.connect((EDGE_PUBLIC, 389))
        hq = place.hq
        argv = [sys.executable, "-m", "lab.peers.ldap_crowd", EDGE_PUBLIC, str(CROWD)]
        argv += [hq.bind_dn, hq.password, hq.suffix.dn]
        log = place.folder / "crowd.log"
        crowd = place.net.spawn("stranger", argv, log_path=log, cwd=ROOT, with_input=True)
        wait_for(log, f"open {CROWD}")
        assert (sum(resident(pid) for pid in routers) - before) / CROWD < BYTES_PER_CONNECTION
        spread = place.connections()
        assert sum(spread) == CROWD
        if len(spread) > 1 and CROWD > 2 * FULL:
            assert min(spread) > FULL // 2
        text = place.edge.file.read_text().replace("- example.com", "- example.com\n    - books.example.com", 1)
        done = place.edge.apply(text)
        assert done.code == 0, done.err
        assert crowd.stdin
        crowd.stdin.write(b"search\n")
        crowd.stdin.flush()
        wait_for(log, f"answered {CROWD}")
        silent.settimeout(LIMIT_S)
        with silent:
            assert silent.recv(10) == b""
        crowd.stdin.close()
