from __future__ import annotations

from collections import Counter
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from voxgate.router.client import Client, client_of
from voxgate.router.rules import Node, Rules, Service, Target, dumps, loads
from voxgate.wire.proxy_v2 import End, Header, Tls

EDGE = End(ip_address("203.0.113.45"), 636)
PHONE = End(ip_address("198.51.100.7"), 50000)
NODE = Node(ip_address("172.16.0.90"))
HQ = Service("hq", (NODE,), plain=389, tls=636)


def client(*, tls: bool = False, address: str = "198.51.100.7") -> Client:
    return Client(End(ip_address(address), 50000), EDGE, tls=tls)


@pytest.mark.parametrize(
    ("plain", "secure", "came_by_tls", "port"),
    [
        (389, 636, True, 636),
        (389, 636, False, 389),
        (389, None, True, 389),
        (389, None, False, 389),
        (None, 636, True, 636),
        (None, 636, False, 636),
    ],
)
def test_with_both_ports_encryption_is_kept_with_one_that_one_is_used(
    plain: int | None, secure: int | None, came_by_tls: bool, port: int
) -> None:
    targets = replace(HQ, plain=plain, tls=secure).targets(client(tls=came_by_tls))
    assert targets == (Target("hq", NODE.address, port, tls=port == 636),)


@pytest.mark.parametrize(("certified", "port"), [(True, 636), (False, 389)])
def test_where_certificates_are_checked_only_the_certified_stay_encrypted(certified: bool, port: int) -> None:
    service = replace(HQ, check_certificate=True)
    assert [target.port for target in service.targets(client(tls=True), certified=certified)] == [port]


def test_a_certificate_does_not_make_a_plain_connection_an_encrypted_one() -> None:
    assert not HQ.targets(client(), certified=True)[0].tls


def test_the_servers_certificate_is_checked_only_where_there_is_one() -> None:
    service = replace(HQ, verify="ldap.office.example")
    assert service.targets(client(tls=True))[0].verify == "ldap.office.example"
    assert service.targets(client())[0].verify == ""


def test_a_target_is_written_with_brackets_where_a_port_follows() -> None:
    shown = [Target("hq", ip_address(one), 389) for one in ("172.16.0.90", "2001:db8::90")]
    assert [(target.host, target.node) for target in shown] == [
        ("172.16.0.90", "172.16.0.90:389"),
        ("2001:db8::90", "[2001:db8::90]:389"),
    ]


def test_the_networks_that_may_are_those_listed_or_all() -> None:
    service = replace(HQ, allow_from=(ip_network("198.51.100.0/24"), ip_network("2001:db8::/32")))
    assert service.allows(ip_address("198.51.100.7"))
    assert service.allows(ip_address("2001:db8::7"))
    assert not service.allows(ip_address("192.0.2.1"))
    assert HQ.allows(ip_address("192.0.2.1"))


def test_the_lowest_priority_is_first_and_equals_share_by_weight_each_requester_on_one_node() -> None:
    nodes = (
        Node(ip_address("172.16.0.12"), priority=2),
        Node(ip_address("172.16.0.10"), weight=75),
        Node(ip_address("172.16.0.11"), weight=25),
        Node(ip_address("172.16.0.13"), weight=0),
    )
    service = replace(HQ, nodes=nodes)
    firsts: Counter[str] = Counter()
    for number in range(2000):
        address = str(ip_address("10.0.0.0") + number)
        order = service.targets(client(address=address))
        assert order == service.targets(client(address=address, tls=False))
        assert [str(target.address) for target in order][2:] == ["172.16.0.13", "172.16.0.12"]
        firsts[str(order[0].address)] += 1
    assert firsts["172.16.0.10"] == pytest.approx(1500, abs=100)


def test_a_name_is_found_in_any_case_and_only_for_its_protocol() -> None:
    rules = Rules({"ldap": {"example.com": HQ}})
    assert rules.find("ldap", "EXAMPLE.com") is HQ
    assert rules.find("h323", "example.com") is None
    assert rules.find("ldap", "") is None
    assert rules.find("ldap", "x" * 1000) is None


def test_the_document_holds_all_of_the_rules_and_each_service_once() -> None:
    service = Service(
        "hq",
        (NODE, Node(ip_address("2001:db8::90"), priority=2, weight=7)),
        tls=636,
        allow_from=(ip_network("198.51.100.0/24"),),
        check_certificate=True,
        verify="ldap.office.example",
    )
    rules = Rules({"ldap": {"example.com": service, "hq.example.com": service}, "h323": {"example.com": HQ}})
    assert loads(dumps(rules)) == rules
    assert dumps(rules).count("ldap.office.example") == 1


@pytest.mark.parametrize("text", ["", "[]", "7", '{"ldap": 1}', '{"ldap": [{}]}', '{"ldap": [{"names": ["a"]}]}'])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no rules"):
        loads(text)


def test_a_client_is_who_the_header_says_and_certified_only_by_a_trusted_certificate() -> None:
    tls = Tls("TLSv1.3", certificate=True, verify=0, common_name="phone")
    assert client_of(Header(PHONE, EDGE, tls, authority="hq.example.com")) == Client(
        PHONE, EDGE, tls=True, certificate_name="phone", server_name="hq.example.com"
    )
    untrusted = client_of(Header(PHONE, EDGE, tls._replace(verify=18)))
    assert untrusted == Client(PHONE, EDGE, tls=True)
    assert client_of(Header(PHONE, EDGE)) == Client(PHONE, EDGE)
    assert client_of(Header()) is None
