"""Who may go where, as a table: phones by domain, PBXs by where they come from."""

from __future__ import annotations

import pytest

from tests.unit.voxgate_sip.offices import (
    EDGE,
    INSIDE,
    OFFICE,
    PHONE,
    PHONE6,
    PUBLIC,
    PUBLIC6,
    SHOP,
    VAULT,
    from_pbx,
    from_phone,
    policy,
)
from voxgate_sip.policy import SideView
from voxgate_sip.route import SIDE_CACHE_SIZE, Answer, Decision, ForbiddenError, Ignore, Request, Router, ToPbx, ToPhone

TO_OFFICE, TO_OFFICE_TLS = ToPbx(OFFICE, OFFICE.plain), ToPbx(OFFICE, OFFICE.secure)
SILENCE, UNKNOWN, NOT_SERVED = Ignore(""), Ignore("unknown-domain"), Ignore("transport-not-served")
PHONES = {
    "domain-in-request-uri": (from_phone(), TO_OFFICE),
    "domain-of-from-does-not-count-then": (from_phone(from_host="shop.example"), TO_OFFICE),
    "edge-name-then-from": (from_phone(ruri_host=EDGE), TO_OFFICE),
    "edge-address-then-from": (from_phone(ruri_host=PUBLIC, from_host="shop.example"), ToPbx(SHOP, SHOP.plain)),
    "edge-ipv6-address-then-from": (from_phone(ruri_host=PUBLIC6), TO_OFFICE),
    "edge-name-in-both": (from_phone(ruri_host=EDGE, from_host=EDGE), UNKNOWN),
    "unknown-domain": (from_phone(ruri_host="other.example"), UNKNOWN),
    "no-domain": (from_phone(ruri_host="", from_host=""), UNKNOWN),
    "address-of-a-pbx-that-is-a-domain": (from_phone(ruri_host="10.0.0.1"), TO_OFFICE),
    "address-of-a-pbx-that-is-none": (from_phone(ruri_host="10.0.0.2"), UNKNOWN),
    "register": (from_phone(method="REGISTER", ruri_user=""), TO_OFFICE),
    "options-to-the-edge-name": (from_phone(method="OPTIONS", ruri_host=EDGE), Answer(200, "OK")),
    "options-to-the-edge-address": (from_phone(method="OPTIONS", ruri_host=PUBLIC, from_host=PUBLIC), UNKNOWN),
    "options-to-a-pbx-domain": (from_phone(method="OPTIONS"), TO_OFFICE),
    "ack-without-dialog": (from_phone(method="ACK"), SILENCE),
    "tcp-is-not-served": (from_phone(proto="tcp"), NOT_SERVED),
    "ack-by-a-transport-not-served": (from_phone(proto="tcp", method="ACK"), NOT_SERVED),
    "tls-stays-tls": (from_phone(proto="tls"), TO_OFFICE_TLS),
    "tls-to-a-pbx-without": (from_phone(proto="tls", ruri_host="shop.example"), ToPbx(SHOP, SHOP.plain)),
    "udp-to-a-pbx-with-tls-only": (from_phone(ruri_host="vault.example.com"), ToPbx(VAULT, VAULT.secure)),
    "ipv6-phone": (from_phone(source=PHONE6, received_on=PUBLIC6), TO_OFFICE),
}
PBXS = {
    "to-a-phone": (from_pbx(), ToPhone()),
    "over-tcp-for-large-requests": (from_pbx(proto="tcp"), ToPhone()),
    "over-tls": (from_pbx(proto="tls"), ToPhone()),
    "to-a-pbx-domain": (from_pbx(ruri_host="shop.example"), ToPbx(SHOP, SHOP.plain)),
    "to-a-pbx-domain-over-tls": (from_pbx(ruri_host="pbx.example.com", proto="tls"), TO_OFFICE_TLS),
    "options-to-the-edge": (from_pbx(method="OPTIONS", ruri_host=INSIDE, ruri_user=""), Answer(200, "OK")),
    "options-to-a-phone-at-the-edge": (from_pbx(method="OPTIONS", ruri_host=INSIDE), ToPhone()),
    "ack-without-dialog": (from_pbx(method="ACK"), SILENCE),
    "outside-behind-the-shared-socket": (from_pbx(source="198.51.100.7"), ToPhone()),
    "wrong-transport-is-a-phone": (from_pbx(source="198.51.100.7", proto="tls"), UNKNOWN),
    "wrong-socket-is-a-phone": (from_pbx(received_on=PUBLIC), UNKNOWN),
    "neighbour-is-a-phone": (from_pbx(source="10.0.0.3"), UNKNOWN),
    "ipv6": (from_pbx(source="fd00::7", proto="tcp", received_on="fd00::5"), ToPhone()),
    "ipv6-on-the-outside-socket": (from_pbx(source="fd00::7", proto="tcp", received_on=PUBLIC6), NOT_SERVED),
}


