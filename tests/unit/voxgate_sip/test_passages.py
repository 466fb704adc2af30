"""Which passage of a call it is, by what the edge itself has written into the message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.voxgate_sip.edges import Edge, next_hop
from tests.unit.voxgate_sip.offices import INSIDE, PHONE, PUBLIC
from voxgate_sip.hiding import Seal, shown
from voxgate_sip.passages import marked, passage_after, passage_along

if TYPE_CHECKING:
    from pathlib import Path

OWN = "192.168.1.10:5060"
OURS = f"<sip:{OWN};transport=udp;e=-;lr>"
PROXY = "<sip:192.168.1.21:5080;lr>"


@pytest.mark.parametrize(
    ("routes", "passage"),
    [
        ("<null>", ""),
        (PROXY, ""),
        (f"<sip:{OWN};lr>", ""),
        (f"{PROXY}, {OURS}", "2"),
        (f"{PROXY}, <sip:{OWN};transport=udp;e=o4udp{marked('2')};lr>, {PROXY}, {OURS}", "3"),
        (f"{PROXY}, <sip:{OWN};transport=udp;e=o4udp;u=1-a2-t{marked('4')};lr>", "5"),
        (f"<sip:{OWN};transport=udp;e=o4udp{marked('9')};lr>", "9"),
    ],
    ids=["none", "a proxy", "not ours", "second", "third", "others hidden", "bounded"],
)
def test_a_call_that_has_our_record_route_passes_again(routes: str, passage: str) -> None:
    assert passage_after(routes, {OWN}) == passage


@pytest.mark.parametrize(
    ("route", "passage"),
    [
        ("<null>", ""),
        (OURS, ""),
        (f"<sip:{OWN};transport=udp;e=-;m=~2;lr>, {PROXY}", "2"),
        (f"<sip:{OWN};transport=udp;u=1-a2-t;m=~3;lr>", "3"),
        (f"{OURS}, <sip:{OWN};m=~2;lr>", ""),
        (f"<sip:{OWN};m=~2x;lr>", ""),
        (f"<sip:{OWN};m=~;lr>", ""),
        (f"<sip:{OWN};m=~1;lr>", ""),
        (f"<sip:{OWN};m=~22222;lr>", ""),
    ],
)
def test_inside_the_dialog_the_first_route_tells(route: str, passage: str) -> None:
    assert passage_along(route) == passage


def spiral(edge: Edge, method: str = "INVITE", **more: Any) -> Edge:
    """A request that comes by again, from a PBX to another one."""
    recorded: dict[str, Any] = {
        "hdrc(Record-Route)": 1,
        "(hdr(Record-Route)[*])": f"<sip:{INSIDE}:5060;transport=udp;e=o4udp;lr>",
    }
    edge.fake.answers["textops.has_body_type"] = 1
    return edge.pbx(method, hop="pbx.example.com", **recorded, **more)


def test_audio_of_a_later_passage_has_a_name_of_its_own_and_its_replies_too(tmp_path: Path) -> None:
    edge = spiral(Edge(tmp_path, media=True))
    [(flags,)] = edge.said("rtpengine.rtpengine_offer")
    assert " call-id=passage2-" in str(flags)
    [(route,)] = edge.said("rr.record_route_preset_one")
    assert str(route).endswith(";e=i4udp;m=~2")
    [(callback,)] = edge.said("tm.t_on_reply")
    assert str(callback).startswith("ksr_from_pbx_again_")
    edge.fake.variables |= {"$rs": 200}
    edge.fake.calls.clear()
    edge.reply(str(callback))
    [(answer,)] = edge.said("rtpengine.rtpengine_answer")
    assert str(answer).split()[-1] == str(flags).split()[-1]


def test_where_nothing_of_the_edge_was_recorded_it_is_the_first_passage(tmp_path: Path) -> None:
    edge = Edge(tmp_path, media=True)
    edge.fake.answers["textops.has_body_type"] = 1
    foreign: dict[str, Any] = {"hdrc(Record-Route)": 1, "(hdr(Record-Route)[*])": PROXY}
    edge.phone(**foreign)
    [(flags,)] = edge.said("rtpengine.rtpengine_offer")
    assert "call-id" not in str(flags)


def test_a_failed_attempt_of_a_later_passage_ends_its_own_audio(tmp_path: Path) -> None:
    edge = spiral(Edge(tmp_path, media=True))
    edge.fake.answers |= {"tm.t_is_canceled": 1, "tm.t_get_status_code": 486}
    edge.fake.calls.clear()
    assert edge.script.ksr_failure(None) == 1
    assert [str(args[0])[:17] for args in edge.said("rtpengine.rtpengine_delete")] == ["call-id=passage2-"]
    assert edge.said("rtpengine.rtpengine_delete0") == []


@pytest.mark.parametrize(
    ("first", "after", "own"),
    [(";m=~2", "2;lr>, <sip:p~3;lr>", True), ("", "3;lr>", False)],
    ids=["its own", "another's"],
)
def test_a_bye_ends_the_audio_of_its_passage(tmp_path: Path, first: str, after: str, *, own: bool) -> None:
    edge = Edge(tmp_path, media=True)
    route = f"<sip:{INSIDE}:5060{first};lr>, <sip:p~3;lr>"
    edge.pbx("BYE", tt="b", **{"hdr(Route)": route, "(hdr(Route){s.after,~})": after})
    assert edge.done()[-1] == "tm.t_relay"
    assert ["rtpengine.rtpengine_delete" in edge.done(), "rtpengine.rtpengine_delete0" in edge.done()] == [own, not own]


def test_a_pbx_in_a_dialog_reaches_the_next_proxy_before_the_phone(tmp_path: Path) -> None:
    edge = Edge(tmp_path).pbx("BYE", tt="b", du="sip:10.0.0.2:5060;lr")
    assert "nathelper.handle_ruri_alias" not in edge.done()
    assert next_hop(PHONE).items() <= edge.fake.variables.items()


def test_a_seal_is_for_a_later_passage_where_a_proxy_comes_next(tmp_path: Path) -> None:
    sealed = shown("<sip:600@10.0.0.9>", f"{PUBLIC}:5060", "", Seal(b"a key"))[1:-1]
    further = Edge(tmp_path).pbx("BYE", tt="b", ru=sealed, du="sip:198.51.100.7:5060;lr")
    # Opened for the search along the route set, to which it would be a strict router's, and closed again.
    assert further.said("seturi") == [("sip:600@10.0.0.9",), (sealed,)]


def test_a_pbx_may_have_a_parameter_that_looks_like_a_seal(tmp_path: Path) -> None:
    assert Edge(tmp_path).pbx("BYE", tt="b", ru="sip:100@192.0.2.1;n=7").done()[-1] == "tm.t_relay"


@pytest.mark.parametrize("lure", ["sip:203.0.113.60;lr", "sip:10.0.0.2:7000;lr", "sip:192.168.1.21:5080;lr", "tel:1"])
def test_no_route_of_a_callers_own_making_leads_a_pbx_anywhere_but_to_the_caller(tmp_path: Path, lure: str) -> None:
    assert "nathelper.handle_ruri_alias" in Edge(tmp_path).pbx("BYE", tt="b", du=lure).done()


def test_the_path_that_a_pbx_sends_along_is_no_later_passage(tmp_path: Path) -> None:
    path = f"sip:{INSIDE}:5060;transport=udp;lr;received=sip:203.0.113.77:5060%3btransport%3dudp"
    assert "nathelper.handle_ruri_alias" in Edge(tmp_path).pbx("BYE", tt="b", du=path).done()
    assert (
        "nathelper.handle_ruri_alias" not in Edge(tmp_path).pbx("BYE", tt="b", du=path.partition(";received")[0]).done()
    )
