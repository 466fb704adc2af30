"""Which records an edge's names should have, and how they are written."""

from __future__ import annotations

import pytest

from tests.unit.engines.networks import ONE, TWO, config, pbx
from voxgate.names import formats
from voxgate.names.comparing import Answered, Grade, asked, compare
from voxgate.names.planning import records, within
from voxgate.names.record import Record, View, Weight

BRANCH = {"branch": pbx("192.168.1.30", name="branch.example.net", h323={"plain": 1720}, http={
    "plain": 80, "names": ["web.branch.example.net"], "allow_urls": "@everything"})}  # fmt: skip


def lines(view: View = View.PUBLIC, kind: str = "", **sections: object) -> set[str]:
    made = config({"hq": pbx("192.168.1.20"), **BRANCH}, **sections)
    return {f"{one.name} {one.kind} {one.data}" for one in records(made, ONE, view) if kind in {"", one.kind}}


def test_each_view_has_the_addresses_of_its_side() -> None:
    edge = [line for line in lines() if line.startswith("edge.example.com A")]
    assert sorted(edge) == ["edge.example.com A 203.0.113.45", "edge.example.com AAAA 2001:db8:1::10"]
    assert "edge.example.com A 192.168.1.10" in lines(View.INSIDE)
    made = config({"hq": pbx("172.16.0.10")})
    assert {one.data for one in records(made, TWO, View.INSIDE) if one.kind == "A"} == {"172.16.0.1"}


def test_every_name_that_a_client_asks_for_has_an_address() -> None:
    names = {line.split()[0] for line in lines(kind="A")}
    assert names == {"edge.example.com", "example.com", "branch.example.net", "web.branch.example.net"}


def test_the_address_of_somebodys_web_site_is_not_taken() -> None:
    found = records(config({"hq": pbx("192.168.1.20")}), ONE, View.PUBLIC)
    assert {one.weight for one in found if (one.name, one.kind) == ("example.com", "A")} == {Weight.OPTIONAL}
    assert "; example.com. IN A 203.0.113.45" in formats.zone(found)
    assert " example.com" not in formats.hosts(found)
    assert "host-record=example.com" not in formats.dnsmasq(found)


def test_srv_and_naptr_follow_what_is_served() -> None:
    assert lines(kind="SRV", listen={"sip": {"tls": 5071}}) == {
        f"_sips._tcp.{domain} SRV 10 10 5071 edge.example.com." for domain in ("example.com", "branch.example.net")
    }
    assert {line for line in lines(kind="NAPTR") if line.startswith("branch")} == {
        'branch.example.net NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.branch.example.net.',
        'branch.example.net NAPTR 20 10 "s" "SIP+D2T" "" _sip._tcp.branch.example.net.',
        'branch.example.net NAPTR 30 10 "s" "SIP+D2U" "" _sip._udp.branch.example.net.',
    }


def test_further_services_have_their_own() -> None:
    more = lines(kind="SRV", turn={"tls_port": 5349}, listen={"sip": {"udp": 5060}, "h323": {"plain": 1720}})
    assert {"_stun._udp.edge.example.com SRV 10 10 3478 edge.example.com.",
            "_stuns._tcp.example.com SRV 10 10 5349 edge.example.com.",
            "_h323cs._tcp.branch.example.net SRV 10 10 1720 edge.example.com."} <= more  # fmt: skip
    # Nobody can relay without credentials.
    assert not any("_turn" in line for line in more)


def test_a_zone_holds_what_is_below_it_alone() -> None:
    found = records(config({"hq": pbx("192.168.1.20"), **BRANCH}), ONE, View.PUBLIC)
    assert {one.name for one in within(found, "branch.example.net")} == {
        *("branch.example.net", "web.branch.example.net"),
        *(f"{prefix}.branch.example.net" for prefix in ("_sips._tcp", "_sip._tcp", "_sip._udp")),
    }


RIGHT = Record("edge.example.com", "A", "203.0.113.45", "the edge itself")


@pytest.mark.parametrize(
    ("planned", "answered", "grades"),
    [
        (RIGHT, {"203.0.113.45"}, []),
        (RIGHT, set(), [Grade.ERROR]),
        (RIGHT, {"203.0.113.45", "192.0.2.1"}, [Grade.ERROR]),
        (Record("e.com", "A", "203.0.113.45", "", Weight.OPTIONAL), {"192.0.2.1"}, [Grade.NOTE]),
        (Record("_sip._udp.e.com", "SRV", "10 10 5060 e.com.", "", Weight.USEFUL), {"10 10 5060 e.com"}, []),
        (Record("_sip._udp.e.com", "SRV", "10 10 5060 e.com.", "", Weight.USEFUL), set(), [Grade.WARNING]),
        (Record("e.com", "NAPTR", '10 10 "s" "SIP+D2U" "" _sip._udp.e.com.', "", Weight.OPTIONAL),
         {"10 10 s sip+d2u  _sip._udp.e.com"}, []),
    ],
)  # fmt: skip
def test_an_answer_is_judged_by_what_it_costs(planned: Record, answered: set[str], grades: list[Grade]) -> None:
    found = compare([planned], {(planned.name, planned.kind): Answered(frozenset(answered))})
    assert [one.grade for one in found] == grades


def test_an_address_of_a_version_that_the_edge_has_not_is_an_error() -> None:
    assert ("edge.example.com", "AAAA") in asked([RIGHT])
    answers = {("edge.example.com", "A"): Answered(frozenset({"203.0.113.45"})),
               ("edge.example.com", "AAAA"): Answered(frozenset({"2001:db8::9"}))}  # fmt: skip
    (found,) = compare([RIGHT], answers)
    assert (found.grade, found.cure) == (Grade.ERROR, "remove edge.example.com. AAAA 2001:db8::9")


def test_a_dead_name_server_is_told_as_such() -> None:
    (found,) = compare([RIGHT], {(RIGHT.name, RIGHT.kind): Answered(silent="no DNS server answered in time")})
    assert (found.grade, "no DNS server answered in time" in found.what) == (Grade.ERROR, True)
