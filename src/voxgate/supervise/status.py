"""What `voxgate status` shows, as values. Pure.

`Status.to_json` (times RFC 3339 UTC, null where unknown):

    {"overall": "ok" | "degraded" | "down", "reasons": [text], "generation": 12,
     "engines": [{"name", "phase", "serving", "pid", "since", "restarts", "last_reason", "generation"}],
     "drift": [text],
     "listeners": [{"proto", "address", "port", "purpose"}],
     "media_ports": "10000-20000",
     "nodes": [{"pbx", "address", "port", "transport", "state": "up" | "down" | "unknown", "since"}],
     "trunks": [{"name", "registration", "reason", "until",
                 "addresses": [{"transport", "address", "port", "state", "since"}],
                 "names": [{"name", "addresses", "since", "reason"}]}],
     "certificate": {"names", "expires", "self_signed"} | null,
     "warnings": [text], and one list for each of `panels`}
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from voxgate.supervise.panel import section
from voxgate.supervise.supervisor import fingerprint
from voxgate.supervise.trunk_status import TrunkStatus, flaws, tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from voxgate.engines.base import EngineState, Listener
    from voxgate.supervise.panel import Panel
    from voxgate.supervise.supervisor import UnitStatus

#: Renewal by hand takes a week in most companies.
EXPIRY_WARNING = timedelta(days=14)


class Overall(Enum):
    """One word for monitoring."""

    OK = "ok"
    DEGRADED = "degraded"  # served, but not as configured
    DOWN = "down"  # an engine does not serve


class NodeState(Enum):
    """What the health checks say of a node."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine. `generation` is its own answer, None where it cannot tell; `since`: when `phase` began.

    `process` tells what it was started as, in the terms of `supervisor.fingerprint`; empty: not known.
    """

    name: str
    phase: str
    serving: bool
    pid: int | None
    since: datetime | None
    restarts: int
    last_reason: str
    generation: int | None = None
    process: str = ""

    @classmethod
    def of(cls, unit: UnitStatus, generation: int | None) -> EngineStatus:
        """What the supervisor says of an engine, and its own answer."""
        return cls(
            unit.name,
            unit.phase,
            unit.serving,
            unit.pid,
            unit.since,
            unit.restarts,
            unit.last_reason,
            generation,
            unit.fingerprint,
        )


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One address of a PBX, as the edge reaches it: `transport` udp|tcp|tls."""

    pbx: str
    address: str
    port: int
    transport: str
    state: NodeState
    since: datetime | None


