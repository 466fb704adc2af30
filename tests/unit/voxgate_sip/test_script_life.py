"""A worker over time: media, new policies, bugs of our own, events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.voxgate_sip.edges import Edge, next_hop
from tests.unit.voxgate_sip.offices import policy
from voxgate_sip.notes import NOTE
from voxgate_sip.policy import dumps

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("sdp", "armed", "offers"),
    [(1, "ksr_from_pbx_answer", 1), (-1, "ksr_from_pbx_late_offer", 0)],
    ids=["offer", "none"],
)
def test_with_media_an_offer_names_both_sides(tmp_path: Path, sdp: int, armed: str, offers: int) -> None:
    edge = Edge(tmp_path, media=True)
    edge.fake.answers["textops.has_body_type"] = sdp
    assert edge.phone().said("tm.t_on_reply") == [(armed,)]
    flags = [str(args[0]) for args in edge.said("rtpengine.rtpengine_offer")]
    assert len(flags) == offers
    assert all("direction=outside direction=inside address-family=IP4 SIP-source-address" in flag for flag in flags)


def test_without_media_nothing_is_offered(tmp_path: Path) -> None:
    assert not [name for name in Edge(tmp_path).phone().done() if name.startswith("rtpengine.")]


def test_a_call_without_its_media_relay_is_refused(tmp_path: Path) -> None:
    edge = Edge(tmp_path, media=True)
    edge.fake.answers["rtpengine.rtpengine_offer"] = -1
    assert edge.phone().said("sl.send_reply") == [(503, "Media Relay Unavailable")]


def test_a_bye_ends_media_and_record(tmp_path: Path) -> None:
    edge = Edge(tmp_path, media=True)
    edge.fake.variables |= next_hop("10.0.0.1", 5060)
    edge.phone("BYE", tt="b")
    assert edge.said("pv.unset") == [("$sht(calls=>$ci)",)]
    assert "rtpengine.rtpengine_delete0" in edge.done()


def test_an_answered_call_is_kept_and_answered(tmp_path: Path) -> None:
    edge = Edge(tmp_path, media=True)
    edge.phone(ct="<sip:100@192.168.7.7>", su="sip:192.0.2.1:5062")
    ((_, note),) = edge.said("pv.sets")
    edge.fake.variables |= {"$rs": 200, "$si": "10.0.0.1", NOTE: note}
    edge.reply("ksr_from_pbx_answer")
    assert len(edge.said("rtpengine.rtpengine_answer")) == 1
    ((table, key, text, lifetime_s),) = edge.said("htable.sht_setxs")
    assert (table, key, str(text).count("\n"), lifetime_s) == ("calls", "call-1", 11, 86400)
    assert str(text).startswith("sip:192.0.2.1:5062\n<sip:100@192.168.7.7>\n")


def test_a_new_generation_is_read_once(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.path.write_text(dumps(policy(generation=8, domains={})))
    assert "tm.t_relay" in edge.phone().done()
    assert "tm.t_relay" not in edge.phone(**{"shv(generation)": 8}).done()
    edge.path.unlink()
    assert "err" not in edge.phone().done()


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"pbxs": 3}'], ids=repr)
def test_a_broken_policy_keeps_the_former_one(tmp_path: Path, text: str) -> None:
    edge = Edge(tmp_path)
    edge.path.write_text(text)
    done = edge.phone(**{"shv(generation)": 8}).done()
    assert (done[0], done[-1]) == ("err", "tm.t_relay")
    assert edge.said("err")[0][0].startswith("event=policy_not_loaded generation=8 ")  # type: ignore[union-attr]


def test_a_missing_policy_keeps_the_former_one(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.path.unlink()
    assert edge.phone(**{"shv(generation)": 8}).done()[-1] == "tm.t_relay"


def test_the_first_process_tells_the_generation_and_others_leave_it(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    assert edge.script.child_init(1) == 0
    assert edge.said("pv.seti") == []
    edge.fake.variables["$shv(generation)"] = 0
    edge.script.child_init(2)
    assert edge.said("pv.seti") == [("$shv(generation)", 7)]


def test_a_bug_of_ours_is_answered_with_500_and_told_in_one_line(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers["setdsturi"] = RuntimeError("broken")
    assert edge.phone().said("sl.send_reply") == [(500, "Server Internal Error")]
    ((line,),) = edge.said("err")
    assert str(line).startswith("event=bug Traceback")
    assert "RuntimeError: broken" in str(line)
    assert str(line).count("\n") == 1


@pytest.mark.parametrize("callback", ["ksr_failure", "ksr_from_pbx", "ksr_registered"])
def test_a_bug_in_a_later_callback_is_told_and_the_message_goes_on(tmp_path: Path, callback: str) -> None:
    edge = Edge(tmp_path)
    edge.fake.answers |= dict.fromkeys(("tm.t_is_canceled", "pv.get", "hdr.remove"), RuntimeError("broken"))
    assert getattr(edge.script, callback)(None) == 1
    assert len(edge.said("err")) == 1


def test_too_many_hops_and_malformed_requests_go_no_further(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    assert edge.phone(fU="a\nb").done() == ["htable.sht_inc", "notice"]
    edge.fake.answers["maxfwd.process_maxfwd"] = -1
    assert edge.phone().said("sl.send_reply") == [(483, "Too Many Hops")]


@pytest.mark.parametrize(("name", "forgets"), [("dispatcher:dst-up", True), ("dispatcher:dst-down", False)])
def test_a_node_that_came_back_is_shunned_no_more(tmp_path: Path, name: str, forgets: bool) -> None:
    edge = Edge(tmp_path)
    edge.script.ksr_dispatcher_event(None, name)
    assert edge.said("htable.sht_rm") == ([("shunned", "sip:200@pbx.example.com")] if forgets else [])


@pytest.mark.parametrize(("proto", "taken"), [("udp", True), ("tcp", False), ("tls", False), ("ws", True)])
def test_in_a_stream_a_request_says_how_long_it_is(tmp_path: Path, proto: str, *, taken: bool) -> None:
    served = frozenset({"udp", "tcp", "tls", "ws"})
    edge = Edge(tmp_path, served=served)
    assert "tm.t_relay" in edge.phone(pr=proto).done()
    del edge.fake.variables["$cl"]
    assert ("tm.t_relay" in edge.phone(pr=proto).done()) is taken
