"""Everything that the doctor looked at, as values. What was not looked at is None or empty, and nobody judges it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from voxgate.names.comparing import Finding as NameFinding


@dataclass(frozen=True, slots=True)
class Port:
    """One port that was tried; `error` empty: it answered. `where` is address and port as people write them."""

    proto: str
    where: str
    purpose: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a TLS listener showed for a name; `wrong` empty: what it should."""

    where: str
    name: str
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that clients are shown. `alarm`: what its renewal complains of.

    Not `complete`: the one between it and its authority is missing. `lacking`: names that it should be for, and is not.
    """

    name: str
    begins: datetime
    expires: datetime
    self_signed: bool = False
    alarm: str = ""
    complete: bool = True
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A PBX's node asked by OPTIONS. `code` 0: silence. `supported`: the extensions it says it knows."""

    pbx: str
    where: str
    code: int
    supported: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TestCall:
    """A call through the edge. `code` 0: no answer; `packets` were heard, `lost` is the share that was missing.

    `echoes`: what was said came back. `wants_echo`: it should. `error`: what went wrong without an answer.
    """

    __test__ = False  # pytest takes every class so named for tests

    callee: str
    code: int = 0
    error: str = ""
    packets: int = 0
    lost: float = 0.0
    echoes: bool = False
    wants_echo: bool = True


@dataclass(frozen=True, slots=True)
class Outside:
    """What a responder on another machine saw. `seen` is the address that we come from, `expected` what is configured.

    `sent` and `arrived` are a SIP request before and after its way there (None: it did not arrive). `source_kept`:
    whether packets from there show their own address here; None: none came. `ahead_s`: how far its clock is ahead.
    """

    responder: str
    seen: str
    expected: tuple[str, ...]
    ports: tuple[Port, ...] = ()
    sent: str = ""
    arrived: str | None = None
    source_kept: bool | None = None
    ahead_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine below the edge. `helpers`: modules of the kernel that change SIP by themselves;
    `helper_rules`: tables of nftables that ask for it. `versions`: program -> its version, None: it is not there.

    `drops`: port -> datagrams that were lost because nobody fetched them in time. `strangers`: other programs' sockets
    within the media ports. `open_files`: engine -> how many it may have.
    """

    helpers: tuple[str, ...] = ()
    helper_rules: tuple[str, ...] = ()
    synchronized: bool | None = None
    open_files: Mapping[str, int] = field(default_factory=dict)
    drops: Mapping[int, int] = field(default_factory=dict)
    strangers: tuple[tuple[int, str], ...] = ()
    ephemeral: tuple[int, int] = (32768, 60999)
    versions: Mapping[str, tuple[int, ...] | None] = field(default_factory=dict)
    modules_missing: tuple[str, ...] = ()
    connections: tuple[int, int] | None = None
    free_bytes: int | None = None
    own_name: str = ""
    own_name_found: bool = True
    memory_max: int = 4 << 20


@dataclass(frozen=True, slots=True)
class Edge:
    """What the configuration and the running Voxgate say. `private`: our outside address, where it is a private one.

    `reasons` and `drift` are sentences of `voxgate status`; `silent` says why there is no running Voxgate to ask.
    """

    domain: str
    now: datetime
    silent: str = ""
    reasons: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    private: str = ""
    behind_nat: bool = False
    media: tuple[int, int] = (10000, 20000)
    guard_alone: str = ""
    inside_address: str = ""
    wants_media_ports: int = 4


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. `hairpin`: whether our own public address can be reached from here; None: there is no NAT."""

    edge: Edge
    names: tuple[NameFinding, ...] = ()
    names_inside: tuple[NameFinding, ...] = ()
    ports: tuple[Port, ...] = ()
    allocations: tuple[Port, ...] = ()
    relays: tuple[Port, ...] = ()
    call: TestCall | None = None
    handshakes: tuple[Handshake, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    nodes: tuple[Node, ...] = ()
    hairpin: bool | None = None
    mapped: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    outside: Outside | None = None
    outside_failed: str = ""
    machine: Machine = field(default_factory=Machine)
