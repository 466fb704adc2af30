"""Codec for the kernel's tables of links, addresses and routes (rtnetlink(7), linux/rtnetlink.h). Pure.

A datagram holds messages: length, type, flags, sequence, port id, then a fixed body, then attributes (length,
type, value), all in the machine's byte order and padded to four bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import (
    IPv4Interface,
    IPv4Network,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_U32 = struct.Struct("=I")
_LINK = struct.Struct("=BxHiII")  # family, device type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, dst length, src length, tos, table, protocol, scope, type, flags

_ERROR, _DONE = 2, 3
_NEW_LINK, _GET_LINK = 16, 18
_NEW_ADDRESS, _GET_ADDRESS = 20, 22
_NEW_ROUTE, _GET_ROUTE = 24, 26
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP

_IFLA_IFNAME = 3
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_RTA_DST, _RTA_OIF, _RTA_PRIORITY, _RTA_MULTIPATH, _RTA_TABLE = 1, 4, 6, 9, 15
_NEXT_HOP = struct.Struct("=HBBi")  # length, flags, hops, index
_MAIN_TABLE, _UNICAST = 254, 1
_CLONED = 0x200  # RTM_F_CLONED: a cache entry, not a route
_FAMILY_LENGTH = {2: 4, 10: 16}  # AF_INET, AF_INET6: bytes of an address
# IFA_F_TEMPORARY | OPTIMISTIC | DADFAILED | DEPRECATED | TENTATIVE, of IPv6
_UNSTABLE = 0x01 | 0x04 | 0x08 | 0x20 | 0x40

LINK_DUMP = _HEADER.pack(_HEADER.size + _LINK.size, _GET_LINK, _REQUEST_DUMP, 1, 0) + bytes(_LINK.size)
ADDRESS_DUMP = _HEADER.pack(_HEADER.size + _ADDRESS.size, _GET_ADDRESS, _REQUEST_DUMP, 1, 0) + bytes(_ADDRESS.size)
ROUTE_DUMP = _HEADER.pack(_HEADER.size + _ROUTE.size, _GET_ROUTE, _REQUEST_DUMP, 1, 0) + bytes(_ROUTE.size)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """An interface's number and name."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class AddressRow:
    """An address of the interface `index`; see `facts.InterfaceAddress` for `stable`."""

    index: int
    ip: IPv4Interface | IPv6Interface
    stable: bool


@dataclass(frozen=True, slots=True)
class RouteRow:
    """A unicast route of the main table through the interface `index`; the lowest `metric` is used."""

    index: int
    network: IPv4Network | IPv6Network
    metric: int


def is_last(datagram: bytes) -> bool:
    """Whether the dump ends in this datagram. Raises `ValueError` when the kernel refused it."""
    return any(kind == _DONE for kind, _ in _messages(datagram))


def links(datagrams: Iterable[bytes]) -> tuple[LinkRow, ...]:
    """Rows of an answer to `LINK_DUMP`. Raises `ValueError` for what is cut short."""
    rows: list[LinkRow] = []
    for body in _bodies(datagrams, _NEW_LINK, _LINK.size):
        index = _LINK.unpack_from(body)[2]
        name = _attributes(body, _LINK.size).get(_IFLA_IFNAME, b"").rstrip(b"\0")
        rows.append(LinkRow(index, name.decode("utf-8", "replace")))
    return tuple(rows)


def addresses(datagrams: Iterable[bytes]) -> tuple[AddressRow, ...]:
    """Rows of an answer to `ADDRESS_DUMP`. Raises `ValueError` for what is cut short."""
    rows: list[AddressRow] = []
    for body in _bodies(datagrams, _NEW_ADDRESS, _ADDRESS.size):
        family, prefix, flags, _, index = _ADDRESS.unpack_from(body)
        attributes = _attributes(body, _ADDRESS.size)
        # IFA_ADDRESS is the peer's address on a point-to-point link, and IFA_LOCAL is ours
        raw = attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS, b""))
        if len(raw) != _FAMILY_LENGTH.get(family):
            continue
        if len(attributes.get(_IFA_FLAGS, b"")) == _U32.size:
            (flags,) = _U32.unpack(attributes[_IFA_FLAGS])
        stable = family == 2 or not flags & _UNSTABLE
        rows.append(AddressRow(index, ip_interface((raw, prefix)), stable))
    return tuple(rows)


def routes(datagrams: Iterable[bytes]) -> tuple[RouteRow, ...]:
    """Rows of an answer to `ROUTE_DUMP`: unicast, main table. Raises `ValueError` for what is cut short."""
    rows: list[RouteRow] = []
    for body in _bodies(datagrams, _NEW_ROUTE, _ROUTE.size):
        family, length, _, _, table, _, _, kind, flags = _ROUTE.unpack_from(body)
        attributes = _attributes(body, _ROUTE.size)
        size = _FAMILY_LENGTH.get(family)
        if size is None or kind != _UNICAST or flags & _CLONED:
            continue
        if _number(attributes, _RTA_TABLE, table) != _MAIN_TABLE:
            continue
        network = ip_network((ip_address(attributes.get(_RTA_DST, bytes(size))), length), strict=False)
        metric = _number(attributes, _RTA_PRIORITY, 0)
        rows += (RouteRow(index, network, metric) for index in _interfaces(attributes))
    return tuple(rows)


def _interfaces(attributes: dict[int, bytes]) -> Iterator[int]:
    """The interfaces of a route: one, or those of its next hops."""
    if _RTA_OIF in attributes:
        yield _number(attributes, _RTA_OIF, 0)
    hops = attributes.get(_RTA_MULTIPATH, b"")
    while len(hops) >= _NEXT_HOP.size:
        length, _, _, index = _NEXT_HOP.unpack_from(hops)
        yield index
        hops = hops[max(length, _NEXT_HOP.size) :]


def _number(attributes: dict[int, bytes], kind: int, default: int) -> int:
    value = attributes.get(kind, b"")
    return int(_U32.unpack(value)[0]) if len(value) == _U32.size else default


def _bodies(datagrams: Iterable[bytes], wanted: int, size: int) -> Iterator[bytes]:
    for datagram in datagrams:
        for kind, body in _messages(datagram):
            if kind != wanted:
                continue
            if len(body) < size:
                raise ValueError("netlink message is cut short")
            yield body


def _messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(datagram):
        if len(datagram) - at < _HEADER.size:
            raise ValueError("netlink header is cut short")
        length, kind, _, _, _ = _HEADER.unpack_from(datagram, at)
        if length < _HEADER.size or at + length > len(datagram):
            raise ValueError("netlink message is cut short")
        if kind == _ERROR:
            raise ValueError("netlink request refused")
        yield kind, datagram[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _attributes(body: bytes, at: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size or at + length > len(body):
            raise ValueError("netlink attribute is cut short")
        found[kind & 0x3FFF] = body[at + _ATTRIBUTE.size : at + length]  # the upper bits are flags
        at += (length + 3) & ~3
    return found
