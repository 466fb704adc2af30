"""How a program is to be started, as values; and what its end means. Pure.

`process.py` carries this out. Everything here can be printed: a secret never goes into an argument list.
"""

from __future__ import annotations

import shlex
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Where programs are looked for, whatever the caller's own PATH is: only folders of root.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: A longer line of an engine is cut: a SIP message dumped into the log must not fill memory.
LONGEST_LINE_BYTES = 8192

#: Program -> Debian package, where the two differ or people ask most.
PACKAGES = {
    "kamailio": "kamailio",
    "rtpengine": "rtpengine-daemon",
    "haproxy": "haproxy",
    "nft": "nftables",
    "turnserver": "coturn",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "setpriv": "util-linux",
}

# Linux signals that mean a fault in the program itself; signal(7).
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS})

# What exit codes mean that are not the program's own; setpriv(1) and the shell use the same two.
_CODES = {
    126: "it could not be executed",
    127: "it was not found",
}


@dataclass(frozen=True, slots=True)
class Launch:
    """One engine's start: argument list, the `user` it runs as, capabilities it keeps, environment, folder.

    Capabilities are named as in capabilities(7), with or without `CAP_`, in any case. `quotes`: see `messages`.
    """

    argv: tuple[str, ...]
    user: str
    capabilities: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cwd: Path | None = None
    quotes: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """Who a process is to become: names of user and primary group."""

    user: str
    group: str


def environment(extra: tuple[tuple[str, str], ...] = ()) -> dict[str, str]:
    """Return all that a program sees of ours: a fixed PATH, locale and time zone, and what was given."""
    return {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "TZ": "UTC", **dict(extra)}


def package_advice(program: str) -> str:
    """Say how to get a program that is missing."""
    package = PACKAGES.get(program)
    return f"install it: apt-get install {package}" if package else f"install the package that holds {program}"


def become(account: Account | None, capabilities: tuple[str, ...], *, privileged: bool) -> tuple[str, ...]:
    """Return the options of setpriv(1), 2.38 and later, that make us `account` with exactly `capabilities`.

    `account` is None when we are that user already. Without privileges nothing can be taken or given: ambient
    capabilities we were started with then pass on by themselves.
    """
    options = ["--no-new-privs"]
    if privileged:
        names = sorted(name.lower().removeprefix("cap_") for name in capabilities)
        wanted = ",".join(["-all", *(f"+{name}" for name in names)])
        options += [f"--inh-caps={wanted}", f"--ambient-caps={wanted}", f"--bounding-set={wanted}"]
    if account is not None:
        options += [f"--reuid={account.user}", f"--regid={account.group}", "--clear-groups"]
    return tuple(options)


def pasteable(argv: tuple[str, ...], env: tuple[tuple[str, str], ...] = ()) -> str:
    """Return one line that does the same in a shell."""
    assignments = [f"{name}={shlex.quote(value)}" for name, value in env]
    return " ".join([*(["env", *assignments] if assignments else []), shlex.join(argv)])


def exit_words(code: int) -> str:
    """Say what an exit code means, for people. Negative codes are signals, as in `subprocess`."""
    if code < 0:
        return _signal_words(-code)
    if code in _CODES:
        return f"exited with code {code}: {_CODES[code]}"
    if code > 128 and code - 128 in signal.valid_signals():
        # A shell or a wrapper reports its child's signal like this.
        return f"exited with code {code}: {_signal_words(code - 128)}"
    return f"exited with code {code}"


def _signal_words(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"was ended by signal {number}"
    if number in _CRASHES:
        return f"crashed with signal {number} ({name})"
    if number == signal.SIGKILL:
        return f"was killed with signal {number} ({name})"
    return f"was ended by signal {number} ({name})"


class LineCutter:
    """Cuts a stream of bytes into lines and never holds more than one line's limit."""

    def __init__(self, limit_bytes: int = LONGEST_LINE_BYTES) -> None:
        self._limit = limit_bytes
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without line ends; what exceeds the limit is left out."""
        lines = []
        *whole, rest = data.split(b"\n")
        for part in whole:
            lines.append((self._rest + part)[: self._limit].rstrip(b"\r"))
            self._rest = b""
        self._rest = (self._rest + rest)[: self._limit]
        return lines

    def end(self) -> list[bytes]:
        """Return what stands after the last line end, if anything."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
