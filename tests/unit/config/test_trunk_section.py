"""Trunks in the file: what is good, and what contradicts itself, with line, key and advice."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from voxgate.config.load import Source, load_sources
from voxgate.config.secrets import SecretPlaces
from voxgate.config.trunknames import Lookup, goals_of, lookups_of
from voxgate.errors import ConfigError

if TYPE_CHECKING:
    from voxgate.config.model import Config

HEAD = """\
edge: {domain: edge.example.com}
pbxs:
  hq: {names: [example.com], nodes: [192.168.1.20]}
  twin: {names: [twin.example], nodes: [192.168.1.20], sip: {udp: 5070}}
  far: {names: [far.example], nodes: [192.168.1.40]}
trunks:
"""


def loaded(text: str) -> Config:
    source = Source("f", HEAD + text)
    return load_sources((source,), SecretPlaces(Path("/nonexistent"), {}), datetime(2026, 1, 1, tzinfo=UTC)).config


def test_a_trunk_as_users_write_it() -> None:
    trunk = loaded(
        "  carrier: {addresses: [198.51.100.7, 198.51.100.64/28], pbxs: far,\n"
        '    dids: {"05551594XX": far, 0555200X.: far}}\n'
    ).trunks["carrier"]
    assert [str(network) for network in trunk.addresses] == ["198.51.100.7/32", "198.51.100.64/28"]
    assert {pattern: did.pbx for pattern, did in trunk.dids.items()} == {"05551594XX": "far", "0555200X.": "far"}
    assert trunk.pbxs == ("far",)


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("  a: {dids: {X.: hq}}\n", "trunks.a", "trunk a has no address"),
        ("  a: {addresses: 198.51.100.7}\n", "trunks.a", "trunk a carries no call"),
        ("  a: {addresses: 198.51.100.0/24, pbxs: far}\n", "trunks.a.addresses", "networks only"),
        ("  a: {addresses: 198.51.100.7/2x, pbxs: far}\n", "trunks.a.addresses", "is not a network"),
        ("  a: {addresses: 198.51.100.999, pbxs: far}\n", "trunks.a.addresses", "is not a network"),
        ("  a: {addresses: sip_carrier, pbxs: far}\n", "trunks.a.addresses", "is not a host name"),
        ("  a: {addresses: 198.51.100.7, dids: {X.: nope}}\n", "trunks.a.dids.X.", "there is no PBX nope"),
        ("  a: {addresses: 198.51.100.7, pbxs: [far, nope]}\n", "trunks.a.pbxs[1]", "there is no PBX nope"),
        ("  a: {addresses: 198.51.100.7, dids: {5X5Y: far}}\n", "trunks.a.dids.5X5Y", "is no pattern of numbers"),
        ("  a: {addresses: 198.51.100.7, dids: {'re:(': far}}\n", "trunks.a.dids.re:(", "is no regular expression"),
        ("  a: {addresses: 198.51.100.7, dids: {5: {pbx: far, fallback: far}}}\n", "trunks.a.dids.5", "one PBX twice"),
        ("  a: {addresses: 192.168.1.32/27, dids: {X.: far}}\n", "trunks.a.addresses", "is a node of PBX"),
        ("  a: {addresses: 198.51.100.7, pbxs: hq}\n", "trunks.a.pbxs", "PBX twin has the same address as hq"),
        ("  a: {addresses: 198.51.100.7, pbxs: far, prefixes: 0049}\n", "trunks.a.prefixes", "beginning of a number"),
        ("  a: {addresses: ['2001:db8::1', 198.51.100.7], pbxs: far}\n", "trunks.a.addresses", "IPv4 and IPv6"),
        ("  a: {addresses: 198.51.100.7, pbxs: far, source_port: 5060}\n", "trunks.a.source_port",
         "is listen.sip.udp's"),
        ("  a: {addresses: 198.51.100.7, pbxs: far, source_port: 10000}\n", "trunks.a.source_port",
         "inside media.ports"),
        ("  a: {addresses: 198.51.100.7, pbxs: far, source_port: 5072, transport: tcp}\n", "trunks.a.source_port",
         "a port of its own"),
        ("  a: {addresses: 198.51.100.7, pbxs: far, tls: {server_name: a.example}}\n", "trunks.a.tls", "no meaning"),
        ("  a: {addresses: 198.51.100.7, pbxs: far, transport: tls, tls: {key: /k.pem}}\n", "trunks.a.tls",
         "belong together"),
        ("  a: {addresses: 198.51.100.7, pbxs: far, transport: tls, tls: {ca: /no/ca.pem}}\n", "trunks.a.tls.ca",
         "does not exist"),
        (
            """  a: {server: 192.0.2.7, pbxs: far, transport: tls}
  b: {server: 192.0.2.7, pbxs: far, transport: tls, tls: {server_name: b.example}}
