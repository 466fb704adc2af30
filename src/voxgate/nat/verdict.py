"""What findings mean to people: the kind of NAT, against which others it works, whether TURN is needed. Pure.

The kinds are those of RFC 3489, which manuals of phones and routers use; the table is common knowledge of telephony:
two ends find each other by STUN unless one maps for each destination anew and the other lets in only what it wrote to.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voxgate.nat.discovery import Filtering, Findings, Mapping


class Kind(StrEnum):
    """A NAT, as people call it."""

    OPEN = "no NAT"
    FIREWALL = "no NAT, but a firewall"
    FULL_CONE = "full cone"
    RESTRICTED = "restricted"
    PORT_RESTRICTED = "port-restricted"
    SYMMETRIC = "symmetric"
    CONE = "full cone, restricted or port-restricted"
    BLOCKED = "UDP does not pass"
    UNKNOWN = "unknown"


class Need(StrEnum):
    """Whether a phone or browser behind it needs a TURN server to reach others directly."""

    NEVER = "never"
    SOMETIMES = "sometimes"
    ALWAYS = "always"
    UNKNOWN = "unknown"


#: What the other end may be behind.
PEERS: Final = (Kind.OPEN, Kind.FULL_CONE, Kind.RESTRICTED, Kind.PORT_RESTRICTED, Kind.SYMMETRIC)
_CONES: Final = {
    Filtering.ENDPOINT_INDEPENDENT: Kind.FULL_CONE,
    Filtering.ADDRESS_DEPENDENT: Kind.RESTRICTED,
    Filtering.ADDRESS_AND_PORT_DEPENDENT: Kind.PORT_RESTRICTED,
    Filtering.UNKNOWN: Kind.CONE,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`works_with`: whether media finds its way without TURN, by what the other end is behind; empty: not known."""

    kind: Kind
    turn: Need
    words: str
    works_with: dict[Kind, bool]


def judge(findings: Findings) -> Verdict:
    """The verdict on one family of addresses."""
    kind = kind_of(findings)
    if kind is Kind.UNKNOWN:
        return Verdict(kind, Need.UNKNOWN, _WORDS[kind], {})
    like = _behaves(kind, findings.filtering)
    works = {peer: like is not Kind.BLOCKED and _together(like, peer) for peer in PEERS}
    need = Need.NEVER if all(works.values()) else Need.SOMETIMES if any(works.values()) else Need.ALWAYS
    return Verdict(kind, need, _WORDS[kind], works)


def kind_of(findings: Findings) -> Kind:
    """In the words of RFC 3489."""
    if not findings.answered:
        return Kind.BLOCKED
    match findings.mapping:
        case Mapping.NONE:
            shut = {Filtering.ADDRESS_DEPENDENT, Filtering.ADDRESS_AND_PORT_DEPENDENT}
            return Kind.FIREWALL if findings.filtering in shut else Kind.OPEN
        case Mapping.ENDPOINT_INDEPENDENT:
            return _CONES[findings.filtering]
        case Mapping.UNKNOWN:
            return Kind.UNKNOWN
        case _:
            return Kind.SYMMETRIC


def _behaves(kind: Kind, filtering: Filtering) -> Kind:
    """The row of the table: a firewall is as strict as its filtering; a cone of unknown kind as the strictest."""
    if kind is Kind.FIREWALL:
        return _CONES[filtering]
    return Kind.PORT_RESTRICTED if kind is Kind.CONE else kind


def _together(one: Kind, other: Kind) -> bool:
    lenient = {Kind.OPEN, Kind.FULL_CONE, Kind.RESTRICTED}
    if Kind.SYMMETRIC not in {one, other}:
        return True
    return one in lenient or other in lenient


_WORDS: Final = {
    Kind.OPEN: "TURN is not needed",
    Kind.FIREWALL: "TURN is needed at most against symmetric NATs, and where the firewall blocks UDP",
    Kind.FULL_CONE: "TURN is not needed",
    Kind.RESTRICTED: "TURN is not needed",
    Kind.PORT_RESTRICTED: "TURN is needed against symmetric NATs",
    Kind.SYMMETRIC: "TURN is needed against port-restricted and symmetric NATs",
    Kind.CONE: "TURN may be needed against symmetric NATs; the server cannot tell more (it has no second address)",
    Kind.BLOCKED: "the server did not answer: if it runs, UDP is blocked, and all calls need TURN over TCP or TLS",
    Kind.UNKNOWN: "the server cannot tell (it has no second address): name a second one with another --server",
}
