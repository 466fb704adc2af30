"""Starts a lab PBX (`lab.peers.pbx`, `lab.peers.h323.gatekeeper`) on a host, reads its journal, gives it commands."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lab.procs import LabError
from lab.tones import Heard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from lab.net import Net
    from lab.peers.address import Hop
    from lab.procs import Process
    from lab.tls import Identity

ROOT = Path(__file__).parents[1]
Event = dict[str, Any]
"""A journal line: ``event`` is its name, ``t`` the time of day in seconds, the rest its facts."""


class Journaled:
    """A program on ``host`` that writes what happens as JSON lines and begins with ``listening``."""

    def __init__(self, net: Net, host: str, journal: Path, argv: Sequence[str]) -> None:
        self.host = host
        self.journal = journal
        self._net = net
        self._argv = (sys.executable, "-m", *argv)
        self._process: Process | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it listens. Raises LabError."""
        self.journal.unlink(missing_ok=True)
        self._process = self._net.spawn(self.host, self._argv, log_path=self.journal, cwd=ROOT)
        self.wait("listening", timeout_s=10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def events(self, name: str = "", **facts: object) -> list[Event]:
        """Journal lines so far, of that name and with these facts."""
        found = []
        for line in self.journal.read_text().splitlines():
            # Anything else is a traceback of the program, for the reader of the file.
            event = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if (not name or event.get("event") == name) and all(event.get(k) == v for k, v in facts.items()):
                found.append(event)
        return [event for event in found if event]

    def wait(self, name: str, timeout_s: float = 15, after: int = 0, **facts: object) -> Event:
        """The next such event beyond the first ``after``. Raises LabError after ``timeout_s``."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            if self._process is not None and self._process.poll() is not None:
                raise LabError(f"{self.host}: it ended; see {self.journal}")
            found = self.events(name, **facts)
            if len(found) > after:
                return found[after]
            time.sleep(0.05)
        raise LabError(f"{self.host}: no {name} {facts} within {timeout_s} s; see {self.journal}")


class Switchboard(Journaled):
    """A PBX on ``host``. ``options`` are those of the program, beyond ``--listen``, ``--tone`` and ``--control``."""

    def __init__(
        self, net: Net, host: str, folder: Path, *, tone_hz: int, listen: Sequence[Hop], options: Sequence[str] = ()
    ) -> None:
        self.tone_hz = tone_hz
        self._control = folder / f"{host}.sock"
        places = [word for hop in listen for word in ("--listen", str(hop))]
        words = [*places, "--tone", str(tone_hz), "--control", str(self._control), *options]
        super().__init__(net, host, folder / f"{host}.jsonl", ("lab.peers.pbx", *words))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        super().__exit__(kind, error, trace)
        self._control.unlink(missing_ok=True)

    def heard(self, user: str, timeout_s: float = 15, after: int = 0) -> Heard:
        """What the PBX heard of a user in a call with one of its own numbers. Raises LabError."""
        event = self.wait("heard", timeout_s, after, user=user)
        return Heard(event["tone_hz"], event["seconds"], event["loss_percent"])

    def command(self, **words: object) -> None:
        """``call="alice", talk_s=3``, ``deaf=True``, ``reply=503`` or ``reply=None``. Raises OSError."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(json.dumps(words).encode(), str(self._control))


class Gatekeeper(Journaled):
    """An H.323 PBX on ``host`` that listens on 1720, and on 1300 with TLS where it has an ``identity``."""

    def __init__(
        self,
        net: Net,
        host: str,
        folder: Path,
        gatekeeper_id: str,
        *,
        address: str,
        identity: Identity | None = None,
        options: Sequence[str] = (),
    ) -> None:
        words = ["--id", gatekeeper_id, "--listen", f"{address}:1720", *options]
        if identity:
            words += ["--listen-tls", f"{address}:1300", "--cert", str(identity.certificate)]
            words += ["--key", str(identity.key)]
        super().__init__(net, host, folder / f"{host}-h323.jsonl", ("lab.peers.h323.gatekeeper", *words))