""",
            "trunks.b.tls",
            "would share a connection",
        ),
        (
            "  a: {addresses: 198.51.100.7, dids: {5X: far}}\n  b: {addresses: 198.51.100.0/24, dids: {5X: hq}}\n",
            "trunks.b.dids.5X",
            "also a number of trunk a",
        ),
        ("  a: {addresses: 198.51.100.7, pbxs: far, numbers: {e164: {country: '+49'}}}\n",
         "trunks.a.numbers.e164.country", "is no country code"),
    ],
)  # fmt: skip
def test_a_contradiction_is_named_where_it_stands(text: str, key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(text)
    (problem,) = caught.value.problems
    assert (problem.key, message in problem.message, bool(problem.advice)) == (key, True, True), problem
    assert problem.line > HEAD.count("\n")


def test_two_accounts_at_one_provider_share_its_addresses() -> None:
    text = "  a: {addresses: 198.51.100.7, dids: {51: far}}\n  b: {addresses: 198.51.100.7, dids: {52: hq}}\n"
    assert set(loaded(text).trunks) == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "goals"),
    [
        ("addresses: 198.51.100.7", ["198.51.100.7"]),
        ("addresses: [198.51.100.0/24, b.carrier.example, 198.51.100.7]", ["b.carrier.example", "198.51.100.7"]),
        # As providers are written today: the name is for request URIs, the address is where they go.
        ("addresses: 198.51.100.7, server: sip.carrier.example", ["198.51.100.7"]),
        ("server: sip.carrier.example", ["sip.carrier.example"]),
        ("addresses: 198.51.100.0/24, server: sip.carrier.example", ["sip.carrier.example"]),
        ("addresses: 198.51.100.7, server: 198.51.100.8", ["198.51.100.8"]),
        ("addresses: 198.51.100.7, server: a.example, outbound_proxy: [p.example, 198.51.100.9]",
         ["p.example", "198.51.100.9"]),
    ],
)  # fmt: skip
def test_calls_out_go_where_the_file_says_most_plainly(text: str, goals: list[str]) -> None:
    trunk = loaded(f"  a: {{{text}, pbxs: far}}\n").trunks["a"]
    assert [str(goal) for goal in goals_of(trunk)] == goals


def test_a_name_is_looked_up_among_transports_that_are_open() -> None:
    config = loaded("  a: {server: a.example, pbxs: far}\n  b: {server: b.example, port: 5070, pbxs: far}\n"
                    "  c: {server: c.example, transport: tls, pbxs: far}\n  d: {addresses: 198.51.100.7, pbxs: far}\n"
                    "listen: {sip: {udp: 5060, tls: 5061}}\n")  # fmt: skip
    assert dict(lookups_of(config)) == {
        "a": Lookup("a.example", ("udp", "tls"), None),
        "b": Lookup("b.example", ("udp",), 5070),
        "c": Lookup("c.example", ("tls",), None),
    }
