"""What `bench.guard` sends through the kernel of an edge: datagrams, calls through Kamailio, requests to HAProxy.

In namespaces the kernel's work is done in the sender's name: so the CPU time of both ends is counted, as well as the
engine's.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.cpu import spent_ns, tree
from bench.load import LOAD_CORE, answer, call
from bench.subject import CALLEES, OUT, Subject, domains, running

if TYPE_CHECKING:
    import socket
    from contextlib import ExitStack
    from pathlib import Path

    from lab.net import Net

SUBJECT = Subject("voxgate", "", ours=True, guard=True, rate=1000)
#: Of one turn. Each HTTP request has a connection of its own, and so many of them come at once that none is asked for
#: twice.
DATAGRAMS, CALLS, REQUESTS, AT_ONCE = 20_000, 1000, 4000, 200
WEB_PORT = 8080
WEB = """defaults
    mode http
    timeout connect 3s
    timeout client 60s
    timeout server 60s
frontend pbx
    bind {address}:{port}
    http-request return status 200 content-type text/plain string "a page of a PBX"
"""


@dataclass(frozen=True, slots=True)
class Traffic:
    """One edge, serving. Each method gives microseconds of CPU for one of its kind."""

    net: Net
    folder: Path
    pids: tuple[int, ...]
    caller: socket.socket
    edge: socket.socket

    def datagram_us(self) -> float:
        """There and back."""
        began_s = time.process_time()
        for _ in range(DATAGRAMS):
            self.caller.sendto(b"request", (OUT, 5065))
            self.edge.recv(100)
            self.edge.sendto(b"answer", ("10.50.0.2", 5065))
            self.caller.recv(100)
        return (time.process_time() - began_s) / DATAGRAMS * 1e6

    def call_us(self) -> float:
        """INVITE to BYE. Raises SystemExit when calls were lost."""
        before_ns = self._spent_ns()
        outcome = call(self.net, OUT, domains(SUBJECT), self.folder, calls=CALLS, rate=SUBJECT.rate)
        if outcome.good < CALLS * 0.99:
            raise SystemExit(f"only {outcome.good} of {CALLS} calls were complete")
        return (self._spent_ns() - before_ns) / CALLS / 1000

    def request_us(self) -> float:
        """A connection, GET and its answer. Raises SystemExit when some were not answered."""
        before_ns = self._spent_ns()
        count = str(AT_ONCE)
        argv = [*LOAD_CORE, "h2load", "--h1", "-n", count, "-c", count, f"http://{OUT}:{WEB_PORT}/"]
        for _ in range(REQUESTS // AT_ONCE):
            done = self.net.run("caller", argv, timeout_s=60)
            if f" {AT_ONCE} 2xx" not in done.out:
                raise SystemExit(done.out[-500:] + done.err[-500:])
        return (self._spent_ns() - before_ns) / REQUESTS / 1000

    def _spent_ns(self) -> int:
        """By the engines and callees that run, and by all callers so far."""
        callers = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent_ns(self.pids) + round((callers.ru_utime + callers.ru_stime) * 1e9)


def serving(stack: ExitStack, net: Net, folder: Path) -> Traffic:
    """Start engines and callees, and let each kind through once."""
    folder.mkdir()
    callees = [answer(net, "pbx", address, folder) for address in CALLEES]
    web = folder / "web.cfg"
    web.write_text(WEB.format(address=OUT, port=WEB_PORT))
    haproxy = net.spawn("edge", ["haproxy", "-db", "-f", str(web)], log_path=folder / "haproxy.log")
    stack.callback(haproxy.stop, 5)
    kamailio = stack.enter_context(running(net, SUBJECT, folder))
    ends = [stack.enter_context(net.socket(host)) for host in ("caller", "edge")]
    for sock, address in zip(ends, ("10.50.0.2", OUT), strict=True):
        sock.settimeout(5)
        sock.bind((address, 5065))
    roots = (kamailio, haproxy.pid, *(callee.pid for callee in callees))
    made = Traffic(net, folder, tuple(pid for root in roots for pid in tree(root)), *ends)
    made.datagram_us()
    made.call_us()
    made.request_us()
    return made
