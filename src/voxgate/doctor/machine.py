"""What the kernel and the programs of this machine say. Blocks for a moment."""

from __future__ import annotations

import contextlib
import ctypes
import json
import re
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voxgate.doctor import sockets
from voxgate.doctor.facts import Machine
from voxgate.errors import HostError
from voxgate.host import ports, process

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voxgate.plan.desired import Desired

_PROC: Final = Path("/proc")
_SIP_MODULES: Final = ("nf_conntrack_sip", "nf_nat_sip", "ip_conntrack_sip", "ip_nat_sip")
_ASKED: Final = {
    "kamailio": ("kamailio", "-v"),
    "rtpengine": ("rtpengine", "--version"),
    "haproxy": ("haproxy", "-v"),
    "coturn": ("turnserver", "--version"),
}
_MODULES: Final = ("app_python3", "kemix", "tls", "websocket", "rtpengine")
_VERSION: Final = re.compile(r"(\d{1,3})\.(\d{1,3})")
_TIME_ERROR: Final = 5  # adjtimex(2)
_TIMEX_BYTES: Final = 256  # more than any struct timex
_STRANGERS: Final = 5
_RUN_S: Final = 10.0


def look(desired: Desired, pids: Mapping[str, int], state: Path) -> Machine:
    """All of it. `pids` are the running engines', `state` is the state folder."""
    media = desired.config.media.ports
    listed = sockets.read()
    listening = {one.port for engine in desired.engines for one in engine.listeners if one.proto == "udp"}
    name = socket.gethostname()
    return Machine(
        helpers=tuple(_helpers()),
        helper_rules=tuple(dict.fromkeys(_helper_rules())),
        synchronized=_synchronized(),
        open_files={engine: most for engine, pid in pids.items() if (most := _open_files(pid)) is not None},
        drops=sockets.drops(listed, {*listening, *range(media.first, media.last + 1)}),
        strangers=tuple(_strangers(listed, range(media.first, media.last + 1))),
        ephemeral=_pair("sys/net/ipv4/ip_local_port_range") or (32768, 60999),
        versions=dict(_versions({engine.name for engine in desired.engines})),
        modules_missing=tuple(_modules_missing()),
        connections=_connections(),
        free_bytes=shutil.disk_usage(state).free if state.is_dir() else None,
        own_name=name,
        own_name_found=name == "localhost" or _in_hosts(name),
        memory_max=_number("sys/net/core/rmem_max") or 0,
    )


def _helpers() -> Iterable[str]:
    """Before Linux 6, the kernel helps by itself where the switch is on."""
    if _number("sys/net/netfilter/nf_conntrack_helper"):
        loaded = _text("modules")
        yield from (f"module {one}" for one in _SIP_MODULES if re.search(rf"^{one} ", loaded, re.MULTILINE))


def _helper_rules() -> Iterable[str]:
    """Since then, where a ruleset asks it to: family and name of its table."""
    with contextlib.suppress(HostError, ValueError, KeyError):
        # Terse: what sets hold is not listed.
        done = process.run(("nft", "-t", "-j", "list", "ruleset"), timeout_s=_RUN_S)
        items: list[dict[str, Any]] = json.loads(done.stdout)["nftables"] if done.code == 0 else []
        for item in items:
            helper = item.get("ct helper")
            if helper and helper.get("type") == "sip":
                yield f"{helper.get('family')} {helper.get('table')}"


def _synchronized() -> bool | None:
    """Whether somebody keeps the clock in time, as the kernel was told; None: it does not say."""
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    return None if state < 0 else state != _TIME_ERROR


def _open_files(pid: int) -> int | None:
    found = re.search(r"^Max open files\s+(\d+)", _text(f"{pid}/limits"), re.MULTILINE)
    return int(found[1]) if found else None


def _strangers(listed: Iterable[sockets.UdpSocket], media: range) -> Iterable[tuple[int, str]]:
    told = 0
    for port in sorted({one.port for one in listed if one.port in media}):
        who = ports.holder("udp", port)
        if who and not who.startswith("rtpengine") and told < _STRANGERS:
            told += 1
            yield port, who


def _versions(engines: set[str]) -> Iterable[tuple[str, tuple[int, ...] | None]]:
    for engine, argv in _ASKED.items():
        if engine in engines:
            yield argv[0], version_of(argv)


def _modules_missing() -> Iterable[str]:
    folder = next(Path("/usr").glob("lib*/*/kamailio/modules"), None) or next(
        Path("/usr").glob("lib*/kamailio/modules"), None
    )
    if folder is not None:
        yield from (name for name in _MODULES if not (folder / f"{name}.so").exists())


def version_of(argv: tuple[str, ...]) -> tuple[int, ...] | None:
    """The first version in what a program says of itself; None: it is not there."""
    try:
        done = process.run(argv, timeout_s=_RUN_S)
    except HostError:
        return None
    found = _VERSION.search(done.stdout + done.stderr)
    return (int(found[1]), int(found[2])) if found else None


def _connections() -> tuple[int, int] | None:
    count, most = (_number(f"sys/net/netfilter/nf_conntrack_{one}") for one in ("count", "max"))
    return (count, most) if count is not None and most else None


def _in_hosts(name: str) -> bool:
    lines = Path("/etc/hosts").read_text(errors="replace").splitlines() if Path("/etc/hosts").exists() else []
    return any(name in line.partition("#")[0].split()[1:] for line in lines)


def _pair(path: str) -> tuple[int, int] | None:
    words = _text(path).split()
    return (int(words[0]), int(words[1])) if len(words) == 2 and all(map(str.isdecimal, words)) else None


def _number(path: str) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None


def _text(path: str) -> str:
    """Empty where there is no such thing, or it is closed to us."""
    try:
        return (_PROC / path).read_text(errors="replace")
    except OSError:
        return ""
