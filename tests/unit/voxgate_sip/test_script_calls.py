"""Dialogues of a worker with Kamailio: requests of phones and PBXs, on their way to the other party."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.unit.voxgate_sip.edges import Edge, next_hop
from tests.unit.voxgate_sip.offices import ONE, PHONE, TWO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ksr.fake import Value

TO_NODE: dict[str, Value] = {"tt": "b"} | {name[1:]: value for name, value in next_hop("10.0.0.1", 5060).items()}


def test_an_invite_of_a_phone_goes_to_the_first_node_of_its_pbx(tmp_path: Path) -> None:
    edge = Edge(tmp_path).phone()
    assert edge.said("setdsturi") == [(ONE.uri,)]
    assert edge.said("rr.record_route_preset_one") == [("10.0.0.5:5060;transport=udp;e=o4udp",)]
    assert edge.said("tm.t_on_reply") == [("ksr_from_pbx",)]
    assert edge.said("tm.t_on_failure") == [("ksr_failure",)]
    assert edge.said("tm.t_set_fr") == [(0, 3000)]
    assert edge.said("set_advertised_address") == [("",)]
    assert edge.done()[-1] == "tm.t_relay"
    assert "nathelper.set_contact_alias_trim" in edge.done()
    assert "hdr.remove" not in edge.done()


def test_a_route_of_a_phone_is_taken_off(tmp_path: Path) -> None:
    assert Edge(tmp_path).phone(**{"hdrc(Route)": 1}).said("hdr.remove")[1:] == [("Route",)]


def test_a_registration_gets_a_path_with_the_phones_flow(tmp_path: Path) -> None:
    edge = Edge(tmp_path).phone("REGISTER")
    path = f"Path: <sip:10.0.0.5:5060;transport=udp;lr;received=sip:{PHONE}:5062%3Btransport%3Dudp>\r\n"
    assert edge.said("hdr.insert") == [(f"{path}X-Forwarded-For: {PHONE}\r\n",)]
    assert edge.said("hdr.append") == [("Supported: path\r\n",)]
    assert edge.said("tm.t_on_reply") == [("ksr_registered",)]
    assert "rr.record_route_preset_one" not in edge.done()


def test_an_invite_of_a_pbx_goes_along_the_path_to_the_phone(tmp_path: Path) -> None:
    edge = Edge(tmp_path).pbx()
    assert edge.said("rr.record_route_preset_one") == [("203.0.113.5:5060;transport=udp;e=i4udp",)]
    assert edge.said("set_advertised_address") == [("203.0.113.5",)]
    assert edge.said("tm.t_on_reply") == [("ksr_from_phone",)]
    assert edge.said("tm.t_set_fr") == [(0, 16000)]
    assert "set_forward_no_connect" in edge.done()
    assert "tm.t_on_failure" not in edge.done()
    assert edge.done()[-1] == "tm.t_relay"


@pytest.mark.parametrize(
    ("hop", "code"), [("evil.example", 403), ("nowhere", 404)], ids=["a-name-from-the-packet", "no-path-and-no-alias"]
)
def test_a_pbx_cannot_send_just_anywhere(tmp_path: Path, hop: str, code: int) -> None:
    edge = Edge(tmp_path)
    if code == 404:
        edge.fake.answers |= {"rr.loose_route_preloaded": -1, "nathelper.handle_ruri_alias": -1}
    assert [args[0] for args in edge.pbx(hop=hop).said("sl.send_reply")] == [code]
    assert "tm.t_relay" not in edge.done()


@pytest.mark.parametrize("method", ["BYE", "ACK", "INVITE", "UPDATE"])
def test_inside_a_dialog_a_phone_reaches_a_pbx(tmp_path: Path, method: str) -> None:
    edge = Edge(tmp_path).phone(method, **TO_NODE)
    assert edge.done()[-1] == "tm.t_relay"
    assert "setdsturi" not in edge.done()
    assert edge.said("tm.t_on_reply") == []


@pytest.mark.parametrize(("method", "codes"), [("BYE", [403]), ("ACK", [])])
def test_inside_a_dialog_a_forged_route_to_another_phone_is_refused(
    tmp_path: Path, method: str, codes: list[int]
) -> None:
    edge = Edge(tmp_path).phone(method, **{**TO_NODE, "nh(d)": "198.51.100.78"})
    assert [args[0] for args in edge.said("sl.send_reply")] == codes
    assert edge.said("htable.sht_inc") == [("refused", "next-hop-is-no-pbx")]
    assert "tm.t_relay" not in edge.done()


@pytest.mark.parametrize("known", [1, -1], ids=["of-a-refused-invite", "of-nothing"])
def test_an_ack_without_route_belongs_to_a_transaction_or_to_nobody(tmp_path: Path, known: int) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers |= {"rr.loose_route": -1, "tm.t_check_trans": known}
    assert ("tm.t_relay" in edge.phone("ACK", tt="b").done()) is (known > 0)
    assert "sl.send_reply" not in edge.done()


def test_a_bye_without_route_is_of_no_call(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers["rr.loose_route"] = -1
    assert edge.phone("BYE", tt="b").said("sl.send_reply") == [(481, "Call/Transaction Does Not Exist")]


@pytest.mark.parametrize("known", [1, -1], ids=["of-a-transaction", "of-nothing"])
def test_a_cancel_follows_its_transaction(tmp_path: Path, known: int) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers["tm.t_check_trans"] = known
    assert edge.phone("CANCEL").done() == ["tm.t_check_trans", *(["tm.t_relay"] if known > 0 else [])]


def test_an_unknown_domain_gets_silence_a_count_and_a_line(tmp_path: Path) -> None:
    edge = Edge(tmp_path).phone(rd="other.example")
    assert edge.done() == ["htable.sht_inc", "notice"]


def test_a_send_error_goes_to_the_next_node_at_once(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers["tm.t_relay"] = iter([-1, 1])
    edge.phone()
    assert edge.said("htable.sht_setxi") == [("shunned", ONE.uri, 1, 30)]
    assert ("$du", TWO.uri) in edge.said("pv.sets")
    assert "sl.sl_reply_error" not in edge.done()
    edge.fake.answers["tm.t_relay"] = -1
    assert edge.phone().done()[-1] == "sl.sl_reply_error"


FAILURES = {
    "silence": ({"tm.t_branch_timeout": 1, "tm.t_branch_replied": -1, "tm.t_get_status_code": 408}, True, True),
    "declared-code": ({"tm.t_branch_timeout": -1, "tm.t_get_status_code": 503}, True, False),
    "busy": ({"tm.t_branch_timeout": -1, "tm.t_get_status_code": 486}, False, False),
    "rang-but-nobody-answered": ({"tm.t_branch_replied": 1, "tm.t_get_status_code": 408}, False, False),
    "cancelled": ({"tm.t_is_canceled": 1, "tm.t_get_status_code": 503}, False, False),
}


@pytest.mark.parametrize(("answers", "moves", "shuns"), FAILURES.values(), ids=FAILURES)
def test_a_failed_transaction_moves_on_where_that_is_declared(
    tmp_path: Path, answers: dict[str, int], moves: bool, shuns: bool
) -> None:
    edge = Edge(tmp_path).phone()
    for name, answer in {"tm.t_is_canceled": -1, **answers}.items():
        edge.fake.answers[name] = answer
    edge.fake.calls.clear()
    edge.script.ksr_failure(None)
    assert (("$du", TWO.uri) in edge.said("pv.sets"), "tm.t_relay" in edge.done()) == (moves, moves)
    assert bool(edge.said("htable.sht_setxi")) is shuns
    edge.fake.calls.clear()
    edge.script.ksr_failure(None)
    assert "tm.t_relay" not in edge.done() or not moves


def test_with_no_node_active_the_answer_is_503(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers["dispatcher.ds_is_active_uri"] = -1
    assert edge.phone().said("sl.send_reply") == [(503, "Service Unavailable")]


def test_a_shunned_node_is_better_than_none(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers["htable.sht_get", "shunned", ONE.uri] = 1
    assert edge.phone().said("setdsturi") == [(TWO.uri,)]
    edge.fake.answers["htable.sht_get"] = 1
    assert edge.phone().said("setdsturi") == [(ONE.uri,)]


def test_a_pbx_in_a_dialog_reaches_the_phone_where_its_alias_says(tmp_path: Path) -> None:
    edge = Edge(tmp_path).pbx("BYE", tt="b")
    assert edge.done()[:3] == ["rr.loose_route", "nathelper.handle_ruri_alias", "set_forward_no_connect"]
    assert next_hop(PHONE).items() <= edge.fake.variables.items()
    assert edge.done()[-1] == "tm.t_relay"


@pytest.mark.parametrize(("proto", "code"), [("TCP", 430), ("TLS", 430), ("UDP", 0)])
@pytest.mark.parametrize("inside", [False, True], ids=["at-first", "inside-a-dialog"])
def test_a_phones_connection_that_is_gone_is_a_failed_flow(tmp_path: Path, proto: str, code: int, inside: bool) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers["tm.t_relay"] = -1
    edge.pbx("INVITE", **{"nh(P)": proto}, **({"tt": "b"} if inside else {}))
    assert edge.said("sl.send_reply") == ([(code, "Flow Failed")] if code else [])
    assert ("sl.sl_reply_error" in edge.done()) is (code == 0)


@pytest.mark.parametrize(("said", "marked"), [(';reg-id=1;+sip.instance="<urn:x>"', True), ("", False)])
def test_a_phone_with_flows_of_its_own_is_told_that_the_edge_keeps_them_apart(
    tmp_path: Path, said: str, marked: bool
) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers["hdr.gete", "Contact"] = f"<sip:a@10.0.0.1>{said}"
    ((path,),) = edge.phone("REGISTER").said("hdr.insert")
    assert (";lr;ob;received=" in str(path)) is marked


@pytest.mark.parametrize("method", ["INVITE", "BYE", "ACK", "REGISTER", "MESSAGE"])
@pytest.mark.parametrize("variables", [{}, TO_NODE], ids=["at-first", "inside-a-dialog"])
def test_a_forged_source_is_taken_off_every_request(tmp_path: Path, method: str, variables: dict[str, Value]) -> None:
    assert ("X-Forwarded-For",) in Edge(tmp_path).phone(method, **variables).said("hdr.remove")


def test_the_source_is_told_with_the_first_invite_of_a_phone_alone(tmp_path: Path) -> None:
    told = (f"X-Forwarded-For: {PHONE}\r\n",)
    assert Edge(tmp_path).phone("INVITE").said("hdr.append") == [told]
    assert Edge(tmp_path).phone("SUBSCRIBE").said("hdr.append") == []
    assert Edge(tmp_path).phone("INVITE", **TO_NODE).said("hdr.append") == []
    assert Edge(tmp_path).pbx("INVITE", rd="shop.example").said("hdr.append") == []


def test_the_edges_own_bye_names_the_edge_as_its_side_sees_it(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.fake.variables |= {"$rm": "BYE", **next_hop(PHONE)}
    assert edge.script.ksr_local_request(None, "tm:local-request") == 1
    via = (r"/^(Via: SIP\/2\.0\/[A-Z]+ )[^;]+/\1203.0.113.5:5060/",)
    [(tag,), *others] = edge.said("textops.subst")
    assert others == [via]
    # As the engine reads it: at the beginning of a line, up to its end.
    _, pattern, into, _ = str(tag).split("/")
    for end in ("", ";x=1"):
        line = f"To: <sip:a@b>;tag=t\r\nFrom: <sip:c@d>{end};tag=ours;tag=more\r\nCSeq: 1 BYE\r\n"
        assert re.sub(pattern, into, line, flags=re.MULTILINE) == line.replace(";tag=more", "")


def test_a_health_check_names_the_edge_as_its_side_sees_it(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.fake.variables |= {"$rm": "OPTIONS", **next_hop("10.0.0.1", 5060)}
    edge.script.ksr_local_request(None, "tm:local-request")
    assert edge.done() == []
    edge.fake.variables |= next_hop(PHONE)
    edge.script.ksr_local_request(None, "tm:local-request")
    assert edge.done() == ["textops.subst"]


@pytest.mark.parametrize("header", ["P-Asserted-Identity", "Remote-Party-ID"])
def test_only_a_pbx_may_say_who_a_caller_is(tmp_path: Path, header: str) -> None:
    claim: dict[str, Value] = {f"hdrc({header})": 1}
    assert (header,) in Edge(tmp_path).phone(**claim).said("hdr.remove")
    assert (header,) in Edge(tmp_path).phone(**claim, **TO_NODE).said("hdr.remove")
    edge = Edge(tmp_path)
    edge.fake.variables |= {f"$hdrc({header})": 1}
    assert (header,) not in edge.pbx().said("hdr.remove")


@pytest.mark.parametrize("tag", ["b", None], ids=["inside-a-dialog", "outside"])
def test_a_uri_that_is_too_long_for_the_engine_goes_no_further(tmp_path: Path, tag: str | None) -> None:
    said = {"tt": tag} if tag else {}
    edge = Edge(tmp_path).pbx("BYE", ru=f"sip:{'m' * 1000}@203.0.113.99;alias=203.0.113.99~5060~1", **said)
    assert edge.said("sl.send_reply") == [(414, "Request-URI Too Long")]
    assert "nathelper.handle_ruri_alias" not in edge.done()
    assert "tm.t_relay" not in edge.done()


def test_a_next_hop_is_taken_apart_once(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    asked = [str(edge.phone("BYE", **TO_NODE).said("pv.get")).count("$nh(d)") for _ in range(3)]
    assert asked == [1, 0, 0]
    elsewhere = {name[1:]: value for name, value in next_hop("203.0.113.60").items()}
    assert edge.phone("BYE", **(TO_NODE | elsewhere)).said("sl.send_reply") == [(403, "Forbidden")]
