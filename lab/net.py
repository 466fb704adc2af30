"""The driver of the lab: builds a topology, runs programs inside its hosts, removes everything.

    with Net(BEHIND_NAT) as net:
        phone = net.spawn("phone-home", ["baresip", ...], log_path=path)
        net.run("router", ["nft", "list", "ruleset"])

Removal happens at the end of the block, also after an exception, Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import json
import logging
import signal
import socket as sockets
import threading
from functools import partial
from typing import TYPE_CHECKING, Self

from lab import namespaces, procs, wiring
from lab.procs import Completed, LabError, Process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import FrameType, TracebackType
    from typing import IO

    from lab.topology import Host, Topology

log = logging.getLogger(__name__)


class Net:
    """A running network. Not for sharing between threads while it is entered or left.

    ``tag`` (set on entering) makes all names of this run unique.
    """

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.tag = ""
        self._lock: IO[str] | None = None
        self._processes: list[Process] = []
        self._old_term: object = None

    def __enter__(self) -> Self:
        """Build. Raises LabError; nothing is left behind then."""
        self._catch_term()
        try:
            self.tag, self._lock = namespaces.claim()
            self._build()
        except BaseException:
            self.close()
            raise
        log.info("up topology=%s tag=%s", self.topology.name, self.tag)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove everything."""
        self.close()

    def close(self) -> None:
        """End the programs, last started first, and remove the namespaces; may be called twice. Raises LabError."""
        try:
            for process in reversed(self._processes):
                process.terminate()
            for process in reversed(self._processes):
                process.stop()
            self._processes.clear()
            if self._lock is not None:
                namespaces.remove(self.tag)
                namespaces.release(self.tag, self._lock)
                self._lock = None
        finally:
            self._restore_term()

    def host(self, name: str) -> Host:
        """The host's description. Raises LookupError."""
        return self.topology.host(name)

    def namespace(self, host: str) -> str:
        """The namespace's name, for ``ip netns exec`` by hand."""
        return wiring.namespace(self.tag, host)

    def inside(self, host: str, argv: Sequence[str]) -> tuple[str, ...]:
        """The argument list that runs ``argv`` on ``host``."""
        return ("ip", "netns", "exec", self.namespace(host), *argv)

    def run(
        self,
        host: str,
        argv: Sequence[str],
        *,
        timeout_s: float = 60,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a program on a host to its end. Raises LabError on a time-out, not on an exit code."""
        return procs.run(self.inside(host, argv), timeout_s=timeout_s, stdin=stdin, env=env)

    def spawn(
        self,
        host: str,
        argv: Sequence[str],
        *,
        log_path: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        with_input: bool = False,
    ) -> Process:
        """Start a program on a host; it is ended with the network at the latest. Raises LabError."""
        inside = self.inside(host, argv)
        process = procs.spawn(inside, log_path=log_path, env=env, cwd=cwd, with_input=with_input)
        process.name = f"{host}:{argv[0]}"
        self._processes.append(process)
        return process

    def socket(
        self,
        host: str,
        family: sockets.AddressFamily = sockets.AF_INET,
        kind: sockets.SocketKind = sockets.SOCK_DGRAM,
    ) -> sockets.socket:
        """A socket on that host, used from this process. Raises LabError."""
        return namespaces.socket_in(self.namespace(host), family, kind)

    def maker(self, host: str) -> Callable[[sockets.AddressFamily, sockets.SocketKind], sockets.socket]:
        """`socket` for one host, for programs that take a maker of sockets."""
        return partial(namespaces.socket_in, self.namespace(host))

    def resolve(self, host: str, addresses: Mapping[str, str]) -> None:
        """Give a host its ``/etc/hosts`` (name to address), for programs started later. Raises OSError."""
        namespaces.resolve(self.namespace(host), addresses)

    def hairpin_blocked(self, router: str = "router") -> int:
        """Packets from inside to the router's own public address, all dropped. Raises LabError."""
        argv = ("nft", "-j", "list", "counter", "inet", "filter", wiring.HAIRPIN_COUNTER)
        done = self.run(router, argv)
        if done.code != 0:
            raise LabError(f"{router} has no hairpin counter: {done.err.strip()}")
        found = [item["counter"]["packets"] for item in json.loads(done.out)["nftables"] if "counter" in item]
        return int(found[0])

    def _build(self) -> None:
        for command in wiring.build(self.topology, self.tag):
            done = procs.run(command.argv, stdin=command.stdin, timeout_s=60)
            if done.code != 0 and not command.may_fail:
                raise LabError(f"{' '.join(command.argv)}: {done.err.strip()}")

    def _catch_term(self) -> None:
        """SIGTERM ends the block like Ctrl-C does, unless the program has its own idea."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._old_term = signal.signal(signal.SIGTERM, _terminated)

    def _restore_term(self) -> None:
        if self._old_term is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._old_term = None


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