@pytest.mark.parametrize(("request_", "decision"), PHONES.values(), ids=PHONES)
def test_a_phone_reaches_the_pbx_that_owns_the_domain_and_nothing_else(request_: Request, decision: Decision) -> None:
    assert Router(policy()).decide(request_) == decision


@pytest.mark.parametrize(("request_", "decision"), PBXS.values(), ids=PBXS)
def test_a_pbx_is_known_by_address_transport_and_socket(request_: Request, decision: Decision) -> None:
    assert Router(policy()).decide(request_) == decision


def test_a_pbx_on_a_side_that_the_edge_lost_is_a_phone() -> None:
    sides = {"o4": SideView(PUBLIC, INSIDE, {"udp": 5060})}
    assert Router(policy(sides=sides)).decide(from_pbx()) == UNKNOWN


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_pbx_that_bears_the_edges_own_name_is_asked_for_it(method: str) -> None:
    router = Router(policy(domains={EDGE: "office"}))
    asked = from_phone(method=method, ruri_host=EDGE, from_host="elsewhere.example")
    assert router.decide(asked) == ToPbx(OFFICE, OFFICE.plain)


@pytest.mark.parametrize(
    ("address", "side"),
    [(PHONE, "o4"), ("10.255.255.255", "i4"), ("11.0.0.0", "o4"), (PHONE6, "o6"), ("fd00::1", "i6"), ("::1", "o6")],
)
def test_the_side_is_inside_where_a_local_network_holds_the_address(address: str, side: str) -> None:
    router = Router(policy())
    assert (router.side_of(address), router.side_of(address)) == (side, side)


@pytest.mark.parametrize("text", ["", "edge.example.com", "[::1]", "10.0.0.1:5060", "010.0.0.1"])
def test_what_is_no_address_has_no_side(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        Router(policy()).side_of(text)


def test_the_memory_of_sides_is_bounded_and_stays_right() -> None:
    router = Router(policy())
    for number in range(SIDE_CACHE_SIZE + 10):
        assert router.side_of(f"10.1.{number >> 8}.{number & 255}") == "i4"
        assert len(router._sides) <= SIDE_CACHE_SIZE
    assert router.side_of(PHONE) == "o4"


HOPS = {
    "pbx-for-a-phone": (False, "10.0.0.1", 5060, "i4"),
    "pbx-outside-for-a-phone": (False, "198.51.100.7", 5060, "o4"),
    "phone-for-a-pbx": (True, PHONE, 1234, "o4"),
    "ipv6-phone-for-a-pbx": (True, PHONE6, 5060, "o6"),
    "another-port-of-a-pbx-for-a-pbx": (True, "10.0.0.1", 5080, "i4"),
}
FORBIDDEN = {
    "phone-for-a-phone": (False, PHONE, 5060, "next-hop-is-no-pbx"),
    "another-port-of-a-pbx-for-a-phone": (False, "10.0.0.1", 22, "next-hop-is-no-pbx"),
    "name-for-a-phone": (False, "evil.example", 5060, "next-hop-is-no-pbx"),
    "name-for-a-pbx": (True, "evil.example", 5060, "next-hop-is-no-address"),
    "nothing-for-a-pbx": (True, "", 0, "next-hop-is-no-address"),
}


@pytest.mark.parametrize(("trusted", "host", "port", "side"), HOPS.values(), ids=HOPS)
def test_the_next_hop_has_a_side(trusted: bool, host: str, port: int, side: str) -> None:
    assert Router(policy()).next_side(from_pbx=trusted, host=host, port=port) == side


@pytest.mark.parametrize(("trusted", "host", "port", "reason"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_forged_route_leads_nowhere(trusted: bool, host: str, port: int, reason: str) -> None:
    with pytest.raises(ForbiddenError, match=f"^{reason}$"):
        Router(policy()).next_side(from_pbx=trusted, host=host, port=port)
