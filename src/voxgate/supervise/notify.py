"""Tells systemd how we are: sd_notify(3), by hand, and nothing at all without NOTIFY_SOCKET."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notifier:
    """`address` of systemd's socket, empty: none. `watchdog_s`: how often `watchdog` must be called, or None."""

    address: str = ""
    watchdog_s: float | None = None

    def ready(self, status: str = "") -> None:
        """Everything is started, or a reload is over."""
        self._send("READY=1", status, *self._limit(2 * self.watchdog_s if self.watchdog_s else 0))

    def patience(self, seconds: float) -> None:
        """Nobody calls `watchdog` for so long at most; until `ready` is called again."""
        if self.watchdog_s:
            self._send("", "", *self._limit(seconds))

    def reloading(self, monotonic_s: float) -> None:
        """A reload begins; `Type=notify-reload` wants the time, on CLOCK_MONOTONIC, with it."""
        self._send("RELOADING=1", "", f"MONOTONIC_USEC={int(monotonic_s * 1_000_000)}")

    def stopping(self, status: str = "") -> None:
        """The orderly end begins."""
        self._send("STOPPING=1", status)

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send("", status)

    def watchdog(self) -> None:
        """We are alive; without it systemd ends us after WatchdogSec."""
        self._send("WATCHDOG=1", "")

    @staticmethod
    def _limit(seconds: float) -> tuple[str, ...]:
        return (f"WATCHDOG_USEC={int(seconds * 1_000_000)}",) if seconds else ()

    def _send(self, state: str, status: str, *more: str) -> None:
        if not self.address:
            return
        # A line end in the status would begin another assignment.
        said = f"STATUS={' '.join(status.split())}" if status else ""
        message = "\n".join(line for line in (state, said, *more) if line).encode("utf-8", "replace")
        # "@" stands for the zero byte of an abstract socket, as systemd writes it.
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(1)
                sock.sendto(message, address)
        except OSError as error:
            log.warning("notify_failed error=%s", error.strerror)


def from_environment(environ: Mapping[str, str], pid: int) -> Notifier:
    """Return the notifier systemd wants of the process `pid`; sd_watchdog_enabled(3) for the interval."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return Notifier()
    meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
    limit_us = environ.get("WATCHDOG_USEC", "")
    if not meant or not limit_us.isdigit() or int(limit_us) == 0:
        return Notifier(address)
    return Notifier(address, int(limit_us) / 1_000_000 / 2)
