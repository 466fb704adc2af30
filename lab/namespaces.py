"""Network namespaces of lab runs: their names, who owns them, sockets inside them, removal of what a dead run left.

A run is called by its tag, ``vg`` and eight hex digits. Its owner holds a lock on ``OWNERS/<tag>`` as long as it lives;
the kernel drops the lock with the process, so no process id can be mistaken for another's.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lab import procs
from lab.procs import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

OWNERS = Path("/run/voxgate-lab")
NAMED = Path("/run/netns")
FILES = Path("/etc/netns")
"""``ip netns exec`` lays the files of ``FILES/<name>`` over those in ``/etc``."""
TAG = re.compile(r"(vg[0-9a-f]{8})-")
CLONE_NEWNET = 0x40000000
"""From ``<sched.h>``; ``os.setns`` came only with Python 3.12."""


def claim() -> tuple[str, IO[str]]:
    """A fresh tag and the open lock that owns it. Raises LabError without the rights."""
    tag = "vg" + secrets.token_hex(4)
    try:
        OWNERS.mkdir(mode=0o755, exist_ok=True)
        lock = (OWNERS / tag).open("x")
    except OSError as exc:
        raise LabError(f"the lab needs root: {exc}") from exc
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return tag, lock


def release(tag: str, lock: IO[str]) -> None:
    """Give the tag back after its namespaces are gone."""
    (OWNERS / tag).unlink(missing_ok=True)
    lock.close()


def of_run(tag: str) -> list[str]:
    """The namespaces that exist of a run."""
    return sorted(path.name for path in NAMED.glob(f"{tag}-*"))


def resolve(name: str, addresses: Mapping[str, str]) -> None:
    """Programs started in namespace ``name`` from now on find these host names, and localhost. Raises OSError."""
    (FILES / name).mkdir(parents=True, exist_ok=True)
    lines = ["127.0.0.1 localhost", "::1 localhost", *(f"{at} {host}" for host, at in addresses.items())]
    (FILES / name / "hosts").write_text("\n".join(lines) + "\n")


def remove(tag: str) -> None:
    """End the processes inside a run's namespaces and delete these. Raises LabError if one is still there."""
    for name in of_run(tag):
        _end_processes(name)
        procs.run(("ip", "netns", "del", name), timeout_s=20)
    for folder in FILES.glob(f"{tag}-*"):
        shutil.rmtree(folder)
    if left := of_run(tag):
        raise LabError(f"namespaces that cannot be removed: {', '.join(left)}")


def _end_processes(name: str) -> None:
    done = procs.run(("ip", "netns", "pids", name), timeout_s=20)
    for pid in done.out.split():
        # Our own sockets may live there, never our own process; the check costs nothing.
        if int(pid) != os.getpid():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def stale() -> list[str]:
    """Tags of runs whose owner is dead."""
    tags = {match[1] for path in NAMED.glob("vg*-*") if (match := TAG.match(path.name))}
    if OWNERS.is_dir():
        tags |= {path.name for path in OWNERS.iterdir()}
    return sorted(tag for tag in tags if not _owned(tag))


def _owned(tag: str) -> bool:
    try:
        with (OWNERS / tag).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def clean() -> list[str]:
    """Remove what dead runs left; returns their tags. Raises LabError if something resists."""
    tags = stale()
    for tag in tags:
        remove(tag)
        (OWNERS / tag).unlink(missing_ok=True)
    return tags


def socket_in(name: str, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
    """A socket that belongs to namespace ``name`` and is used from here. Raises LabError.

    A socket stays in the namespace of the thread that made it, so a thread of its own enters, makes it and ends.
    """
    made: list[socket.socket] = []
    failed: list[OSError] = []

    def enter() -> None:
        try:
            _enter(name)
            made.append(socket.socket(family, kind))
        except OSError as exc:
            failed.append(exc)

    thread = threading.Thread(target=enter, name=f"socket-{name}")
    thread.start()
    thread.join()
    if failed:
        raise LabError(f"no socket in {name}: {failed[0]}") from failed[0]
    return made[0]


def _enter(name: str) -> None:
    """Move the calling thread into the namespace. Raises OSError."""
    with (NAMED / name).open("rb") as entry:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(entry.fileno(), CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
