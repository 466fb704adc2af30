"""Where a SIP server is, by RFC 3263, asked of zones as providers write them."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as some

from voxgate.config.trunknames import Lookup
from voxgate.trunks.locating import Data, Located, Naptr, Query, Records, Srv, locate

Zone = dict[tuple[str, str], tuple[Data, ...]]
ALL = ("udp", "tcp", "tls")
NAME = "carrier.example"
HOSTS: Zone = {
    ("a.carrier.example", "A"): ("198.51.100.1",),
    ("a.carrier.example", "AAAA"): ("2001:db8::1",),
    ("b.carrier.example", "A"): ("198.51.100.2",),
    ("carrier.example", "A"): ("198.51.100.9",),
}
UDP: Zone = {
    ("_sip._udp.carrier.example", "SRV"): (Srv(20, 0, 5070, "b.carrier.example"), Srv(10, 5, 5060, "a.carrier.example"))
}
TLS: Zone = {("_sips._tcp.carrier.example", "SRV"): (Srv(1, 0, 5061, "a.carrier.example"),)}
POINTERS: Zone = {
    ("carrier.example", "NAPTR"): (
        Naptr(50, 20, "s", "SIP+D2U", "_sip._udp.carrier.example"),
        Naptr(50, 10, "S", "SIPS+D2T", "_sips._tcp.carrier.example"),
        Naptr(1, 1, "u", "E2U+sip", ""),
        Naptr(1, 1, "s", "SIP+D2S", "_sip._sctp.carrier.example"),
    )
}


def asked(lookup: Lookup, zone: Zone, ttls: dict[tuple[str, str], int] | None = None) -> tuple[Located, list[Query]]:
    """The result, and what was asked for it."""
    asking, queries = locate(lookup), []
    zone = zone if hasattr(zone, "__missing__") else defaultdict(tuple, zone)
    query = next(asking)
    while True:
        queries.append(query)
        assert len(queries) < 100
        try:
            query = asking.send(Records(zone[query], (ttls or {}).get(query, 300)))
        except StopIteration as end:
            return end.value, queries


def told(located: Located) -> list[str]:
    return [f"{one.priority} {one.transport}:{one.address}:{one.port}" for one in located.targets]


@pytest.mark.parametrize(
    ("transports", "port", "zone", "expected"),
    [
        # The best service that we speak and that stands open.
        (ALL, None, {**POINTERS, **UDP, **TLS, **HOSTS}, ["0 tls:198.51.100.1:5061", "0 tls:2001:db8::1:5061"]),
        (("udp", "tcp"), None, {**POINTERS, **UDP, **TLS, **HOSTS},
         ["0 udp:198.51.100.1:5060", "0 udp:2001:db8::1:5060", "1 udp:198.51.100.2:5070"]),
        # One transport is said: NAPTR is not asked for (section 4.1).
        (("udp",), None, {**POINTERS, **UDP, **TLS, **HOSTS},
         ["0 udp:198.51.100.1:5060", "0 udp:2001:db8::1:5060", "1 udp:198.51.100.2:5070"]),
        # No NAPTR: SRV for each transport in turn.
        (ALL, None, {**TLS, **HOSTS}, ["0 tls:198.51.100.1:5061", "0 tls:2001:db8::1:5061"]),
        # Neither: addresses, at the default port.
        (ALL, None, HOSTS, ["0 udp:198.51.100.9:5060"]),
        (("tls",), None, HOSTS, ["0 tls:198.51.100.9:5061"]),
        # A port is said: addresses alone (section 4.2).
        (("udp",), 5099, {**POINTERS, **UDP, **HOSTS}, ["0 udp:198.51.100.9:5099"]),
        # "." denies the service (RFC 2782); a pointer to nothing leads nowhere else.
        (("udp",), None, {("_sip._udp.carrier.example", "SRV"): (Srv(0, 0, 5060, ""),), **HOSTS}, []),
        (ALL, None, {}, []),
    ],
)  # fmt: skip
def test_a_name_leads_where_rfc_3263_says(
    transports: tuple[str, ...], port: int | None, zone: Zone, expected: list[str]
) -> None:
    located, queries = asked(Lookup(NAME, transports, port), zone)
    assert told(located) == expected
    assert (Query(NAME, "NAPTR") in queries) == (len(transports) > 1 and port is None)


def test_the_answer_holds_as_long_as_its_shortest_part() -> None:
    ttls = {("_sip._udp.carrier.example", "SRV"): 600, ("b.carrier.example", "A"): 60, ("b.carrier.example", "AAAA"): 5}
    located, _ = asked(Lookup(NAME, ("udp",), None), {**UDP, **HOSTS}, ttls)
    # What is not there (b has no AAAA) does not count.
    assert located.ttl_s == 60


def test_records_in_another_order_are_the_same_answer() -> None:
    turned: Zone = {key: tuple(reversed(data)) for key, data in {**UDP, **HOSTS}.items()}
    lookup = Lookup(NAME, ("udp",), None)
    assert asked(lookup, turned)[0] == asked(lookup, {**UDP, **HOSTS})[0]


def test_an_answer_without_end_is_cut() -> None:
    records = tuple(Srv(n, 0, 5060, f"h{n}.carrier.example") for n in range(500))
    zone: Zone = {("_sip._udp.carrier.example", "SRV"): records}
    zone |= {(f"h{n}.carrier.example", "A"): tuple(f"198.51.{n}.{i}" for i in range(200)) for n in range(200)}
    located, queries = asked(Lookup(NAME, ("udp",), None), zone)
    assert len(located.targets) == 32
    assert len(queries) == 1 + 2 * 16


texts = some.text(max_size=20)
numbers = some.integers(0, 65535)


@given(
    some.lists(some.builds(Naptr, numbers, numbers, texts, texts, texts)),
    some.lists(some.builds(Srv, numbers, numbers, numbers, texts)),
)
def test_whatever_a_strangers_dns_says_is_no_error(pointers: list[Naptr], services: list[Srv]) -> None:
    class Strangers(dict[tuple[str, str], tuple[Data, ...]]):
        """Says the same of every name."""

        def __missing__(self, query: tuple[str, str]) -> tuple[Data, ...]:
            says: dict[str, tuple[Data, ...]] = {"NAPTR": tuple(pointers), "SRV": tuple(services)}
            return says.get(query[1], ("198.51.100.1",))

    located, queries = asked(Lookup(NAME, ALL, None), Strangers())
    assert all("\n" not in query.name and " " not in query.name for query in queries)
    assert len(located.targets) <= 32