class Nodes(Protocol):
    """Knows what the health checks found."""

    def snapshot(self) -> Sequence[NodeStatus]:
        """All nodes of the running configuration."""


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """What TLS clients are shown."""

    names: tuple[str, ...]
    expires: datetime
    self_signed: bool
    warn_before: timedelta = EXPIRY_WARNING


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at one moment, `now`. `drift` are sentences: where the machine is not what was applied."""

    now: datetime
    generation: int
    engines: tuple[EngineStatus, ...]
    drift: tuple[str, ...]
    listeners: tuple[Listener, ...]
    media_ports: str
    nodes: tuple[NodeStatus, ...]
    certificate: CertificateStatus | None
    warnings: tuple[str, ...]
    panels: tuple[Panel, ...] = ()
    trunks: tuple[TrunkStatus, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not ok; the worst first."""
        return (*self._outages(), *self._flaws())

    @property
    def overall(self) -> Overall:
        """`down` when an engine does not serve, `degraded` when anything else is not as configured."""
        if self._outages():
            return Overall.DOWN
        return Overall.DEGRADED if self._flaws() else Overall.OK

    def _outages(self) -> list[str]:
        return [
            f"{engine.name} is {engine.phase}" + (f": {engine.last_reason}" if engine.last_reason else "")
            for engine in self.engines
            if not engine.serving
        ]

    def _flaws(self) -> list[str]:
        found = [*self.drift, *flaws(self.trunks), *(flaw for panel in self.panels for flaw in panel.flaws)]
        for pbx in dict.fromkeys(node.pbx for node in self.nodes):
            states = [node.state for node in self.nodes if node.pbx == pbx]
            down = states.count(NodeState.DOWN)
            if down:
                found.append(f"PBX {pbx}: {'all' if down == len(states) else down} of {len(states)} nodes down")
        if self.certificate and self.certificate.expires <= self.now:
            found.append(f"the certificate expired at {_time(self.certificate.expires)}")
        elif self.certificate and self.certificate.expires - self.now < self.certificate.warn_before:
            found.append(f"the certificate expires at {_time(self.certificate.expires)}")
        return found

    def to_json(self) -> dict[str, object]:
        """See the head of this module."""
        return {
            "overall": self.overall.value,
            "reasons": list(self.reasons),
            "generation": self.generation,
            "engines": [_engine_json(engine) for engine in self.engines],
            "drift": list(self.drift),
            "listeners": [
                {"proto": one.proto, "address": one.address, "port": one.port, "purpose": one.purpose}
                for one in self.listeners
            ],
            "media_ports": self.media_ports,
            "nodes": [_node_json(node) for node in self.nodes],
            "trunks": [trunk.to_json() for trunk in self.trunks],
            "certificate": _certificate_json(self.certificate),
            "warnings": list(self.warnings),
            **{panel.key: list(panel.data) for panel in self.panels},
        }

    def to_table(self) -> str:
        """The same for people."""
        lines = [f"Voxgate is {self.overall.value}, generation {self.generation}"]
        lines += [f"  ! {reason}" for reason in self.reasons]
        lines += section(
            ("engine", "state", "pid", "since", "restarts", "last restart because"),
            [
                (e.name, e.phase, str(e.pid or "-"), _time(e.since) or "-", str(e.restarts), e.last_reason or "-")
                for e in self.engines
            ],
        )
        lines += section(
            ("listens on", "for"),
            [
                *((f"{one.proto} {_host_port(one.address, one.port)}", one.purpose) for one in self.listeners),
                (f"udp {self.media_ports}", "media"),
            ],
        )
        lines += section(
            ("PBX", "node", "state", "since"),
            [
                (n.pbx, f"{n.transport} {_host_port(n.address, n.port)}", n.state.value, _time(n.since) or "-")
                for n in self.nodes
            ],
        )
        for panel in self.panels:
            lines += section(panel.head, list(panel.rows))
        lines += tables(self.trunks)
        lines += ["", _certificate_line(self.certificate), *(f"warning: {text}" for text in self.warnings)]
        return "\n".join(lines)


def drift(
    generation: int,
    states: Iterable[EngineState],
    engines: Sequence[EngineStatus],
    on_disk: Mapping[tuple[str, str], bytes | None],
) -> tuple[str, ...]:
    """Where the machine is not what was applied.

    `on_disk` holds what was read for (engine, path); None: it is not there. A file that was not read is not judged.
    """
    found = [
        f"{engine.name} says generation {engine.generation}, not {generation}"
        for engine in engines
        if engine.generation is not None and engine.generation != generation
    ]
    started = {engine.name: engine.process for engine in engines}
    for state in states:
        if started.get(state.name) and started[state.name] != fingerprint(state.process):
            found.append(f"{state.name} was started with another command line")
        for file in state.files:
            content = on_disk.get((state.name, file.path), file.content)
            if content != file.content:
                what = "is gone" if content is None else "was changed by hand"
                found.append(f"{state.name}/{file.path} {what}; `voxgate apply` puts it right")
    return tuple(found)


def _engine_json(engine: EngineStatus) -> dict[str, object]:
    return {
        "name": engine.name,
        "phase": engine.phase,
        "serving": engine.serving,
        "pid": engine.pid,
        "since": _time(engine.since),
        "restarts": engine.restarts,
        "last_reason": engine.last_reason,
        "generation": engine.generation,
    }


def _node_json(node: NodeStatus) -> dict[str, object]:
    return {
        "pbx": node.pbx,
        "address": node.address,
        "port": node.port,
        "transport": node.transport,
        "state": node.state.value,
        "since": _time(node.since),
    }


def _certificate_json(certificate: CertificateStatus | None) -> dict[str, object] | None:
    if certificate is None:
        return None
    return {
        "names": list(certificate.names),
        "expires": _time(certificate.expires),
        "self_signed": certificate.self_signed,
    }


def _certificate_line(certificate: CertificateStatus | None) -> str:
    if certificate is None:
        return "certificate: none"
    made = "self-signed" if certificate.self_signed else "signed by an authority"
    return f"certificate: {', '.join(certificate.names)}, until {_time(certificate.expires)}, {made}"


def _time(time: datetime | None) -> str | None:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time else None


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
