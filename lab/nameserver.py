"""A DNS server on a host of a lab network: dnsmasq with a zone of ours."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Self

from lab.procs import LabError, Process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from lab.net import Net


class Nameserver:
    """Answers for `lines` of a dnsmasq configuration, and for nothing else, at a host's address, port 53.

    Whoever asks shall not keep an answer for more than a second.
    """

    def __init__(self, net: Net, host: str, folder: Path, lines: Sequence[str]) -> None:
        self._net = net
        self._host = host
        self._file = folder / "dnsmasq.conf"
        self._log = folder / "dnsmasq.log"
        self._lines = tuple(lines)
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to answer. Raises LabError."""
        program = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin")
        if program is None:
            raise LabError("dnsmasq is not installed: make setup")
        fixed = ("no-resolv", "no-hosts", "no-daemon", "user=root", "bind-interfaces", "local-ttl=1", "local=/example/")
        address = self._net.host(self._host).ipv4()
        self._file.write_text("\n".join([*fixed, f"listen-address={address}", "log-queries", *self._lines]) + "\n")
        before = len(self.text())
        command = [program, f"--conf-file={self._file}", "--pid-file="]
        self._process = self._net.spawn(self._host, command, log_path=self._log)
        end_s = time.monotonic() + 10
        while "started" not in self.text()[before:]:
            if self._process.poll() is not None or time.monotonic() > end_s:
                raise LabError(f"dnsmasq did not start:\n{self.text()[-1000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Answer no more."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def say(self, *lines: str) -> None:
        """Another zone from now on."""
        self.stop()
        self._lines = lines
        self.start()

    def text(self) -> str:
        """What it was asked, and what it said."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
