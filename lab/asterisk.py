"""A real Asterisk as the PBX of a lab network, out of a root file system of its own: no Debian that we run on has one.

`tests/setup/asterisk-root` makes the root; without it `ROOT` does not exist and nobody can start one.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lab.procs import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from lab.net import Net
    from lab.procs import Completed, Process

ROOT = Path(os.environ.get("VOXGATE_ASTERISK_ROOT", "/var/cache/voxgate-asterisk"))
_MODULES = """\
[modules]
autoload = yes
noload = chan_iax2.so
noload = res_hep.so
noload = res_config_pgsql.so
"""
_MAIN = """\
[directories]
astetcdir => {folder}
astmoddir => /usr/lib/{arch}/asterisk/modules
astvarlibdir => /var/lib/asterisk
astdatadir => /usr/share/asterisk
astdbdir => {folder}
astspooldir => {folder}
astrundir => {folder}
astlogdir => {folder}
[options]
documentation_language = en_US
"""


class Asterisk:
    """Runs on `host` with `files` (name to text) as its configuration. Raises LabError when it does not get ready."""

    def __init__(self, net: Net, host: str, files: Mapping[str, str]) -> None:
        self._net = net
        self._host = host
        self._inside = Path("/srv") / f"asterisk-{net.tag}"
        self._folder = ROOT / self._inside.relative_to("/")
        self._files = files
        self._process: Process | None = None
        self.log = self._folder / "console.log"

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        # Nobody is there to ask, and it would wait for an answer; it looks for its own name, too.
        (ROOT / "etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        (ROOT / "etc/hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")
        arch = next(path.name for path in (ROOT / "usr/lib").glob("*-linux-gnu"))
        main = _MAIN.format(folder=self._inside, arch=arch)
        for name, text in {"asterisk.conf": main, "modules.conf": _MODULES, **self._files}.items():
            (self._folder / name).write_text(text)
        self._process = self._net.spawn(self._host, [*self._argv(), "-f", "-vvv"], log_path=self.log)
        self._until("Asterisk Ready", 40)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.stop(5)
        for path in sorted(self._folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self._folder.rmdir()

    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def command(self, line: str) -> Completed:
        """One command of its console."""
        return self._net.run(self._host, [*self._argv(), "-rx", line])

    def _argv(self) -> tuple[str, ...]:
        return ("chroot", str(ROOT), "asterisk", "-C", str(self._inside / "asterisk.conf"))

    def _until(self, words: str, timeout_s: float) -> None:
        end_s = time.monotonic() + timeout_s
        while words not in self.text():
            if time.monotonic() > end_s or (self._process is not None and self._process.poll() is not None):
                raise LabError(f"asterisk does not say `{words}`:\n{self.text()[-3000:]}")
            time.sleep(0.1)
