"""The records are Kamailio's own, from calls through a running edge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voxgate.calls.hangup import CSEQ, Bye, authorised, byes
from voxgate_sip.record import FIELDS

PHONE_TO_PBX = """\
sip:203.0.113.77:5060
<sip:alice@10.0.0.50:5060;transport=udp>
<null>
sip:alice@example.com
d213ac8d
sip:600@example.com
819fa78d8159
1
<sip:pbx@192.168.1.20:5060;transport=udp>
<sip:192.168.1.10:5060;transport=udp;e=o4udp;ftag=d213ac8d;lr>
sip:192.168.1.20:5060
1700000000"""

PBX_TO_TLS_PHONE = """\
sip:192.168.1.20:5060
<sip:pbx@192.168.1.20:5060;transport=udp>
<null>
sip:600@192.168.1.20
93163216
sip:alice@pbx
bd6c12d7c8a3
1
<sip:alice@10.0.0.50:41357;transport=tls>
<sip:203.0.113.45:5061;transport=tls;e=i4udp;ftag=93163216;lr>
sip:203.0.113.77:41357;transport=tls
1700000000"""


def headers(sender: str, receiver: str, call_id: str, *routes: str) -> str:
    return "".join(
        f"{line}\r\n"
        for line in (
            *(f"Route: <{route}>" for route in routes),
            f"From: {sender}",
            f"To: {receiver}",
            f"Call-ID: {call_id}",
            f"CSeq: {CSEQ} BYE",
            "Max-Forwards: 70",
            'Reason: SIP;cause=408;text="no media"',
        )
    )


def changed(record: str, **fields: str) -> str:
    """The record with other values of some fields."""
    values = dict(zip(FIELDS, record.split("\n"), strict=True)) | fields
    return "\n".join(values.values())


def test_each_party_gets_the_bye_that_the_other_one_would_have_sent() -> None:
    caller, callee = "<sip:alice@example.com>;tag=d213ac8d", "<sip:600@example.com>;tag=819fa78d8159"
    flows = "sip:203.0.113.77:5060", "sip:192.168.1.20:5060"
    to_alice, to_pbx = headers(callee, caller, "c1"), headers(caller, callee, "c1")
    assert byes("c1", PHONE_TO_PBX) == (
        Bye("sip:alice@10.0.0.50:5060;transport=udp", flows[0], to_alice, "819fa78d8159"),
        Bye("sip:pbx@192.168.1.20:5060;transport=udp", flows[1], to_pbx, "d213ac8d"),
    )


@pytest.mark.parametrize(
    ("route", "calling", "called"),
    [
        ("e=o4udp;u=0-1a2b-i;ftag=1;lr", "1a2b", ""),
        ("e=i4udp;u=2-1a2b-t;ftag=1;lr", "", "1a2b"),
        ("e=i4udp;u=0-1a2b-a;lr", "", "1a2b"),
        ("e=o4udp.7f;lr", "7f", ""),
        ("e=i6tls-7f;lr", "", "7f"),
        ("e=i4udp-7f;u=1-7f-t;lr", "", "7f"),
        ("e=o4udp;lr", "", ""),
        ("e=-;lr", "", ""),
    ],
)
def test_the_edges_own_route_tells_whose_provider_gets_which_bye(route: str, calling: str, called: str) -> None:
    # A route of somebody else says nothing.
    routes = f"<sip:p.example;u=0-bad-t;lr>, <sip:192.168.1.10;transport=udp;{route}>"
    to_caller, to_callee = byes("c", changed(PHONE_TO_PBX, callee_routes=routes))
    assert (to_caller.trunk, to_callee.trunk) == (calling, called)


def test_an_authorised_bye_counts_on_and_is_the_same_otherwise() -> None:
    bye, _ = byes("c", PHONE_TO_PBX)
    for answered in (1, 2):
        again = authorised(bye, "Authorization: Digest x", answered)
        assert again.headers == bye.headers.replace(
            f"CSeq: {CSEQ} BYE", f"CSeq: {CSEQ + answered} BYE\r\nAuthorization: Digest x"
        )
        assert replace(again, headers=bye.headers) == bye


def test_a_phone_over_tls_is_reached_through_the_connection_it_has() -> None:
    _, to_phone = byes("c2", PBX_TO_TLS_PHONE)
    assert (to_phone.uri, to_phone.next_hop) == (
        "sip:alice@10.0.0.50:41357;transport=tls",
        "sip:203.0.113.77:41357;transport=tls",
    )


def test_the_cseq_is_above_any_that_was_used_and_legal() -> None:
    assert 2**30 < CSEQ < 2**31


@pytest.mark.parametrize(
    ("callee_routes", "downstream"),
    [
        pytest.param("<null>", (), id="none"),
        pytest.param("<sip:192.168.1.10;transport=udp;e=o4udp;ftag=1;lr>", (), id="the edge's own only"),
        pytest.param(
            "<sip:p2.example;lr>, <sip:p1.example;lr>, <sip:192.168.1.10;e=o4udp;ftag=1;lr>, <sip:before.example;lr>",
            ("sip:p1.example;lr", "sip:p2.example;lr"),
            id="two proxies beyond the edge, nearest first, and one before it",
        ),
        pytest.param(
            "<sip:p1.example;lr>,<sip:[2001:db8:1::10]:5061;transport=tls;e=i6tcp;ftag=1;lr>",
            ("sip:p1.example;lr",),
            id="an edge with IPv6",
        ),
        pytest.param(
            '"Proxy, the second" <sip:p2.example;lr>;x=1,<sip:192.168.1.10;e=o4tls;lr>',
            ("sip:p2.example;lr",),
            id="a display name with a comma",
        ),
    ],
)
def test_routes_beyond_the_edge_are_followed_towards_the_callee(
    callee_routes: str, downstream: tuple[str, ...]
) -> None:
    _, to_callee = byes("c", changed(PHONE_TO_PBX, callee_routes=callee_routes))
    found = [line for line in to_callee.headers.split("\r\n") if line.startswith("Route: ")]
    assert found == [f"Route: <{route}>" for route in downstream]


def test_routes_before_the_edge_are_followed_towards_the_caller_in_their_own_order() -> None:
    to_caller, _ = byes("c", changed(PHONE_TO_PBX, caller_routes="<sip:near.example;lr>,<sip:far.example;lr>"))
    found = [line for line in to_caller.headers.split("\r\n") if line.startswith("Route: ")]
    assert found == ["Route: <sip:near.example;lr>", "Route: <sip:far.example;lr>"]


@pytest.mark.parametrize(
    ("contact", "uri"),
    [
        pytest.param('"Alice, A." <sip:alice@10.0.0.50:5060>;expires=60', "sip:alice@10.0.0.50:5060", id="name"),
        pytest.param("sip:alice@10.0.0.50:5060;expires=60", "sip:alice@10.0.0.50:5060", id="no angle brackets"),
        pytest.param(
            "<sip:alice@10.0.0.50:5060;alias=203.0.113.77~5060~1>", "sip:alice@10.0.0.50:5060", id="with an alias"
        ),
        pytest.param(
            "<sip:alice@10.0.0.50;alias=203.0.113.77~5060~3;transport=tls>",
            "sip:alice@10.0.0.50;transport=tls",
            id="an alias in the middle",
        ),
        pytest.param(
            "<sip:six@[2001:db8:2::50]:5060;transport=tcp>", "sip:six@[2001:db8:2::50]:5060;transport=tcp", id="IPv6"
        ),
        pytest.param("<sips:alice@10.0.0.50>", "sips:alice@10.0.0.50", id="sips"),
        pytest.param("<null>", "sip:203.0.113.77:5060", id="none: the flow stands for it"),
    ],
)
def test_the_request_uri_is_the_partys_contact(contact: str, uri: str) -> None:
    assert byes("c", changed(PHONE_TO_PBX, caller_contact=contact))[0].uri == uri


@pytest.mark.parametrize("record", ["", "one line", PHONE_TO_PBX + "\n", PHONE_TO_PBX.rpartition("\n")[0]])
def test_what_is_no_record_of_a_call_is_refused(record: str) -> None:
    with pytest.raises(ValueError, match="a call record has 12 lines"):
        byes("c", record)
