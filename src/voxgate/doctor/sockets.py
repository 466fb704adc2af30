"""UDP sockets of this machine from /proc/net/udp and udp6 (proc(5)). The reading is pure."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TABLES: Final = ("udp", "udp6")
_FIELDS: Final = 13


@dataclass(frozen=True, slots=True)
class UdpSocket:
    """One: its port, its inode, and how many datagrams it lost because its queue was full."""

    port: int
    inode: int
    drops: int


def read() -> tuple[UdpSocket, ...]:
    """All that this network namespace has."""
    texts = []
    for table in _TABLES:
        with contextlib.suppress(OSError):
            texts.append(Path(f"/proc/net/{table}").read_text())
    return tuple(socket for text in texts for socket in parsed(text))


def parsed(text: str) -> tuple[UdpSocket, ...]:
    """The lines of one table; what cannot be read is left out."""
    found = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= _FIELDS:
            with contextlib.suppress(ValueError):
                found.append(UdpSocket(int(words[1].rpartition(":")[2], 16), int(words[9]), int(words[12])))
    return tuple(found)


def drops(sockets: Iterable[UdpSocket], ports: Iterable[int]) -> Mapping[int, int]:
    """Port -> datagrams lost, for those of `ports` where any were."""
    wanted, lost = set(ports), Counter[int]()
    for one in sockets:
        if one.port in wanted:
            lost[one.port] += one.drops
    return +lost
