"""Whether a port is free, and who holds it.

Asked before an engine starts: Kamailio and rtpengine set SO_REUSEADDR, with which Linux lets two programs
bind one UDP port. The second then starts well and takes packets at random from the first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from ipaddress import ip_address
from pathlib import Path

from voxgate.errors import HostError

_PROC = Path("/proc")
_DATAGRAM_QUEUE = _PROC / "sys/net/unix/max_dgram_qlen"
DATAGRAM_QUEUE = 4096
"""Datagrams that wait in a unix socket. Debian's 10 are less than Kamailio's workers send in one moment."""


def raise_datagram_queue() -> int:
    """Let unix sockets that are opened from now on hold `DATAGRAM_QUEUE` datagrams, if we may; gives how many."""
    with contextlib.suppress(OSError, ValueError):
        if (holds := int(_DATAGRAM_QUEUE.read_text())) < DATAGRAM_QUEUE:
            # Of this network namespace; in a container perhaps read-only.
            _DATAGRAM_QUEUE.write_text(str(DATAGRAM_QUEUE))
            return DATAGRAM_QUEUE
        return holds
    return 10


def is_taken(proto: str, address: str, port: int) -> bool:
    """Tell whether another program holds the port. `proto` is udp, tcp or tls.

    Any other refusal (no such address, port not allowed) is left for the engine to report.
    """
    datagram = proto == "udp"
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM) as probe:
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if not datagram:
            # Connections in TIME_WAIT do not stop an engine, so they must not stop us (socket(7)).
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            if not datagram:
                probe.listen(1)
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def open_unix(path: Path, gid: int) -> socket.socket:
    """A listening socket that processes of the group `gid` may connect to. Raises HostError."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listening.bind(str(path))
        path.chmod(0o660)
        if gid >= 0:
            os.chown(path, -1, gid)
        listening.listen()
    except OSError as error:
        listening.close()
        raise HostError(f"{path} cannot be opened: {error.strerror or error}", "see to its folder") from error
    listening.setblocking(False)
    return listening


def holder(proto: str, port: int) -> str:
    """Return `name (process N)` of a program that holds the port, or "" where that cannot be seen."""
    inodes = _inodes("udp" if proto == "udp" else "tcp", port)
    for process in _PROC.iterdir():
        if process.name.isdigit() and _links(process / "fd") & inodes:
            # It may end while we look.
            with contextlib.suppress(OSError):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _links(folder: Path) -> set[str]:
    """Return what a process has open; processes come and go, and those of others may be closed to us."""
    links = set()
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                links.add(str(entry.readlink()))
    return links


def _inodes(proto: str, port: int) -> set[str]:
    """Return sockets bound to the port as /proc/PID/fd shows them; proc(5): local_address, st, inode."""
    found = set()
    for table in (proto, f"{proto}6"):
        with contextlib.suppress(FileNotFoundError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                bound = int(fields[1].rpartition(":")[2], 16) == port
                listening = proto == "udp" or fields[3] == "0A"
                if bound and listening:
                    found.add(f"socket:[{fields[9]}]")
    return found


def open_loopback(port: int) -> socket.socket:
    """A listening TCP socket on 127.0.0.1. Raises HostError when the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        who = holder("tcp", port) or "another program"
        raise HostError(f"TCP port {port} on 127.0.0.1 is held by {who}", "stop it: Voxgate needs the port") from error
    listener.setblocking(False)
    return listener
