"""`voxgate nat-check` behind each kind of NAT, against the STUN server of a real edge with two addresses."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from lab.edge import VOXGATE, Edge
from lab.net import Net
from lab.topologies import EDGE_PUBLIC, EDGE_PUBLIC_SIX, EDGE_SECOND, EDGE_SECOND_SIX, NAT_KINDS
from tests.engine.office import MARKS, folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

FREE, STRICT = "endpoint-independent", "address-and-port-dependent"
CONFIG = {
    "edge": {"domain": "edge.example.com", "address": [EDGE_PUBLIC, EDGE_PUBLIC_SIX]},
    "pbxs": {"hq": {"names": ["example.com"], "nodes": ["203.0.113.200"]}},
    "turn": {"second_address": [EDGE_SECOND, EDGE_SECOND_SIX]},
}
#: What does not answer, so that each host's own router shows: everything unasked is dropped without a word.
FIREWALL = """
table inet test {
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  }
}
"""


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    with ExitStack() as stack:
        made = stack.enter_context(folder())
        net = stack.enter_context(Net(NAT_KINDS))
        edge = stack.enter_context(Edge(net, made, CONFIG))
        try:
            yield net
        finally:
            print(edge.text()[-10000:])


def ask(net: Net, host: str, *words: str) -> list[dict[str, Any]]:
    done = net.run(host, [VOXGATE, "nat-check", "--json", *words])
    assert done.code == 0, done.err + done.out
    results: list[dict[str, Any]] = json.loads(done.out)["results"]
    return results


@pytest.mark.parametrize(
    ("host", "nat", "behaviour", "not_with"),
    [
        ("open", "no NAT", ("none", FREE), []),
        ("phone-full", "full cone", (FREE, FREE), []),
        ("phone-restricted", "restricted", (FREE, "address-dependent"), []),
        ("phone-port", "port-restricted", (FREE, STRICT), ["symmetric"]),
        ("phone-symmetric", "symmetric", (STRICT, STRICT), ["port-restricted", "symmetric"]),
    ],
)  # fmt: skip
def test_each_kind_of_nat_is_told(
    net: Net, host: str, nat: str, behaviour: tuple[str, str], not_with: list[str]
) -> None:
    (result,) = ask(net, host, "--server", EDGE_PUBLIC)
    assert (result["nat"], (result["mapping"], result["filtering"])) == (nat, behaviour)
    assert (result["turn_needed"], result["server_can_tell_all"]) == ("sometimes" if not_with else "never", True)
    assert [peer for peer, works in result["works_without_turn_with"].items() if not works] == not_with
    outside = {"phone-full": 71, "phone-restricted": 72, "phone-port": 73, "phone-symmetric": 74, "open": 99}
    assert result["public"].startswith(f"203.0.113.{outside[host]}:")


def test_a_firewall_without_nat_and_ipv6(net: Net) -> None:
    (before,) = ask(net, "open", "--server", EDGE_PUBLIC_SIX)
    assert (before["nat"], before["mapping"]) == ("no NAT", "none")
    assert net.run("open", ["nft", "-f", "-"], stdin=FIREWALL).code == 0
    for server in (EDGE_PUBLIC, f"[{EDGE_PUBLIC_SIX}]:3478"):
        (result,) = ask(net, "open", "--server", server)
        assert (result["nat"], result["filtering"]) == ("no NAT, but a firewall", "address-and-port-dependent")
    assert net.run("open", ["nft", "delete", "table", "inet", "test"]).code == 0


def test_blocked_udp_is_told_and_a_failure(net: Net) -> None:
    done = net.run("phone-port", [VOXGATE, "nat-check", "--server", "203.0.113.45:9"])
    assert done.code == 1
    assert "TURN over TCP or TLS" in done.out


def test_people_are_told_in_words(net: Net) -> None:
    done = net.run("phone-symmetric", [VOXGATE, "nat-check", "--server", EDGE_PUBLIC])
    assert "NAT        symmetric" in done.out
    assert "port-restricted  does not work" in done.out
    assert "TURN is needed against port-restricted and symmetric NATs" in done.out
