"""Every NAT of RFC 4787 as a table of two functions, and what the discovery says about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from voxgate.nat.discovery import Answer, Ask, Filtering, Findings, Mapping, discover
from voxgate.nat.verdict import PEERS, Kind, Need, judge, kind_of
from voxgate.wire.stun import Endpoint

HERE = Endpoint(ip_address("10.0.0.5"), 40000)
SERVER = Endpoint(ip_address("203.0.113.45"), 3478)
OTHER = Endpoint(ip_address("203.0.113.46"), 3479)


@dataclass
class Nat:
    """`mapping` and `filtering` as in RFC 4787; the server behind it has two addresses unless `plain`."""

    mapping: Mapping
    filtering: Filtering
    plain: bool = False
    deaf: bool = False
    ignores: bool = False
    written: set[tuple[str, Endpoint]] = field(default_factory=set)
    ports: dict[object, int] = field(default_factory=dict)

    def answer(self, ask: Ask) -> Answer | None:
        self.written.add((ask.socket, ask.server))
        address = OTHER.address if ask.change_address and not self.ignores else ask.server.address
        port = OTHER.port if ask.change_port and not self.ignores else ask.server.port
        source = Endpoint(address, port)
        if self.deaf or not self._passes(ask.socket, source):
            return None
        return Answer(self._mapped(ask), source, HERE, None if self.plain else OTHER)

    def _mapped(self, ask: Ask) -> Endpoint:
        keys: dict[Mapping, object] = {
            Mapping.ENDPOINT_INDEPENDENT: ask.socket,
            Mapping.ADDRESS_DEPENDENT: (ask.socket, ask.server.address),
            Mapping.ADDRESS_AND_PORT_DEPENDENT: (ask.socket, ask.server),
        }
        if self.mapping is Mapping.NONE:
            return HERE
        return Endpoint(ip_address("198.51.100.1"), self.ports.setdefault(keys[self.mapping], 50000 + len(self.ports)))

    def _passes(self, socket: str, source: Endpoint) -> bool:
        written = {server for name, server in self.written if name == socket}
        match self.filtering:
            case Filtering.ENDPOINT_INDEPENDENT:
                return True
            case Filtering.ADDRESS_DEPENDENT:
                return source.address in {server.address for server in written}
            case _:
                return source in written


def found(nat: Nat, second: Endpoint | None = None) -> Findings:
    talk = discover(SERVER, second)
    try:
        ask = next(talk)
        for _ in range(20):
            ask = talk.send(nat.answer(ask))
    except StopIteration as end:
        findings: Findings = end.value
        return findings
    raise AssertionError("it asks for ever")


MAPPINGS = [
    Mapping.NONE,
    Mapping.ENDPOINT_INDEPENDENT,
    Mapping.ADDRESS_DEPENDENT,
    Mapping.ADDRESS_AND_PORT_DEPENDENT,
]
FILTERINGS = [Filtering.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_DEPENDENT, Filtering.ADDRESS_AND_PORT_DEPENDENT]


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("filtering", FILTERINGS)
def test_every_mapping_with_every_filtering_is_found(mapping: Mapping, filtering: Filtering) -> None:
    findings = found(Nat(mapping, filtering))
    assert (findings.mapping, findings.filtering, findings.complete) == (mapping, filtering, True)


def test_a_server_with_one_address_tells_the_mapping_with_a_second_servers_help_alone() -> None:
    cone = Nat(Mapping.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_DEPENDENT, plain=True)
    assert (found(cone).mapping, found(cone).filtering) == (Mapping.UNKNOWN, Filtering.UNKNOWN)
    assert kind_of(found(cone)) is Kind.UNKNOWN
    assert kind_of(found(cone, OTHER)) is Kind.CONE
    strict = Nat(Mapping.ADDRESS_AND_PORT_DEPENDENT, Filtering.ADDRESS_AND_PORT_DEPENDENT, plain=True)
    assert (found(strict, OTHER).mapping, kind_of(found(strict, OTHER))) == (Mapping.DEPENDENT, Kind.SYMMETRIC)


def test_a_server_that_ignores_what_is_asked_of_it_shows_no_full_cone() -> None:
    nat = Nat(Mapping.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_AND_PORT_DEPENDENT, ignores=True)
    assert found(nat).filtering is Filtering.UNKNOWN


def test_silence_is_told_as_such() -> None:
    findings = found(Nat(Mapping.NONE, Filtering.ENDPOINT_INDEPENDENT, deaf=True))
    verdict = judge(findings)
    assert (findings.answered, verdict.kind, verdict.turn) == (False, Kind.BLOCKED, Need.ALWAYS)
    assert not any(verdict.works_with.values())


# The kinds by their names, and with whom each of PEERS' order works: no NAT, full cone, restricted, port, symmetric.
TABLE = [
    (Mapping.NONE, Filtering.ENDPOINT_INDEPENDENT, Kind.OPEN, "yyyyy", Need.NEVER),
    (Mapping.NONE, Filtering.ADDRESS_AND_PORT_DEPENDENT, Kind.FIREWALL, "yyyyn", Need.SOMETIMES),
    (Mapping.ENDPOINT_INDEPENDENT, Filtering.ENDPOINT_INDEPENDENT, Kind.FULL_CONE, "yyyyy", Need.NEVER),
    (Mapping.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_DEPENDENT, Kind.RESTRICTED, "yyyyy", Need.NEVER),
    (Mapping.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_AND_PORT_DEPENDENT, Kind.PORT_RESTRICTED, "yyyyn", Need.SOMETIMES),
    (Mapping.ADDRESS_AND_PORT_DEPENDENT, Filtering.ADDRESS_AND_PORT_DEPENDENT, Kind.SYMMETRIC, "yyynn", Need.SOMETIMES),
]


@pytest.mark.parametrize(("mapping", "filtering", "kind", "works", "need"), TABLE)
def test_the_verdict_in_the_fields_words(
    mapping: Mapping, filtering: Filtering, kind: Kind, works: str, need: Need
) -> None:
    verdict = judge(found(Nat(mapping, filtering)))
    assert (verdict.kind, verdict.turn) == (kind, need)
    assert verdict.works_with == {peer: letter == "y" for peer, letter in zip(PEERS, works, strict=True)}
    assert verdict.words
