"""What port forwards are to packet filters, and to nft."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from tests.unit.engines.networks import ONE, TWO, pbx
from tests.unit.firewall.places import paper
from voxgate.engines.forwards import forwards_of
from voxgate.firewall.nftables import DEBIAN, rules
from voxgate.firewall.opening import Way
from voxgate.firewall.openings import openings
from voxgate.firewall.words import letter, rows
from voxgate.wire.nft_forwards import Count, Found, counts, script

FORWARDS = [
    {"udp": 4569, "note": "IAX"},
    {"tcp": 20149, "to": 22, "allow_from": ["198.51.100.0/24", "2001:db8:9::/48"]},
    {"udp": "30000-30999", "node": "fd00:172::10", "keep_source": True},
]
MADE = {"hq": pbx("172.16.0.10", forwards=FORWARDS)}


def test_a_forward_leads_from_the_addresses_of_its_targets_ip_version() -> None:
    iax, sftp, rtp = forwards_of(paper(TWO, MADE).config, TWO)
    assert iax.entries == (ip_address("172.16.0.1"), ip_address("203.0.113.45"))
    assert rtp.entries == (ip_address("fd00:172::1"), ip_address("2001:db8:1::10"))
    assert (sftp.to, sftp.allowed, sftp.closed) == (22, (ip_network("198.51.100.0/24"),), True)
    assert (rtp.keep_source, rtp.closed) == (True, False)


def test_a_packet_filter_is_told_the_pbxs_port_and_a_person_both() -> None:
    listed = openings(paper(ONE, {"hq": pbx("192.168.1.20", forwards=FORWARDS[:2])}))
    through = [one for one in listed if one.way is Way.THROUGH]
    # The port list's own format: entry -> port of the PBX.
    assert [row[1] for row in rows(through)] == ["4569/udp", "20149 -> 22/tcp"]
    assert [one.addresses for one in through] == [(ip_address("192.168.1.20"),)] * 2
    assert "tcp dport 22 counter accept" in "\n".join(rules(listed, DEBIAN[1]))
    assert not any("dport 22 " in rule for rule in rules(listed, DEBIAN[0]))
    assert "20149 -> 22/tcp  port forward, PBX hq" in letter("edge.example.com", through)


def test_what_is_gone_stays_closed_and_counters_go_on() -> None:
    (iax,) = forwards_of(paper(ONE, {"hq": pbx("192.168.1.20", forwards=FORWARDS[:1])}).config, ONE)
    both = frozenset(f"{iax.key}-{what}" for what in ("connections", "packets"))
    text = script((), Found(both), ())
    assert "meta l4proto udp ct status dnat ct original proto-dst 4569 counter drop" in text
    again = script((iax,), Found(both), {4})
    assert "add counter" not in again
    assert again.rstrip().endswith("meta nfproto ipv4 counter drop")


def test_counters_are_read_back() -> None:
    listed: list[dict[str, Any]] = [{"counter": {"name": "udp-1-1-v4-hq-2-connections", "packets": 3, "bytes": 9}},
              {"counter": {"name": "udp-1-1-v4-hq-2-packets", "packets": 5, "bytes": 700}}, {"chain": {}}]  # fmt: skip
    assert counts(listed) == {"udp-1-1-v4-hq-2": Count(3, 5, 700)}
