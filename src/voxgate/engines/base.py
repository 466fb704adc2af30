"""What an engine is to the rest of Voxgate: values, no effects.

An engine turns the configuration into an `EngineState`: the files it reads, the process that runs
it, how its own check is called, and for each file the smallest action that makes a change of it
effective. `voxgate.plan` compares two states, `voxgate.supervise` runs the process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.config.model import Config
    from voxgate.config.network import Network


class Action(Enum):
    """How a changed file becomes effective, weakest first. A restart includes the effect of all others."""

    POLICY = "policy"  # Kamailio's workers are told the new generation and read policy.json again
    RULES = "rules"  # the router reads its rules again; connections stay
    MAPS = "maps"  # HAProxy is told what its maps hold now; nothing is read again, connections stay
    DISPATCHER = "dispatcher"  # Kamailio reads its list of nodes again; health starts afresh
    TLS = "tls"  # the engine reads its certificates again; connections stay
    TABLES = "tables"  # what coturn looks up, and what the kernel lets it reach, is put right; allocations stay
    RELOAD = "reload"  # HAProxy takes its whole configuration anew; connections stay
    RESTART = "restart"  # the process is stopped and started; what that means for calls, the plan says


@dataclass(frozen=True, slots=True)
class File:
    """One file an engine reads. `path` is relative to the engine's folder; `content` is never printed if `secret`.

    `fingerprint` stands for `content` when two states are compared: a file that holds the generation number
    gives its content without it, or every plan would find a difference.
    """

    path: str
    content: bytes
    action: Action
    secret: bool = False
    fingerprint: bytes | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """One socket an engine opens for the outside world: `proto` udp|tcp|tls, numeric `address`, `port` 1..65535.

    `purpose` is a few words for people, for instance "SIP over TLS". `sni`: with TLS, who asks for a name is
    shown that name's certificate; else all are shown the default one. For the names in `passed`, TLS goes on to
    somebody else, who shows a certificate of his own.
    """

    proto: str
    address: str
    port: int
    purpose: str
    sni: bool = True
    passed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Process:
    """How an engine is started: argument list, the unprivileged `user`, Linux capabilities it keeps, environment.

    `quotes`: it writes what strangers send into its log as it is, so that its output is taken message by message.
    """

    argv: tuple[str, ...]
    user: str
    capabilities: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    quotes: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """The engine's own check of the files, as an argument list that exits 0 when they are good; empty: none."""

    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineState:
    """All that one engine is to be."""

    name: str
    process: Process
    files: tuple[File, ...] = ()
    check: Check = field(default_factory=Check)
    listeners: tuple[Listener, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie on this machine; given, so that rendering stays pure.

    `run` holds one folder per engine with its rendered files and its control socket; `state` what lasts.
    """

    run: Path
    state: Path

    def engine(self, name: str) -> Path:
        """The folder of one engine's files."""
        return self.run / name


class Engine(Protocol):
    """The verbs that every engine has."""

    @property
    def name(self) -> str:
        """One word, used for folders, log lines and `voxgate status`."""
        ...

    def desired(self, config: Config, network: Network, places: Places, generation: int) -> EngineState:
        """What this engine must be for `config`. Pure: the same arguments give the same bytes."""
        ...
