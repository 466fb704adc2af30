"""Voxgate itself on the host `edge` of a lab network: `voxgate run` and the other verbs, as an operator calls them.

with Net(BEHIND_NAT) as net, Edge(net, folder, config) as edge:
    edge.status()["overall"]
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from lab.procs import Completed, LabError, Process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from lab.net import Net

VOXGATE = str(Path(sys.executable).with_name("voxgate"))


class SecretName(str):
    """In a configuration: `!secret` and this name; the value lies in the folder `secrets` beside the file."""

    __slots__ = ()


yaml.SafeDumper.add_representer(SecretName, lambda dumper, name: dumper.represent_scalar("!secret", str(name)))


@dataclass(frozen=True, slots=True)
class Kept:
    """The same with its value, which is put there."""

    name: str
    text: str


class Edge:
    """A running edge; `config` is what stands in its YAML file. Raises LabError when it does not get ready."""

    def __init__(self, net: Net, folder: Path, config: Mapping[str, Any], *, host: str = "edge") -> None:
        self._net = net
        self._host = host
        self.folder = folder
        self.file = folder / "voxgate.yaml"
        self.log = folder / "voxgate.log"
        #: Words before `voxgate run`: a program that takes rights or limits from it.
        self.under: tuple[str, ...] = ()
        self._process: Process | None = None
        self.write(config)

    def write(self, config: Mapping[str, Any] | str) -> None:
        """Replace the configuration file; nothing is applied."""
        self.file.write_text(config if isinstance(config, str) else _yaml(config, self.folder / "secrets"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, timeout_s: float = 60) -> None:
        """Start and wait until it is ready. What the log holds of an earlier start does not count."""
        before = len(self.text())
        argv = [*self.under, *self._command(), "run", str(self.file)]
        self._process = self._net.spawn(self._host, argv, log_path=self.log)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if " ready " in self.text()[before:]:
                return
            if self._process.poll() is not None:
                raise LabError(f"the edge has ended:\n{self.text()[-2000:]}")
            time.sleep(0.05)
        raise LabError(f"the edge is not ready after {timeout_s} s:\n{self.text()[-2000:]}")

    def stop(self) -> None:
        """End it orderly; may be called twice."""
        if self._process is not None:
            self._process.stop(30)
            self._process = None

    @property
    def pid(self) -> int:
        """Of `voxgate run`."""
        if self._process is None:
            raise LabError("the edge does not run")
        return self._process.pid

    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def command(self, *words: str, timeout_s: float = 90) -> Completed:
        """One `voxgate` command on the edge's host."""
        return self._net.run(self._host, [*self._command(), *words], timeout_s=timeout_s)

    def apply(self, config: Mapping[str, Any] | str, *words: str) -> Completed:
        """Write the file and apply it."""
        self.write(config)
        return self.command("apply", str(self.file), *words)

    def status(self) -> dict[str, Any]:
        """`voxgate status --json`."""
        answer: dict[str, Any] = json.loads(self.command("status", "--json").out)
        return answer

    def engine(self, name: str) -> dict[str, Any]:
        """One engine of the status."""
        return next(engine for engine in self.status()["engines"] if engine["name"] == name)

    def wait_for_log(self, text: str, timeout_s: float = 60) -> None:
        """Wait until the log holds `text`. Raises LabError."""
        deadline = time.monotonic() + timeout_s
        while text not in self.text():
            if time.monotonic() > deadline:
                raise LabError(f"`{text}` is not in the edge's log after {timeout_s} s")
            time.sleep(0.05)

    def wait_for_node(self, address: str, state: str, timeout_s: float = 60) -> None:
        """Wait until the health checks say that the node is `up` or `down`. Raises LabError."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if any(node["address"] == address and node["state"] == state for node in self.status()["nodes"]):
                return
            time.sleep(0.2)
        raise LabError(f"node {address} is not {state} after {timeout_s} s")

    def kamailio(self, *words: str) -> Completed:
        """One `kamcmd` command to the running Kamailio."""
        socket = self.folder / "run" / "kamailio" / "ctl.sock"
        return self._net.run(self._host, ["kamcmd", "-s", f"unix:{socket}", *words])

    def _command(self) -> list[str]:
        return [VOXGATE, "--run-dir", str(self.folder / "run"), "--state-dir", str(self.folder / "state")]


def _yaml(config: Mapping[str, Any], secrets: Path) -> str:
    """The file's text; secrets in it are put where it says they are."""

    class Dumper(yaml.SafeDumper):
        pass

    def keep(dumper: yaml.SafeDumper, secret: Kept) -> yaml.Node:
        secrets.mkdir(exist_ok=True)
        file = secrets / secret.name
        file.touch(mode=0o600)
        file.write_text(secret.text)
        return dumper.represent_scalar("!secret", secret.name)

    Dumper.add_representer(Kept, keep)
    return yaml.dump(dict(config), Dumper=Dumper, sort_keys=False)
