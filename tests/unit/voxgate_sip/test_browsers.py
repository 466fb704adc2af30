"""WebSocket connections through HAProxy: who may open one, whose it is, and the way back to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.voxgate_sip.edges import Edge, next_hop
from tests.unit.voxgate_sip.offices import policy
from voxgate_sip.browsers import Upgrade, judge
from voxgate_sip.policy import WebSocket

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ksr.fake import Value

DOOR = WebSocket("127.88.0.1", 2225, frozenset({"pbx.example.com", "edge.example.com", "[2001:db8::1]"}))
KEY = "0123456789abcdef0123456789abcdef"
GOOD = Upgrade(KEY, KEY, "[198.51.100.9]:4444", "https", "GET", "/ws", "websocket", "https://pbx.example.com", "sip")
CLIENT = "198.51.100.9:4444"
#: A message as it comes in through HAProxy.
THERE: dict[str, Value] = {"$Ri": DOOR.address, "$pr": "ws", "$si": "127.0.0.1", "$sp": 50000, "$ws_conid": 17}


@pytest.mark.parametrize(
    ("asked", "client"),
    [
        (GOOD, CLIENT),
        (GOOD._replace(client="[2001:db8::9]:1"), "[2001:db8::9]:1"),
        (GOOD._replace(origin="https://PBX.example.com:8443"), CLIENT),
        (GOOD._replace(origin="https://[2001:db8::1]"), CLIENT),
        (GOOD._replace(upgrade="WebSocket", protocols="chat, SIP"), CLIENT),
        (GOOD._replace(scheme="http", origin="http://edge.example.com"), CLIENT),
        (GOOD._replace(scheme="http"), CLIENT),
    ],
)
def test_a_page_of_a_known_host_may_connect(asked: Upgrade, client: str) -> None:
    assert judge(asked, DOOR.origins) == (client, "")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (GOOD._replace(key="x" * 32), "websocket-not-from-haproxy"),
        (GOOD._replace(key="<null>", expected_key="<null>"), "websocket-not-from-haproxy"),
        (GOOD._replace(client="198.51.100.9:4444"), "websocket-not-from-haproxy"),
        (GOOD._replace(client="[198.51.100.9]:4444, [203.0.113.1]:1"), "websocket-not-from-haproxy"),
        (GOOD._replace(client="<null>"), "websocket-not-from-haproxy"),
        (GOOD._replace(method="POST"), "websocket-no-upgrade"),
        (GOOD._replace(path="/ws/x"), "websocket-no-upgrade"),
        (GOOD._replace(upgrade="<null>"), "websocket-no-upgrade"),
        (GOOD._replace(protocols="sipx"), "websocket-other-protocol"),
        (GOOD._replace(protocols="<null>"), "websocket-other-protocol"),
        (GOOD._replace(origin="<null>"), "websocket-unknown-origin"),
        (GOOD._replace(origin="null"), "websocket-unknown-origin"),
        (GOOD._replace(origin="http://pbx.example.com"), "websocket-unknown-origin"),
        (GOOD._replace(origin="https://pbx.example.com.evil.example"), "websocket-unknown-origin"),
        (GOOD._replace(origin="https://pbx.example.com@evil.example"), "websocket-unknown-origin"),
        (GOOD._replace(origin="https://evil.example/pbx.example.com"), "websocket-unknown-origin"),
        (GOOD._replace(origin="file://pbx.example.com"), "websocket-unknown-origin"),
    ],
)
def test_everything_else_is_refused_for_one_reason(asked: Upgrade, reason: str) -> None:
    assert judge(asked, DOOR.origins)[1] == reason


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    sides = {name: replace(view, ports={**view.ports, "ws": 443}) for name, view in policy().sides.items()}
    made = Edge(tmp_path, websocket=DOOR, sides=sides, served=policy().served | {"ws"})
    made.fake.answers["htable.sht_get", "ws_client", "17"] = CLIENT
    made.fake.answers["htable.sht_get"] = None
    return made


def comes_in(edge: Edge, on: str, **variables: Value) -> None:
    edge.fake.answers["kx.get_rcvip"] = on
    edge.fake.variables |= THERE if on == DOOR.address else {}
    edge.fake.variables |= {f"${name}": value for name, value in variables.items()}
    edge.fake.calls.clear()


def test_a_message_gets_its_clients_address_before_anything_else_is_asked(edge: Edge) -> None:
    comes_in(edge, DOOR.address)
    edge.script.ksr_request_route(None)
    names = edge.fake.names()
    assert edge.said("corex.set_source_address") == [(CLIENT,)]
    assert names.index("corex.set_source_address") < names.index("maxfwd.process_maxfwd")
    assert "tm.t_relay" in names


@pytest.mark.parametrize("changes", [{"ws_conid": 18}, {"pr": "tcp"}], ids=["unknown connection", "no WebSocket"])
def test_a_message_without_a_client_goes_no_further(edge: Edge, changes: dict[str, Value]) -> None:
    comes_in(edge, DOOR.address, **changes)
    edge.script.ksr_request_route(None)
    assert "tcpops.tcp_close_connection" in edge.fake.names()
    assert not {"tm.t_relay", "sl.send_reply", "maxfwd.process_maxfwd"} & set(edge.fake.names())


def test_a_reply_without_a_client_is_dropped_and_others_are_not(edge: Edge) -> None:
    comes_in(edge, DOOR.address, ws_conid=18)
    edge.script.ksr_reply_route(None)
    assert "set_drop" in edge.fake.names()
    for on in (DOOR.address, "10.0.0.9"):
        comes_in(edge, on, ws_conid=17)
        edge.script.ksr_reply_route(None)
        assert "set_drop" not in edge.fake.names()


def test_towards_a_browser_exactly_its_connection_is_taken(edge: Edge) -> None:
    edge.fake.answers["htable.sht_get", "ws_connection", CLIENT] = "17|127.0.0.1:50000"
    edge.fake.variables |= next_hop("198.51.100.9", 4444, "WS")
    edge.fake.answers["kx.get_rcvip"] = "10.0.0.9"
    edge.fake.variables |= {"$rm": "INVITE", "$si": "10.0.0.1", "$rd": "x.invalid"}
    edge.fake.calls.clear()
    edge.script.ksr_request_route(None)
    assert ("$du", "sip:127.0.0.1:50000;transport=ws") in edge.said("pv.sets")
    assert edge.said("tcpops.tcp_set_otcpid") == [(17,)]
    assert edge.said("tcpops.tcp_set_otcpid_flag") == [(1,)]
    assert edge.said("corex.set_send_socket") == [("tcp:127.88.0.1:2225",)]
    assert "tm.t_relay" in edge.fake.names()


@pytest.mark.parametrize("method", ["INVITE", "BYE", "ACK"])
def test_a_browser_that_is_gone_is_answered_430(edge: Edge, method: str) -> None:
    edge.fake.variables |= next_hop("198.51.100.9", 4444, "WS")
    edge.fake.answers["kx.get_rcvip"] = "10.0.0.9"
    edge.fake.variables |= {"$rm": method, "$si": "10.0.0.1", "$rd": "x.invalid"}
    edge.fake.variables |= {"$tt": "b"} if method != "INVITE" else {}
    edge.script.ksr_request_route(None)
    assert edge.said("sl.send_reply") == ([] if method == "ACK" else [(430, "Flow Failed")])
    assert "tm.t_relay" not in edge.fake.names()


def upgrade(edge: Edge, asked: Upgrade, on: str = DOOR.address) -> None:
    comes_in(edge, on)
    names = ("$hdr(X-Edge-Key)", "$shv(websocket_key)", "$hdr(X-Edge-Client)", "$hdr(X-Edge-Scheme)", "$rm", "$hu")
    more = ("$hdr(Upgrade)", "$hdr(Origin)", "$hdr(Sec-WebSocket-Protocol)")
    edge.fake.variables |= dict(zip((*names, *more), asked, strict=True))
    edge.script.ksr_xhttp_event(None, "xhttp:request")


def test_a_handshake_notes_both_directions_first_and_listens_for_the_end(edge: Edge) -> None:
    upgrade(edge, GOOD)
    assert edge.said("htable.sht_sets") == [
        ("ws_client", "17", CLIENT),
        ("ws_connection", CLIENT, "17|127.0.0.1:50000"),
    ]
    names = edge.fake.names()
    assert names.index("htable.sht_sets") < names.index("websocket.handle_handshake")
    assert "tcpops.tcp_enable_closed_event" in names


def test_a_handshake_that_fails_is_forgotten(edge: Edge) -> None:
    edge.fake.answers["websocket.handle_handshake"] = 0
    edge.fake.answers["htable.sht_get", "ws_connection", CLIENT] = "17|127.0.0.1:50000"
    upgrade(edge, GOOD)
    assert edge.said("htable.sht_rm") == [("ws_client", "17"), ("ws_connection", CLIENT)]


def test_what_is_refused_gets_no_handshake(edge: Edge) -> None:
    upgrade(edge, GOOD._replace(origin="https://evil.example"))
    assert edge.said("xhttp.xhttp_reply") == [(403, "Forbidden", "", "")]
    upgrade(edge, GOOD, on="10.0.0.9")
    assert "tcpops.tcp_close_connection" in edge.fake.names()
    assert "websocket.handle_handshake" not in edge.fake.names()


def test_the_end_of_an_old_connection_leaves_a_new_one_of_the_same_address_alone(edge: Edge) -> None:
    edge.fake.answers["htable.sht_get", "ws_connection", CLIENT] = "18|127.0.0.1:50001"
    comes_in(edge, DOOR.address)
    for event in (edge.script.ksr_tcp_event, edge.script.ksr_websocket_event):
        event(None, "closed")
    assert set(edge.said("htable.sht_rm")) == {("ws_client", "17")}


def test_where_no_browsers_are_served_nothing_is_asked_for_them(tmp_path: Path) -> None:
    edge = Edge(tmp_path).phone()
    assert not [name for name in edge.fake.names() if name.startswith(("tcpops.", "kx.get_rcvip", "corex.set_source"))]
    for event in (edge.script.ksr_xhttp_event, edge.script.ksr_tcp_event, edge.script.ksr_websocket_event):
        assert event(None, "x") == 1
