"""What `voxgate firewall` prints is enough, and no more: packets against a firewall that drops everything else."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from lab.edge import Edge, Kept
from lab.net import Net
from lab.topologies import DMZ, EDGE_INSIDE, EDGE_PUBLIC, EDGE_PUBLIC_SIX
from lab.webpbx import WebPbx
from tests.engine.office import HQ_TONE_HZ, MARKS, Office, a_call_works, folder, switchboard
from tests.engine.web_office import ask, head

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = MARKS

PBX = "172.16.0.10"
CONFIG = {
    "edge": {"domain": "edge.example.com", "interface": "eth0", "inside_interface": "eth1"},
    "listen": {
        "sip": {"udp": 5060, "tcp": 5060, "tls": 5061, "wss": 443},
        "http": {"plain": 80, "tls": 443},
        "ldap": {"plain": 389, "tls": 636},
        "h323": {"plain": 1720, "tls": 1300},
    },
    "turn": {"tls_port": 5349, "accounts": {"office": Kept("turn-office", "correct horse")}},
    "pbxs": {
        "hq": {
            "names": ["example.com", "hq.example.com"],
            "nodes": [PBX],
            "http": {"plain": 80, "allow_urls": "@everything"},
            "ldap": {"plain": 389, "allow_from": ["203.0.113.96/28", "172.16.0.0/16"]},
            "h323": {"plain": 1720},
        }
    },
}  # fmt: skip
#: A firewall that lets nothing in and nothing through, as Debian's own file lays it out.
CLOSED = """
flush ruleset
table inet filter {
  chain input { type filter hook input priority filter; policy drop; }
  chain forward { type filter hook forward priority filter; policy drop; }
}
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Office]:
    with ExitStack() as stack:
        made = stack.enter_context(folder())
        net = stack.enter_context(Net(DMZ))
        pbx = stack.enter_context(switchboard(net, made, "pbx-hq-a", PBX, HQ_TONE_HZ))
        stack.enter_context(WebPbx(net.maker("pbx-hq-a"), "hq", PBX, 80))
        edge = stack.enter_context(Edge(net, made, CONFIG))
        yield Office(net, edge, pbx, made)


def told(place: Office, *words: str) -> str:
    """What `voxgate firewall` prints."""
    done = place.edge.command("firewall", str(place.edge.file), *words)
    assert done.code == 0, done.err
    return done.out


def close(place: Office) -> None:
    """A firewall that lets nothing in; Voxgate's guard stands beside it and finds its own table gone."""
    assert place.net.run("edge", ["nft", "-f", "-"], stdin=CLOSED).code == 0


def opens(place: Office, port: int, *, source: str = "stranger", address: str = EDGE_PUBLIC) -> bool:
    """Whether a TCP connection comes about."""
    with place.net.socket(source, socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(1.5)
        return sock.connect_ex((address, port)) == 0


def check_all(place: Office) -> None:
    """Everything passes that is listed, nothing that is not."""
    asyncio.run(a_call_works(place))
    assert ask(place, head("hq.example.com", "/PBX0/MY")).status == 200
    assert ask(place, head("hq.example.com", "/PBX0/MY"), tls=False, source="stranger").status == 200
    with place.net.socket("edge", socket.AF_INET, socket.SOCK_STREAM) as deaf:
        deaf.bind(("0.0.0.0", 9999))
        deaf.listen()
        expected = {80: True, 443: True, 5061: True, 1720: True, 389: True, 5349: True, 9999: False}
        assert {port: opens(place, port) for port in expected} == expected
        assert opens(place, 443, address=EDGE_PUBLIC_SIX)
        # LDAP is for some networks alone, because every PBX says so.
        assert not opens(place, 389, source="provider")


def test_a_closed_firewall_with_the_printed_rules_lets_calls_and_requests_through_and_nothing_else(
    place: Office,
) -> None:
    rules = told(place, "--format", "nftables")
    close(place)
    assert not opens(place, 443)
    assert place.net.run("edge", ["nft", "-c", "-f", "-"], stdin=rules).code == 0
    assert place.net.run("edge", ["nft", "-f", "-"], stdin=rules).code == 0
    check_all(place)


def test_apply_opens_what_somebody_else_closed_and_remove_closes_it_again(place: Office) -> None:
    close(place)
    done = place.edge.command("firewall", str(place.edge.file), "--apply", "nftables")
    assert (done.code, done.out.splitlines()[0]) == (
        0,
        "open for what Voxgate needs: inet filter input, inet filter forward",
    )
    check_all(place)
    # Again: the same rules, one jump.
    assert place.edge.command("firewall", str(place.edge.file), "--apply", "nftables").code == 0
    listed = place.net.run("edge", ["nft", "list", "chain", "inet", "filter", "input"]).out
    assert listed.count("jump voxgate_input") == 1
    assert opens(place, 443)
    assert place.edge.command("firewall", "--remove", "nftables").code == 0
    assert not opens(place, 443)
    left = place.net.run("edge", ["nft", "list", "table", "inet", "filter"]).out
    assert "voxgate" not in left
    assert place.net.run("edge", ["nft", "flush", "ruleset"]).code == 0
    assert "every port is open" in told(place, "--apply", "nftables")


def test_the_list_is_what_listens(place: Office) -> None:
    openings: list[dict[str, Any]] = json.loads(told(place, "--json"))["openings"]
    media = [one for one in openings if one["key"] == "media.ports"]
    listed = {
        (one["proto"], address, one["first_port"])
        for one in openings
        if one["way"] == "in" and one not in media
        for address in one["addresses"]
    }
    assert listed == listening(place)
    assert {address for one in media for address in one["addresses"]} >= {EDGE_PUBLIC, EDGE_INSIDE, EDGE_PUBLIC_SIX}


def listening(place: Office) -> set[tuple[str, str, int]]:
    """Every socket that packets from other machines can reach, as the kernel says it."""
    found = set()
    for line in place.net.run("edge", ["ss", "-lntuH"]).out.splitlines():
        proto, _, _, _, where, *_ = line.split()
        address, _, port = where.rpartition(":")
        address = re.sub(r"%.*", "", address).strip("[]")
        if not address.startswith("127.") and address != "::1":
            found.add((proto, address, int(port)))
    return found
