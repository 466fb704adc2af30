"""The contract of policy.json: everything a worker needs to decide, as one frozen value. Pure.

The control plane builds a `Policy` and writes `dumps(policy)`; workers read it back with `loads`. Lookups
on the request path are dictionary accesses, so a thousand PBXs cost the same per call as one.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from voxgate_sip.fraud import Guard, guard_of
from voxgate_sip.trunks import Trunk, trunk_of

#: Side codes: inside or outside, IPv4 or IPv6. Also the names of rtpengine's interfaces.
SIDES = ("i4", "i6", "o4", "o6")


@dataclass(frozen=True, slots=True)
class Node:
    """One address of a PBX for one transport. `uri` is what Kamailio relays to and the dispatcher watches."""

    uri: str
    address: str
    port: int
    proto: str
    side: str
    priority: int
    weight: int


@dataclass(frozen=True, slots=True)
class Pbx:
    """One PBX. `plain` and `secure` are its nodes over UDP/TCP and over TLS, lowest priority value first.

    `group` is its dispatcher set, `codes` the answers that lead to the next node, `timeout_ms` how long a
    node may be silent, `srtp` is off, optional or required. With `check_certificate`, TLS from outside stays TLS only
    for a user with a certificate. `hide_topology`: phones outside do not see its addresses, but in From its own SIP
    `domain`, where it has one.
    """

    name: str
    group: int
    balance: str
    plain: tuple[Node, ...]
    secure: tuple[Node, ...]
    codes: frozenset[int]
    timeout_ms: int
    check_certificate: bool = False
    hide_topology: bool = True
    domain: str = ""
    srtp: str = "off"


@dataclass(frozen=True, slots=True)
class SideView:
    """What parties of one side see of the edge. `shown` and `local` are numeric, without brackets.

    `ports` maps a transport to the port that is open for it on this side.
    """

    shown: str
    local: str
    ports: dict[str, int]


@dataclass(frozen=True, slots=True)
class WebSocket:
    """Where browsers' connections come in: HAProxy passes them to `address`:`port`, where nobody else may come in.

    `origins` are the hosts, in lower case, whose pages may open one.
    """

    address: str
    port: int
    origins: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hygiene:
    """What is dropped without an answer. `rate`: requests a second from one source, 0 no limit; `workers` share it.

    `agents` are parts of User-Agents in lower case; the prefixes tell how much of an address a requester is.
    """

    rate: int
    workers: int
    agents: tuple[str, ...]
    injections: bool
    ipv4_prefix: int = 32
    ipv6_prefix: int = 64


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy of one generation.

    `domain` is the edge's own name, `own` holds it and all of the edge's addresses; `domains` maps a SIP domain
    in lower case to a PBX's name; `served` are the transports that phones may use; `local` the networks whose
    parties are inside, in CIDR notation; `shun_s` how long a node that failed a request is passed over;
    `keepalive_s` how often a phone outside is sent a keepalive over UDP, 0 for never.
    `limits` who is limited (a subject of `limits.py`; `from`: every requester) -> calls at once, calls per second;
    `fraud` a PBX's name -> its toll-fraud guard; `srtp` is the policy for phones: off, optional or required;
    `websocket` is None where browsers are not served, `hygiene` where the guard is off; `records` whether the control
    plane is told of calls for their records.

    `pbx_protos` is derived from `pbxs` and not part of the text.
    """

    generation: int
    domain: str
    own: frozenset[str]
    served: frozenset[str]
    domains: dict[str, str]
    pbxs: dict[str, Pbx]
    sides: dict[str, SideView]
    local: tuple[str, ...]
    hide_topology: bool
    media: bool
    shun_s: int
    keepalive_s: int = 0
    limits: dict[str, tuple[int, int]] = field(default_factory=dict)
    fraud: dict[str, Guard] = field(default_factory=dict)
    srtp: str = "optional"
    websocket: WebSocket | None = None
    hygiene: Hygiene | None = None
    trunks: dict[str, Trunk] = field(default_factory=dict)
    records: bool = False
    pbx_protos: dict[str, frozenset[str]] = field(default_factory=dict)


def sources_of(pbxs: dict[str, Pbx]) -> dict[str, frozenset[str]]:
    """Address -> transports by which requests from there are a PBX's.

    A PBX that takes UDP may also come over TCP: requests near the path MTU must (RFC 3261 section 18.1.1).
    """
    protos: dict[str, set[str]] = {}
    for pbx in pbxs.values():
        for node in (*pbx.plain, *pbx.secure):
            known = protos.setdefault(node.address, set())
            known.add(node.proto)
            if node.proto == "udp":
                known.add("tcp")
    return {address: frozenset(known) for address, known in protos.items()}


def dumps(policy: Policy) -> str:
    """`policy` as the text of policy.json: sorted keys, so that equal policies give equal bytes."""
    document = asdict(policy)
    del document["pbx_protos"]
    return json.dumps(document, sort_keys=True, separators=(",", ":"), default=sorted) + "\n"


def loads(text: str) -> Policy:
    """The policy in `text`. Raises ValueError, KeyError or TypeError when it is not what `dumps` writes."""
    try:
        return _policy(json.loads(text))
    except (AttributeError, OverflowError) as error:
        raise ValueError(str(error)) from error


def _policy(document: dict[str, Any]) -> Policy:
    pbxs = {name: _pbx(entry) for name, entry in document["pbxs"].items()}
    protos = sources_of(pbxs)
    for network in document["local"]:
        ipaddress.ip_network(network)
    return Policy(
        generation=int(document["generation"]),
        domain=str(document["domain"]),
        served=frozenset(document["served"]),
        own=frozenset(document["own"]),
        domains=dict(document["domains"]),
        pbxs=pbxs,
        sides={side: SideView(**view) for side, view in document["sides"].items()},
        local=tuple(document["local"]),
        hide_topology=bool(document["hide_topology"]),
        media=bool(document["media"]),
        shun_s=int(document["shun_s"]),
        keepalive_s=int(document["keepalive_s"]),
        limits={subject: (int(calls), int(rate)) for subject, (calls, rate) in document["limits"].items()},
        fraud={name: guard_of(entry) for name, entry in document["fraud"].items()},
        srtp=str(document["srtp"]),
        websocket=_websocket(document["websocket"]),
        hygiene=_hygiene(document["hygiene"]),
        trunks={name: trunk_of(entry) for name, entry in document["trunks"].items()},
        records=bool(document["records"]),
        pbx_protos=protos,
    )


def _websocket(entry: dict[str, Any] | None) -> WebSocket | None:
    return WebSocket(entry["address"], int(entry["port"]), frozenset(entry["origins"])) if entry else None


def _hygiene(entry: dict[str, Any] | None) -> Hygiene | None:
    return Hygiene(**{**entry, "agents": tuple(entry["agents"])}) if entry else None


def _pbx(entry: dict[str, Any]) -> Pbx:
    rest = {key: value for key, value in entry.items() if key not in {"plain", "secure", "codes"}}
    return Pbx(
        plain=tuple(Node(**node) for node in entry["plain"]),
        secure=tuple(Node(**node) for node in entry["secure"]),
        codes=frozenset(entry["codes"]),
        **rest,
    )
