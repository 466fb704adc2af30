"""Scalar values: what is accepted, how it is normalised, and what is refused in which words."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.config import scalars
from voxgate.config.scalars import PortRange, ScalarError

GOOD = {
    "host name in capitals": (scalars.parse_hostname, "Proxy.Example.COM", "proxy.example.com"),
    "host name with final dot": (scalars.parse_hostname, "proxy.example.com.", "proxy.example.com"),
    "host name in Unicode": (scalars.parse_hostname, "büro.example", "xn--bro-hoa.example"),
    "SIP domain of one label": (scalars.parse_service_name, "asterisk", "asterisk"),
    "gatekeeper ID": (scalars.parse_service_name, "Example.com/HQ", "example.com/HQ"),
    "PBX name": (scalars.parse_pbx_name, "branch-2", "branch-2"),
    "IPv4 address": (scalars.parse_address, "172.16.0.10", ip_address("172.16.0.10")),
    "IPv6 address": (scalars.parse_address, "2001:DB8::10", ip_address("2001:db8::10")),
    "network": (scalars.parse_network, "10.8.0.0/24", ip_network("10.8.0.0/24")),
    "network of one": (scalars.parse_network, "10.8.0.1", ip_network("10.8.0.1/32")),
    "ports": (scalars.parse_ports, "10000 - 20000", PortRange(10000, 20000)),
    "four ports": (scalars.parse_ports, "10000-10003", PortRange(10000, 10003)),
    "interface": (scalars.parse_interface, "enp3s0.20", "enp3s0.20"),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_value_is_normalised(case: str) -> None:
    parse, text, value = GOOD[case]
    assert parse(text) == value


BAD = {
    "host name without domain": (scalars.parse_hostname, "proxy", "has no domain"),
    "host name with underscore": (scalars.parse_hostname, "my_pbx.example.com", "not a host name"),
    "host name with an empty label": (scalars.parse_hostname, "a..b", "not a host name"),
    "host name with an empty Unicode label": (scalars.parse_hostname, "ü..b", "not a host name"),
    "host name that is too long": (scalars.parse_hostname, ".".join(["a" * 60] * 5), "too long"),
    "label that is too long": (scalars.parse_hostname, "a" * 64 + ".com", "not a host name"),
    "host name that is an address": (scalars.parse_hostname, "203.0.113.5", "is an address"),
    "host name in brackets": (scalars.parse_service_name, "[2001:db8::1]", "is an address"),
    "host name that is a number": (scalars.parse_hostname, 5060, "host name is needed"),
    "location with a space": (scalars.parse_service_name, "example.com/a b", "not a location"),
    "PBX name with a dot": (scalars.parse_pbx_name, "hq.example.com", "short name"),
    "PBX name with a line feed": (scalars.parse_pbx_name, "hq\n", "short name"),
    "address that is a network": (scalars.parse_address, "10.0.0.0/8", "is a network"),
    "address with port": (scalars.parse_address, "[2001:db8::1]:5060", "has a port"),
    "link-local address": (scalars.parse_address, "fe80::1", "link-local"),
    "address with a zone": (scalars.parse_address, "fe80::1%eth0", "link-local"),
    "IPv4 in IPv6": (scalars.parse_address, "::ffff:10.0.0.1", "IPv4 address in IPv6 form"),
    "no one's address": (scalars.parse_address, "0.0.0.0", "not the address of one machine"),
    "multicast address": (scalars.parse_address, "224.0.1.75", "not the address of one machine"),
    "address that is a number": (scalars.parse_address, 10.8, "IP address is needed"),
    "network with host bits": (scalars.parse_network, "10.8.0.1/24", "inside a network"),
    "ports backwards": (scalars.parse_ports, "20000-10000", "backwards"),
    "three ports": (scalars.parse_ports, "10000-10002", "room for no call"),
    "ports too high": (scalars.parse_ports, "60000-70000", "leaves the usable ports"),
    "one port": (scalars.parse_ports, 10000, "a range of ports"),
    "ports in other digits": (scalars.parse_ports, "\u0661000-\u0662000", "a range of ports"),
    "relative path": (scalars.parse_path, "tls/key.pem", "absolute"),
    "path with a null byte": (scalars.parse_path, "/etc/\0", "absolute"),
    "interface name that is too long": (scalars.parse_interface, "a" * 16, "network interface"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_value_is_refused_in_words_with_advice(case: str) -> None:
    parse, text, words = BAD[case]
    with pytest.raises(ScalarError) as caught:
        parse(text)
    assert words in caught.value.message
    assert caught.value.advice


@given(first=st.integers(1024, 65532), extra=st.integers(3, 60000))
def test_a_port_range_survives_being_written_and_read(first: int, extra: int) -> None:
    ports = PortRange(first, min(first + extra, 65535))
    assert scalars.parse_ports(str(ports)) == ports
    assert ports.first in ports
    assert ports.last + 1 not in ports


@given(st.text())
def test_no_text_makes_a_parser_fail_otherwise(text: str) -> None:
    for parse in (
        scalars.parse_hostname,
        scalars.parse_service_name,
        scalars.parse_pbx_name,
        scalars.parse_address,
        scalars.parse_network,
        scalars.parse_ports,
        scalars.parse_path,
        scalars.parse_interface,
    ):
        try:
            once = parse(text)
        except ScalarError:
            continue
        assert parse(str(once)) == once
