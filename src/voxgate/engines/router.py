"""The router relays LDAP and H.323 behind HAProxy: one process per core, each an engine of its own. Pure.

Its files, and what a change of each takes:

    lib/         its own code, which its unprivileged user cannot read where Voxgate lies: restart
    rules.json   service name -> PBX: read again, connections stay

HAProxy and the router are two users, and meet in two folders that nobody else may enter:

    run/to-router/PROTOCOL-N.sock        process N takes connections from HAProxy
    run/from-router/NAME.sock            HAProxy takes connections from the router (engines/haproxy/stream.py)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voxgate.config.h323check import h323_names
from voxgate.config.ldapcheck import ldap_names
from voxgate.engines.base import Action, EngineState, File, Process
from voxgate.router.rules import Node, Rules, Service, dumps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from voxgate.config.model import Config
    from voxgate.config.network import Network
    from voxgate.config.nodes import Node as ConfigNode
    from voxgate.config.pbxs import Pbx
    from voxgate.config.services import ServiceTarget
    from voxgate.engines.base import Places

#: User and group of our own processes; scripts/setup makes them.
USER: Final = "voxgate"
#: Debian's own: this user cannot read a virtual environment below /root. The router needs the standard library only.
PYTHON: Final = "/usr/bin/python3"

RULES: Final = "rules.json"
CONTROL: Final = "control.sock"
#: Folders and a socket below `run`.
TO_ROUTER: Final = "to-router"
FROM_ROUTER: Final = "from-router"
REPORTS: Final = "router-reports.sock"

#: HAProxy's sockets in `FROM_ROUTER`.
TLS: Final = "pbx-tls.sock"
TLS_VERIFIED: Final = "pbx-tls-verified.sock"
START_TLS: Final = "ldap-starttls.sock"

#: More processes than that serve nobody: HAProxy is the bottleneck then.
MOST_PROCESSES: Final = 8
LDAP: Final = "ldap"
H323: Final = "h323"
PROTOCOLS: Final = (LDAP, H323)


def served(config: Config) -> bool:
    """Whether there is anything for it to relay."""
    return config.listen.ldap is not None or config.listen.h323 is not None


def processes(cpu_count: int) -> int:
    """How many there are: one per core."""
    return max(1, min(cpu_count, MOST_PROCESSES))


def front(places: Places, protocol: str, number: int) -> Path:
    """Where process `number`, from 1, takes connections of `protocol`."""
    return places.run / TO_ROUTER / f"{protocol}-{number}.sock"


def names(cpu_count: int) -> tuple[str, ...]:
    """The engines' names."""
    return tuple(f"router-{number}" for number in range(1, processes(cpu_count) + 1))


@dataclass(frozen=True, slots=True)
class Router:
    """Process `number`, from 1. `script` holds its code as (path below lib, content)."""

    number: int
    script: tuple[tuple[str, bytes], ...] = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        """Numbered."""
        return f"router-{self.number}"

    def desired(self, config: Config, network: Network, places: Places, generation: int) -> EngineState:
        """Its process and files for `config`."""
        del network, generation
        folder = places.engine(self.name)
        rules = dumps(rules_of(config)).encode()
        return EngineState(
            name=self.name,
            process=Process(
                # -P: what lies in the working directory is not imported.
                argv=(PYTHON, "-s", "-P", "-m", "voxgate.router", *self._arguments(places, folder)),
                user=USER,
                env=(("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONPATH", str(folder / "lib"))),
            ),
            files=(
                File(RULES, rules, Action.RULES),
                *(File(f"lib/{path}", content, Action.RESTART) for path, content in self.script),
            ),
        )

    def _arguments(self, places: Places, folder: Path) -> tuple[str, ...]:
        back = places.run / FROM_ROUTER
        given = {
            "rules": folder / RULES,
            "control": folder / CONTROL,
            "reports": places.run / REPORTS,
            "tls": back / TLS,
            "tls-verified": back / TLS_VERIFIED,
            "start-tls": back / START_TLS,
        }
        fronts = (f"--front={protocol}={front(places, protocol, self.number)}" for protocol in PROTOCOLS)
        return (*(f"--{key}={path}" for key, path in given.items()), *fronts)


def rules_of(config: Config) -> Rules:
    """What the router decides by."""
    tables = ((LDAP, config.listen.ldap, _ldap), (H323, config.listen.h323, _h323))
    return Rules({protocol: dict(table(config)) for protocol, listen, table in tables if listen})


def _ldap(config: Config) -> Iterator[tuple[str, Service]]:
    for name, pbx in config.pbxs.items():
        if pbx.ldap is not None:
            for domain in ldap_names(pbx):
                yield domain, _service(name, pbx, pbx.ldap, domain)


def _h323(config: Config) -> Iterator[tuple[str, Service]]:
    for name, pbx in config.pbxs.items():
        if pbx.h323 is not None:
            for asked in h323_names(pbx):
                service = _service(name, pbx, pbx.h323, asked.partition("/")[0])
                yield asked.lower(), dataclasses.replace(service, check_certificate=pbx.h323.check_certificate)


def _service(name: str, pbx: Pbx, target: ServiceTarget, verify: str) -> Service:
    return Service(
        pbx=name,
        nodes=nodes(target.nodes or pbx.nodes),
        plain=target.plain,
        tls=target.tls,
        allow_from=target.allow_from,
        verify=verify if target.verify_certificate else "",
    )


def nodes(given: tuple[ConfigNode, ...]) -> tuple[Node, ...]:
    """A PBX's nodes as the router knows them."""
    return tuple(Node(node.address, node.priority, node.weight) for node in given)
