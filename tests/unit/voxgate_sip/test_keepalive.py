"""Registrations that a worker notes, and what the keepalive process makes of them."""

from __future__ import annotations

import json
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from lab.peers.message import Request, parse_datagram
from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.offices import EDGE, INSIDE, PHONE, PHONE6, PUBLIC, policy
from voxgate.supervise.registrations import MARK
from voxgate_sip.keepalive import ANEW, SERVED, STEP_S, TOLD, Flow, Keepalive, due, flow_of, options
from voxgate_sip.registrations import FLOWS, LONGEST
from voxgate_sip.route import Router

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ksr.fake import Value

ANSWER: dict[str, Value] = {
    "$rs": 200,
    "$si": "10.0.0.1",
    "$sp": 5060,
    "$T_req($si)": PHONE,
    "$T_req($sp)": 40000,
    "$T_req($pr)": "udp",
    "$T_req($tU)": "alice",
    "$T_req($td)": "PBX.example.com",
    "$T_req($ua)": "Desk phone 7.1",
    "$T_req($(hdr(Contact)[*]))": "<sip:alice@192.168.7.7:5062>",
    "$T_req($hdr(Expires))": "600",
    "$(hdr(Contact)[*])": "<sip:alice@192.168.7.7:5062>;expires=120",
}
KEY = f"{PHONE} 40000 alice@pbx.example.com"


