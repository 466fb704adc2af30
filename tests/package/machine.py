"""A bare Debian with systemd as process 1, in a network of the lab: where a package lives its whole life.

It is made by debootstrap from this machine's default mirror; MIRROR names another one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lab.procs import Completed, LabError, Process, run

if TYPE_CHECKING:
    from types import TracebackType

    from lab.net import Net

BOOT = str(Path(__file__).with_name("boot"))
#: What an installed Debian has and a minimal one has not.
_INCLUDED = "systemd,systemd-sysv,dbus,procps,iproute2,ca-certificates"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CERTIFICATES = Path("/usr/local/share/ca-certificates")


def bare(suite: str, folder: Path) -> Path:
    """A new Debian in `folder`."""
    mirror = [os.environ["MIRROR"]] if "MIRROR" in os.environ else []
    command = ["debootstrap", "--variant=minbase", f"--include={_INCLUDED}", suite, str(folder), *mirror]
    made = run(command, timeout_s=600, env={"PATH": _PATH})
    if made.code:
        raise LabError(f"debootstrap {suite}: {(made.out + made.err)[-2000:]}")
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    for certificate in _CERTIFICATES.glob("*.crt"):
        shutil.copy(certificate, folder / "usr/local/share/ca-certificates")
    return folder


class Machine:
    """The Debian in `root`, running on the host `host` of a lab network."""

    def __init__(self, net: Net, host: str, root: Path) -> None:
        self.root = root
        self._net = net
        self._host = host
        self._process: Process | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        self._boot()
        return self

    def restart(self) -> None:
        """As after a power failure: what was not on the disk is gone, and services come by themselves."""
        self._kill()
        self._boot()

    def _boot(self) -> None:
        self._process = self._net.spawn(self._host, [BOOT, str(self.root)], log_path=self.root.with_suffix(".boot"))
        try:
            self._await_systemd()
        except BaseException:
            self._process.kill()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            # `unshare` waits for process 1 and takes it along when it is killed; nothing there need end in order.
            self._process.kill()
            self._process.wait(20)

    def run(self, *words: str, timeout_s: float = 60) -> Completed:
        """A command there, with its network."""
        return run(self._inside(*words, network=True), timeout_s=timeout_s)

    def done(self, *words: str, timeout_s: float = 60) -> str:
        """What a command there says. Raises LabError where it fails."""
        completed = self.run(*words, timeout_s=timeout_s)
        if completed.code:
            journal = self.run("journalctl", "--no-pager", "-n", "40").out
            raise LabError(f"{words}: {completed.out}{completed.err}\n{journal}")
        return completed.out

    def apt(self, *words: str) -> str:
        """apt-get there, with this machine's own network: packages come from a mirror."""
        completed = run(self._inside("apt-get", "-q", *words, network=False), timeout_s=600)
        if completed.code:
            raise LabError(f"apt-get {words}: {(completed.out + completed.err)[-3000:]}")
        return completed.out + completed.err

    def install(self, package: Path) -> str:
        """Install or upgrade to a package file of this machine."""
        shutil.copy(package, self.root / "root" / package.name)
        return self.apt("install", "-y", "--no-install-recommends", f"/root/{package.name}")

    def _inside(self, *words: str, network: bool) -> list[str]:
        spaces = ["--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wd", *(["--net"] if network else [])]
        variables = [f"PATH={_PATH}", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb", "DEBIAN_FRONTEND=noninteractive"]
        return ["nsenter", f"--target={self._pid}", *spaces, "env", "-i", *variables, *words]

    def _await_systemd(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self._pid = _systemd_under(self._process.pid) if self._process else 0
            if self._pid and self.run("systemctl", "is-system-running").out.strip() in {"running", "degraded"}:
                return
            time.sleep(0.2)
        raise LabError(f"systemd did not start: {self.root.with_suffix('.boot').read_text()[-2000:]}")


def _systemd_under(pid: int) -> int:
    """The process 1 that `boot` became the parent of; 0 while there is none."""
    try:
        while Path(f"/proc/{pid}/comm").read_text() != "systemd\n":
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    except (OSError, IndexError):
        return 0
    return pid


def gone(folder: Path) -> None:
    """Remove a Debian that runs no more."""
    subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False, timeout=120)
