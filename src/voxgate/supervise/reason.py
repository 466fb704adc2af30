"""Why an engine ended, in words for people: from its exit code, its last lines and its listeners. Pure.

The patterns are the engines' own words (Kamailio 5.6 and 6.0, rtpengine 10.5 and 12.5); the advice is ours.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voxgate.host.launch import exit_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxgate.engines.base import Listener
    from voxgate.supervise.engine_lines import EngineLine

MOST_COMPLAINTS = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """What happened and, where we know it, what to do."""

    text: str
    advice: str = ""


def port_taken(listener: Listener, holder: str) -> Reason:
    """Say that a port is held by somebody else; `holder` is empty where that is unknown."""
    where = f"port {listener.port}/{_kernel_proto(listener)} on {listener.address}"
    option = "-lunp" if listener.proto == "udp" else "-ltnp"
    advice = (
        "stop that program, or choose another port in the configuration"
        if holder
        else f"`ss {option} sport = :{listener.port}` shows by which program; stop it or choose another port"
    )
    return Reason(f"{where} ({listener.purpose}) is already taken" + (f" by {holder}" if holder else ""), advice)


def exit_reason(code: int, lines: Sequence[EngineLine], listeners: Sequence[Listener]) -> Reason:
    """Explain an exit: the code, then what the engine said last that matters. Newest of `lines` last."""
    words = exit_words(code)
    for line in lines:  # the first complaint is the cause, the others follow from it
        for pattern, advice in _KNOWN:
            found = pattern.search(line.message)
            if found is None:
                continue
            said = found["said"].strip()
            address = found.groupdict().get("address")
            where = _places(address, listeners) if address else ""
            return Reason(f"{words}: {said}" + (f": {where}" if where else ""), advice)
    # SIGKILL comes from outside (an administrator, the kernel's memory killer): the engine had no last word.
    complaint = "" if code == -signal.SIGKILL else _complaint(lines)
    return Reason(f"{words}: {complaint}" if complaint else words)


def _complaint(lines: Sequence[EngineLine]) -> str:
    """Return the newest lines of the worst kind there is; an engine's last words are often mere farewell."""
    for level in ("critical", "error"):
        if found := [line.message for line in lines if line.level == level]:
            return "; ".join(dict.fromkeys(found[-MOST_COMPLAINTS:]))
    return lines[-1].message if lines else ""


def _places(address: str, listeners: Sequence[Listener]) -> str:
    """Name the listeners an address may mean: Kamailio leaves the port out for UDP."""
    host, _, port = address.strip("[]").rpartition(":") if _has_port(address) else (address.strip("[]"), "", "")
    host = host.strip("[]")
    named = [
        f"{_kernel_proto(listener)} {listener.address}:{listener.port}"
        for listener in listeners
        if listener.address == host and (not port or listener.port == int(port))
    ]
    return " or ".join(dict.fromkeys(named)) or address


def _has_port(address: str) -> bool:
    return bool(re.fullmatch(r"(\[[0-9a-f.:]+\]|[0-9.]+):\d+", address))


def _kernel_proto(listener: Listener) -> str:
    return "udp" if listener.proto == "udp" else "tcp"


#: Kamailio 6.0 puts IPv4 in brackets too, and errno before the words.
_ON = r"(?: on (?P<address>[0-9a-f.:\[\]]+?)) ?: (?:\(\d+ / )?"
_KNOWN = (
    (
        re.compile(rf"bind\([^)]*\){_ON}(?P<said>Address already in use)"),
        "another program holds the port: stop it or choose another port (`ss -lntup` shows who)",
    ),
    (
        re.compile(rf"bind\([^)]*\){_ON}(?P<said>Cannot assign requested address)"),
        "the address is not on this machine: correct edge.address or edge.interface",
    ),
    (
        re.compile(rf"bind\([^)]*\){_ON}(?P<said>Permission denied)"),
        "ports below 1024 need CAP_NET_BIND_SERVICE: start as root, or grant it to the service",
    ),
    (
        re.compile(r"(?P<said>Failed to open UDP NG control connection port .*Address already in use)"),
        "another program holds rtpengine's port, perhaps Debian's service: `systemctl disable --now rtpengine-daemon`",
    ),
    (
        re.compile(r"(?P<said>could not find module <[^>]*>)"),
        "install Kamailio's Debian package that holds this module (`apt-file search` names it)",
    ),
    (
        re.compile(r"(?P<said>parse error in config file .*[^\s:])"),
        "this is a fault of Voxgate: please report it with `voxgate plan` of this configuration",
    ),
)