def events(folder: Path, **changes: Value) -> tuple[Edge, list[dict[str, Any]]]:
    """A worker that sees an answer, and what it told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(folder / "events.sock"))
        receiver.setblocking(False)
        edge = Edge(folder, keepalive_s=25)
        edge.fake.variables |= ANSWER | {f"${name}": value for name, value in changes.items()}
        edge.script.ksr_registered(None)
        try:
            return edge, [json.loads(receiver.recv(65536))]
        except BlockingIOError:
            return edge, []


def test_a_good_answer_is_told_and_the_flow_kept(tmp_path: Path) -> None:
    edge, (event,) = events(tmp_path)
    assert event == {
        "event": "registered",
        "aor": "alice@pbx.example.com",
        "pbx": "office",
        "agent": "Desk phone 7.1",
        "address": PHONE,
        "port": 40000,
        "transport": "udp",
        "there": [["sip:alice@192.168.7.7:5062", "sip:alice@192.168.7.7:5062", 120]],
        "gone": [],
        "all_gone": False,
    }
    assert edge.said("htable.sht_setxs") == [("flows", KEY, "sip:alice@192.168.7.7:5062", 120)]


@pytest.mark.parametrize("changes", [{"rs": 401}, {"rs": 100}, {"T_req($(hdr(Contact)[*]))": ""}], ids=str)
def test_what_is_no_registration_is_not_told(tmp_path: Path, changes: dict[str, Value]) -> None:
    edge, told = events(tmp_path, **changes)
    assert (told, edge.said("htable.sht_setxs"), edge.said("htable.sht_rm")) == ([], [], [])


def test_a_registration_taken_back_ends_the_keepalives(tmp_path: Path) -> None:
    edge, (event,) = events(tmp_path, **{"T_req($hdr(Expires))": "0", "(hdr(Contact)[*])": ""})
    assert (event["there"], event["gone"]) == ([], ["sip:alice@192.168.7.7:5062"])
    assert edge.said("htable.sht_rm") == [("flows", KEY)]


@pytest.mark.parametrize(
    "changes", [{"T_req($pr)": "tls"}, {"T_req($si)": "10.0.9.9"}], ids=["over-a-connection", "inside"]
)
def test_who_needs_no_keepalive_gets_none(tmp_path: Path, changes: dict[str, Value]) -> None:
    edge, told = events(tmp_path, **changes)
    assert (len(told), edge.said("htable.sht_setxs")) == (1, [])


def test_what_comes_from_packets_is_narrowed_and_bounded(tmp_path: Path) -> None:
    hostile = "x\x1b[31m\r\nevent=faked\"'" + "a" * 500
    contact = "<sip:a\x07b@10.0.0.50>"
    _, (event,) = events(
        tmp_path,
        **{
            "T_req($ua)": hostile,
            "T_req($tU)": hostile,
            "T_req($(hdr(Contact)[*]))": contact,
            "(hdr(Contact)[*])": contact,
        },
    )
    for text in (event["aor"], event["agent"], *event["there"][0][:2]):
        assert text.isprintable()
        assert text.isascii()
        assert len(text) <= LONGEST
        assert not set(text) & set("\"'\\")


def test_bytes_that_are_no_text_cost_only_the_listing(tmp_path: Path) -> None:
    edge, told = events(tmp_path, **{"T_req($ua)": b"\xff\xfe"})
    assert [one["event"] for one in told] == ["suspicious"]
    assert edge.said("hdr.remove") == [("Path",)]


def test_each_flow_has_its_turn_exactly_once_in_a_round() -> None:
    flows = [Flow("198.51.100.1", port, "") for port in range(1000)]
    turns = Counter(flow.port for turn in range(70, 75) for flow in flows if due(flow, turn, 5))
    assert set(turns.values()) == {1}
    assert len(turns) == 1000
    assert all(100 < sum(due(flow, turn, 5) for flow in flows) < 300 for turn in range(5))


def test_an_entry_of_the_table_is_a_flow_or_the_control_planes_mark() -> None:
    assert flow_of(KEY, "sip:a@h") == Flow(PHONE, 40000, "sip:a@h")
    assert flow_of("!told", "1") is None


@pytest.mark.parametrize(("address", "side", "own"), [(PHONE, "o4", PUBLIC), (PHONE6, "o6", "[2001:db8::5]")])
def test_the_request_is_one_that_a_strict_phone_reads(address: str, side: str, own: str) -> None:
    view = policy().sides[side]
    message = parse_datagram(options(Flow(address, 40000, ""), view, EDGE, 77).encode())
    assert isinstance(message, Request)
    assert message.method == "OPTIONS"
    assert message.get("Via").startswith(f"SIP/2.0/UDP {own}:5060;branch=z9hG4bK")
    assert message.uri == (f"sip:[{address}]:40000" if ":" in address else f"sip:{address}:40000")
    assert message.cseq_method == "OPTIONS"


def sweep(
    folder: Path, table: list[tuple[str, str]], now: float, answers: dict[Any, str] | None = None, **changes: Any
) -> Edge:
    """One sweep over a table of flows."""
    edge = Edge(folder, **changes)
    edge.fake.answers |= answers or {}
    edge.fake.answers["htable.sht_iterator_next"] = iter([*([1] * len(table)), -1])
    edge.fake.answers["pv.get", "$shtitkey(keepalive)"] = iter([key for key, _ in table])
    edge.fake.answers["pv.get", "$shtitval(keepalive)"] = iter([value for _, value in table])
    Keepalive(edge.fake.ksr, Router(policy(**changes)), lambda: now, lambda _: None).sweep()
    return edge


def test_a_sweep_serves_every_flow_once_from_the_socket_of_its_side(tmp_path: Path) -> None:
    table = [(KEY, "sip:a@h"), (f"{PHONE} 40000 bob@x", ""), ("!told", "1"), (f"{PHONE6} 5060 c@x", "")]
    edge = sweep(tmp_path, table, 100.0, keepalive_s=STEP_S)
    assert [args[:2] for args in edge.said("corex.sendx")] == [
        (f"sip:{PHONE}:40000;transport=udp", f"udp:{INSIDE}:5060"),
        (f"sip:[{PHONE6}]:5060;transport=udp", "udp:[2001:db8::5]:5060"),
    ]
    assert edge.done()[-3] == "htable.sht_iterator_end"


@pytest.mark.parametrize(("mark", "served", "after"), [(ANEW, 100, [SERVED]), (SERVED, 20, [])])
def test_after_a_start_of_kamailio_all_flows_are_served_at_once(
    tmp_path: Path, mark: str, served: int, after: list[str]
) -> None:
    table = [(f"{PHONE} {port} a@x", "") for port in range(100)]
    edge = sweep(tmp_path, table, 100.0, answers={("htable.sht_get", FLOWS, TOLD): mark}, keepalive_s=25)
    assert len(edge.said("corex.sendx")) == pytest.approx(served, abs=15 if mark == SERVED else 0)
    assert edge.said("htable.sht_setxs") == [(FLOWS, TOLD, word, 86400) for word in after]


def test_the_control_plane_marks_what_keepalives_look_for() -> None:
    assert TOLD == MARK


def test_each_turn_is_served_once_however_often_it_is_looked_for(tmp_path: Path) -> None:
    edge, now = Edge(tmp_path, keepalive_s=STEP_S), iter([100.0, 100.25, 104.75, 105.0, 105.25])
    edge.fake.answers["htable.sht_iterator_next"] = -1
    keepalive = Keepalive(edge.fake.ksr, Router(policy(keepalive_s=STEP_S)), lambda: next(now), lambda _: None)
    looked = []
    for _ in range(5):
        edge.fake.calls.clear()
        keepalive.sweep()
        looked.append(len(edge.said("htable.sht_iterator_start")))
    assert looked == [1, 0, 0, 1, 0]


def test_keepalives_that_are_turned_off_touch_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path, [(KEY, "")], 100.0, keepalive_s=0).done() == []


def test_a_sweep_that_fails_gives_the_table_free(tmp_path: Path) -> None:
    edge = Edge(tmp_path, keepalive_s=STEP_S)
    edge.fake.answers["htable.sht_iterator_next"] = 1
    edge.fake.answers["pv.get", "$shtitkey(keepalive)"] = OSError("broken")
    assert edge.script.ksr_keepalive(None, "keepalive") == 1
    assert "htable.sht_iterator_end" in edge.done()
