"""The list of functions that a real Kamailio offers to scripts, from its own RPC `app_python.api_list`."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.tls import authority

if TYPE_CHECKING:
    from pathlib import Path

#: The modules that kamailio.cfg loads.
MODULES = (
    "tls", "ctl", "kex", "corex", "tm", "tmx", "sl", "rr", "pv", "kemix", "maxfwd", "textops", "textopsx",
    "siputils", "sanity", "htable", "nathelper", "path", "dispatcher", "rtpengine", "rtimer",
    "xhttp", "websocket", "tcpops", "app_python3",
)  # fmt: skip

_SCRIPT = "import KSR\ndef mod_init():\n    return K()\nclass K:\n    def child_init(self, rank):\n        return 0\n"
_ENTRY = re.compile(r"ret: (\S+)\s+module: (\S*)\s+name: (\S+)\s+params: ([^\n]+)")


@dataclass(frozen=True, slots=True)
class Function:
    """One function: `module` is empty for the core; `params` are `str` or `int`; `returns` is Kamailio's own word."""

    module: str
    name: str
    params: tuple[str, ...]
    returns: str


def api_list(folder: Path) -> dict[tuple[str, str], Function]:
    """Start Kamailio in `folder` without any socket but a loopback one, and ask it. Bounded to ten seconds."""
    (folder / "api.py").write_text(_SCRIPT)
    (folder / "api.cfg").write_text(_configuration(folder))
    authority().issue(folder, "localhost")
    (folder / "dispatcher.list").write_text("1 sip:127.0.0.1:9\n")
    log = (folder / "api.log").open("wb")
    with (
        log,
        subprocess.Popen(
            ["kamailio", "-DD", "-E", "-Y", folder, "-f", folder / "api.cfg", "-P", folder / "api.pid"],
            stdout=log,
            stderr=log,
        ) as kamailio,
    ):
        try:
            return _ask(folder / "ctl.sock")
        finally:
            kamailio.terminate()


def _configuration(folder: Path) -> str:
    lines = ["#!KAMAILIO", "children=1", "enable_tls=yes", "listen=udp:127.0.0.1:15999", "log_stderror=yes"]
    lines += [f'loadmodule "{module}.so"' for module in MODULES]
    lines += [
        # It offers nothing without a certificate.
        f'modparam("tls", "certificate", "{folder}/server.pem")',
        f'modparam("tls", "private_key", "{folder}/server.key")',
        f'modparam("ctl", "binrpc", "unix:{folder}/ctl.sock")',
        f'modparam("dispatcher", "list_file", "{folder}/dispatcher.list")',
        'modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:9")',
        'modparam("rtpengine", "rtpengine_retr", 0)',
        # xhttp wants to know whom to call.
        'modparam("xhttp", "event_callback", "nobody")',
        f'modparam("app_python3", "load", "{folder}/api.py")',
        'cfgengine "python"',
    ]
    return "\n".join(lines) + "\n"


def _ask(socket: Path) -> dict[tuple[str, str], Function]:
    for _ in range(100):
        answer = subprocess.run(
            ["kamcmd", "-s", f"unix:{socket}", "app_python.api_list"], capture_output=True, text=True, check=False
        )
        found = _ENTRY.findall(answer.stdout)
        if found:
            return {(module, name): _function(module, name, params, returns) for returns, module, name, params in found}
        time.sleep(0.1)
    raise TimeoutError("Kamailio did not tell its functions")


def _function(module: str, name: str, params: str, returns: str) -> Function:
    types = tuple(param.strip() for param in params.split(",") if param.strip() != "none")
    return Function(module, name, types, returns)
