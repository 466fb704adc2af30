"""Whether the kernel passes on packets that are not for this machine (ip-sysctl in the kernel's documentation)."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voxgate.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYSCTL: Final = Path("/proc/sys/net")
_SWITCHES: Final = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}


def is_on(version: int) -> bool:
    """Whether it is; a kernel without this IP version passes nothing on."""
    try:
        return (_SYSCTL / _SWITCHES[version]).read_text().strip() != "0"
    except OSError:
        return False


def switch(version: int, *, on: bool) -> None:
    """On or off. Raises HostError, in a container for instance."""
    if on and version == 6:
        _keep_router_advertisements()
    path = _SYSCTL / _SWITCHES[version]
    try:
        path.write_text("1" if on else "0")
    except OSError as error:
        name = _SWITCHES[version].replace("/", ".")
        raise HostError(
            f"net.{name} cannot be set: {error.strerror}", f"set net.{name}=1 where this machine's kernel is managed"
        ) from error


def _keep_router_advertisements() -> None:
    """A machine that forwards takes its default route from routers only where accept_ra is 2."""
    for path in _interfaces():
        with contextlib.suppress(OSError):
            if path.read_text().strip() == "1":
                path.write_text("2")


def _interfaces() -> Iterator[Path]:
    yield from (_SYSCTL / "ipv6/conf").glob("*/accept_ra")
