"""Facts about this machine: the kernel's tables as values."""

from __future__ import annotations

import os
import struct
from ipaddress import ip_address, ip_interface, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.host import netlink
from voxgate.host.facts import InterfaceAddress, assemble, read_facts
from voxgate.host.netlink import AddressRow, LinkRow, RouteRow

DONE = struct.pack("=IHHII", 20, 3, 2, 1, 0) + bytes(4)


def message(kind: int, body: bytes, *attributes: tuple[int, bytes]) -> bytes:
    for number, value in attributes:
        body += struct.pack("=HH", 4 + len(value), number) + value
        body += bytes(-len(body) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body


def u32(value: int) -> bytes:
    return struct.pack("=I", value)


def address_body(family: int, prefix: int, flags: int, index: int) -> bytes:
    return struct.pack("=BBBBI", family, prefix, flags, 0, index)


def route_body(family: int, length: int, *, table: int = 254, kind: int = 1, flags: int = 0) -> bytes:
    return struct.pack("=BBBBBBBBI", family, length, 0, 0, table, 2, 0, kind, flags)


def packed(text: str) -> bytes:
    return ip_address(text).packed


LINK = message(16, struct.pack("=BxHiII", 0, 1, 4, 0, 0), (3, b"eth0\0"))


def test_a_link_has_number_and_name() -> None:
    assert netlink.links([LINK + DONE]) == (LinkRow(4, "eth0"),)


ADDRESSES = {
    "IPv4": (
        message(20, address_body(2, 24, 0x80, 4), (1, packed("192.0.2.2")), (2, packed("192.0.2.2"))),
        [AddressRow(4, ip_interface("192.0.2.2/24"), stable=True)],
    ),
    "secondary IPv4, which is no worse": (
        message(20, address_body(2, 24, 0x81, 4), (2, packed("192.0.2.3"))),
        [AddressRow(4, ip_interface("192.0.2.3/24"), stable=True)],
    ),
    "point to point: ours, not the peer's": (
        message(20, address_body(2, 32, 0x80, 4), (1, packed("10.0.0.1")), (2, packed("10.0.0.2"))),
        [AddressRow(4, ip_interface("10.0.0.2/32"), stable=True)],
    ),
    "IPv6": (
        message(20, address_body(10, 64, 0x80, 4), (1, packed("2001:db8::2")), (8, u32(0x80))),
        [AddressRow(4, ip_interface("2001:db8::2/64"), stable=True)],
    ),
    "temporary IPv6": (
        message(20, address_body(10, 64, 0x01, 4), (1, packed("2001:db8::2")), (8, u32(0x101))),
        [AddressRow(4, ip_interface("2001:db8::2/64"), stable=False)],
    ),
    "deprecated IPv6, told by the long flags only": (
        message(20, address_body(10, 64, 0, 4), (1, packed("2001:db8::2")), (8, u32(0x20))),
        [AddressRow(4, ip_interface("2001:db8::2/64"), stable=False)],
    ),
    "another family": (message(20, address_body(17, 64, 0, 4), (1, b"abcdef")), []),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_is_read(name: str) -> None:
    datagram, rows = ADDRESSES[name]
    assert list(netlink.addresses([datagram, DONE])) == rows


HOPS = struct.pack("=HBBi", 8, 0, 0, 4) + struct.pack("=HBBi", 8, 0, 0, 5)
ROUTES = {
    "default": (message(24, route_body(2, 0), (4, u32(4))), [RouteRow(4, ip_network("0.0.0.0/0"), 0)]),
    "network": (
        message(24, route_body(2, 24), (1, packed("10.8.0.0")), (4, u32(4)), (6, u32(100)), (15, u32(254))),
        [RouteRow(4, ip_network("10.8.0.0/24"), 100)],
    ),
    "two next hops": (
        message(24, route_body(2, 0), (9, HOPS)),
        [RouteRow(4, ip_network("0.0.0.0/0"), 0), RouteRow(5, ip_network("0.0.0.0/0"), 0)],
    ),
    "IPv6": (
        message(24, route_body(10, 64), (1, packed("fd00::")), (4, u32(4)), (6, u32(256))),
        [RouteRow(4, ip_network("fd00::/64"), 256)],
    ),
    "local table": (message(24, route_body(2, 32, table=255), (1, packed("10.8.0.1")), (4, u32(4))), []),
    "table above 255": (message(24, route_body(2, 0, table=252), (4, u32(4)), (15, u32(1000))), []),
    "blackhole": (message(24, route_body(2, 8, kind=6), (1, packed("10.0.0.0")), (4, u32(4))), []),
    "cache entry": (message(24, route_body(10, 128, flags=0x200), (1, packed("fd00::1")), (4, u32(4))), []),
}


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_of_the_main_table_is_read_and_no_other(name: str) -> None:
    datagram, rows = ROUTES[name]
    assert list(netlink.routes([datagram, DONE])) == rows


def test_every_message_cut_short_is_refused_or_left_out() -> None:
    for read, datagram in (
        (netlink.links, LINK),
        (netlink.addresses, ADDRESSES["IPv6"][0]),
        (netlink.routes, ROUTES["two next hops"][0]),
    ):
        for length in range(1, len(datagram)):
            with pytest.raises(ValueError, match="cut short"):
                read([datagram[:length]])


@given(st.binary(max_size=200))
def test_no_bytes_lead_to_anything_but_a_refusal(datagram: bytes) -> None:
    for read in (netlink.links, netlink.addresses, netlink.routes, lambda given: netlink.is_last(given[0])):
        try:
            read([datagram])
        except ValueError as error:
            assert "netlink" in str(error)  # noqa: PT017  most bytes are refused, some are not


def test_a_refusal_of_the_kernel_is_an_error() -> None:
    with pytest.raises(ValueError, match="refused"):
        netlink.is_last(message(2, u32(0xFFFFFFFF)))


def test_routes_belong_to_their_interface_without_default_and_connected_ones() -> None:
    facts = assemble(
        [LinkRow(1, "lo"), LinkRow(4, "eth0"), LinkRow(5, "eth1")],
        [AddressRow(4, ip_interface("192.0.2.2/24"), stable=True)],
        [
            RouteRow(5, ip_network("0.0.0.0/0"), 200),
            RouteRow(4, ip_network("0.0.0.0/0"), 100),
            RouteRow(4, ip_network("192.0.2.0/24"), 0),
            RouteRow(4, ip_network("fe80::/64"), 256),
            RouteRow(5, ip_network("10.8.0.0/24"), 0),
            RouteRow(9, ip_network("10.9.0.0/24"), 0),
        ],
        2,
    )
    assert (facts.default_ipv4, facts.default_ipv6, facts.cpu_count) == ("eth0", None, 2)
    eth0, eth1 = facts.interface("eth0"), facts.interface("eth1")
    assert eth0 is not None
    assert eth1 is not None
    assert eth0.addresses == (InterfaceAddress(ip_interface("192.0.2.2/24")),)
    assert (eth0.routes, eth1.routes) == ((), (ip_network("10.8.0.0/24"),))
    assert facts.interface("eth9") is None


def test_this_machine_has_a_loopback_interface() -> None:
    facts = read_facts()
    lo = facts.interface("lo")
    assert lo is not None
    assert ip_interface("127.0.0.1/8") in [one.ip for one in lo.addresses]
    assert facts.cpu_count == len(os.sched_getaffinity(0))
