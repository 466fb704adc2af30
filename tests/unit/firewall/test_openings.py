"""Which ports must be open, for whom, on which address: one row for each service and place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.engines.networks import ONE, PUBLIC, TWO, pbx
from tests.unit.firewall.places import paper
from voxgate.config.secrets import Secret
from voxgate.firewall.opening import Opening, Way
from voxgate.firewall.openings import openings

if TYPE_CHECKING:
    from voxgate.plan.desired import Desired

ANY: list[str] = []
BOTH = ["192.168.1.10", "2001:db8:1::10"]


def incoming(desired: Desired) -> dict[str, tuple[list[str], list[str], str]]:
    """Port and protocol -> addresses, sources, key; per port, so that a second entry for one would be lost loudly."""
    found: dict[str, tuple[list[str], list[str], str]] = {}
    for one in openings(desired):
        if one.way is Way.IN:
            where = f"{one.port_text}/{one.proto} {one.addresses[0] if desired.network is TWO else ''}".strip()
            assert where not in found
            found[where] = (list(map(str, one.addresses)), list(map(str, one.sources)), one.key)
    return found


def test_sip_and_audio_are_open_for_everybody_behind_a_router() -> None:
    assert incoming(paper()) == {
        "5060/udp": (BOTH, ANY, "listen.sip.udp"),
        "5060/tcp": (BOTH, ANY, "listen.sip.tcp"),
        "5061/tcp": (BOTH, ANY, "listen.sip.tls"),
        "10000-20000/udp": (BOTH, ANY, "media.ports"),
    }
    assert {str(one.public[0]) for one in openings(paper()) if one.way is Way.IN} == {"203.0.113.45"}


def test_the_inside_interface_is_open_for_the_inside_alone() -> None:
    found = incoming(paper(TWO, {"hq": pbx("172.16.0.10", sip={"tcp": 5080})}, listen={"sip": {"udp": 5060}}))
    inside = ["172.16.0.0/16", "fd00:172::/64"]
    assert found["5060/udp 172.16.0.1"] == (["172.16.0.1", "fd00:172::1"], inside, "listen.sip.udp")
    assert found["5060/udp 203.0.113.45"] == (["203.0.113.45", "2001:db8:1::10"], ANY, "listen.sip.udp")
    assert found["10000-20000/udp 172.16.0.1"][1] == inside
    # The PBX needs TCP; nobody outside may use it.
    tcp = {where: row for where, row in found.items() if "/tcp" in where}
    assert all(row[1] == inside for row in tcp.values())
    assert tcp


@pytest.mark.parametrize(
    ("sections", "port", "sources", "key"),
    [
        ({"listen": {"sip": {"udp": 5060, "wss": 443}}}, "443/tcp", ANY, "listen.sip.wss"),
        ({"listen": {"sip": {"udp": 5060}, "http": {"plain": 80}}}, "80/tcp", ANY, "listen.http.plain"),
        ({"listen": {"sip": {"udp": 5060}, "http": {"tls": 8443}}}, "8443/tcp", ANY, "listen.http.tls"),
        ({"turn": {}}, "3478/udp", ANY, "turn.port"),
        ({"turn": {"tls_port": 5349}}, "5349/tcp", ANY, "turn.tls_port"),
        ({"certificates": {"default": {"acme": {}}}}, "80/tcp", ANY, "certificates"),
    ],
)
def test_each_service_opens_its_port(sections: dict[str, Any], port: str, sources: list[str], key: str) -> None:
    assert incoming(paper(**sections))[port] == (BOTH, sources, key)
    assert port not in incoming(paper())


def test_acme_over_dns_needs_no_port() -> None:
    by_dns = {"acme": {"dns": {"hook": "/usr/local/bin/hook"}}}
    assert "80/tcp" not in incoming(paper(certificates={"default": by_dns}))
    assert "80/tcp" in incoming(paper(certificates={"default": by_dns, "others": {"x": {"acme": {}}}}))


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ([["198.51.100.0/24"], ["192.0.2.0/24"]], ["192.0.2.0/24", "198.51.100.0/24"]),
        ([["198.51.100.0/24"], []], ANY),
        ([["198.51.100.0/24"], ["0.0.0.0/0"]], ANY),
    ],
)
def test_networks_that_every_pbx_wants_are_the_ports_too(allowed: list[list[str]], expected: list[str]) -> None:
    pbxs = {
        name: pbx(f"192.168.1.{number}", name=f"{name}.example", ldap={"plain": 389, "allow_from": networks})
        for number, (name, networks) in enumerate(zip(("a", "b"), allowed, strict=True), 20)
    }
    found = incoming(paper(ONE, pbxs, listen={"sip": {"udp": 5060}, "ldap": {"tls": 636}}))
    assert found["636/tcp"][1] == expected


def test_a_port_that_others_share_stays_open_for_all() -> None:
    http = {"plain": 80, "allow_urls": "@everything", "allow_from": ["198.51.100.0/24"]}
    made = {"hq": pbx("192.168.1.20", http=http)}
    listen = {"sip": {"udp": 5060, "wss": 443}, "http": {"plain": 80, "tls": 443}}
    found = incoming(paper(ONE, made, listen=listen))
    assert (found["443/tcp"][1], found["80/tcp"][1]) == (ANY, ["198.51.100.0/24"])
    # The authority that asks on port 80 comes from anywhere.
    assert incoming(paper(ONE, made, listen=listen, certificates={"default": {"acme": {}}}))["80/tcp"][1] == ANY


def test_a_providers_own_port_is_open_for_that_provider() -> None:
    trunk = {"addresses": ["198.51.100.7"], "source_port": 5070, "dids": {"5X": "hq"}}
    found = incoming(paper(trunks={"carrier": trunk}))
    assert found["5070/udp"] == (BOTH, ["198.51.100.7/32"], "trunks.carrier.source_port")


def test_the_relays_ports_are_open_for_the_peers_alone() -> None:
    turn = {"shared_secret": Secret("0123456789abcdef")}
    assert "30000-32767/udp" not in incoming(paper(PUBLIC, turn=turn))
    assert incoming(paper(PUBLIC, turn=turn | {"peers": ["172.16.0.0/24"]}))["30000-32767/udp"][1] == ["172.16.0.0/24"]


def test_what_the_edge_must_reach_is_listed_for_each_pbx() -> None:
    made = {
        "hq": pbx(
            "172.16.0.10", "172.16.0.11", sip={"udp": 5060, "tls": 5061}, ldap={"nodes": ["172.16.0.90"], "tls": 636}
        )
    }
    out = [one for one in openings(paper(TWO, made)) if one.way is Way.OUT]
    told = {(one.port_text, one.proto): ([*map(str, one.addresses)], [*map(str, one.sources)]) for one in out}
    nodes, ours = ["172.16.0.10", "172.16.0.11"], ["172.16.0.1/32"]
    assert told == {
        ("5060", "udp"): (nodes, ours),
        ("5061", "tcp"): (nodes, ours),
        ("1024-65535", "udp"): (nodes, ours),
        ("636", "tcp"): (["172.16.0.90"], ours),
    }
    assert {one.pbx for one in out} == {"hq"}


def test_the_web_page_is_open_where_it_is_not_on_loopback() -> None:
    assert "8440/tcp" not in incoming(paper(admin={}))
    found = incoming(paper(admin={"listen": "0.0.0.0:8440", "allow_from": ["192.168.1.0/24"]}))
    assert found["8440/tcp"] == (["192.168.1.10"], ["192.168.1.0/24"], "admin.listen")


def test_a_comment_holds_nothing_that_ends_it() -> None:
    bad = Opening(Way.IN, "udp", (1, 1), (), "x\" accept; flush ruleset\n#'é", "k", pbx="hq")
    assert bad.comment == "x_ accept_ flush ruleset____ (hq)"
