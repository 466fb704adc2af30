"""What parties outside see of a PBX, and that it comes back as it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.offices import DESK, INSIDE, PHONE, PHONE6, PUBLIC
from voxgate_sip.hiding import Seal, real, shown

if TYPE_CHECKING:
    from pathlib import Path

SEAL = Seal(b"a key")
OWN = "203.0.113.5:5060"
CONTACTS = {
    "host-and-port": ("<sip:600@10.0.0.1:5060;transport=udp>", "sip:600@10.0.0.1:5060;transport=udp"),
    "no-user": ("<sip:10.0.0.1>;expires=60", "sip:10.0.0.1"),
    "ipv6": ('"A <b>" <sip:600@[fd00::7]:5080;ob>;q=1', "sip:600@[fd00::7]:5080;ob"),
    "ipv6-without-user": ("<sip:[fd00::7];lr>", "sip:[fd00::7];lr"),
    "name": ("<sips:600@pbx.office.local>", "sips:600@pbx.office.local"),
    "user-with-parameters": ("<sip:600;phone-context=+49@10.0.0.1>", "sip:600;phone-context=+49@10.0.0.1"),
    "no-brackets": ("sip:600@10.0.0.1", "sip:600@10.0.0.1"),
}
ROUTES = "<sip:10.0.0.8;lr>, <sip:10.0.0.9:5080;lr>"


def uri(contact: str) -> str:
    """What a phone puts into its request URI."""
    found = re.search(r"sips?:[^<>\s]+", contact.rpartition("<")[2])
    assert found
    return found[0]


def test_an_edge_on_ipv6_is_replaced_whole_with_what_stands_behind_it() -> None:
    for own in ("[2001:db8::5]:5060", "[2001:db8::5]", OWN):
        for user in ("600@", ""):
            contact = shown(f"<sip:{user}10.0.0.1;transport=tcp>", own, "", SEAL)
            assert real(uri(contact), SEAL) == (f"sip:{user}10.0.0.1;transport=tcp", "")
    with pytest.raises(ValueError, match="no seal"):
        real("sip:600@[2001:db8::5]", SEAL)


@pytest.mark.parametrize(("contact", "whole"), CONTACTS.values(), ids=CONTACTS)
@pytest.mark.parametrize("routes", ["", ROUTES], ids=["no-routes", "routes"])
@pytest.mark.parametrize("own", [OWN, "[2001:db8::5]:5061"], ids=["ipv4", "ipv6"])
def test_a_contact_shows_the_edge_and_comes_back(contact: str, whole: str, routes: str, own: str) -> None:
    seen = shown(contact, own, routes, SEAL)
    assert own in seen
    assert not re.search(r"10\.0\.0|fd00|local", seen)
    assert real(uri(seen), SEAL) == (whole, routes)


def test_several_contacts_are_all_hidden_and_a_star_stays() -> None:
    assert "10.0.0" not in shown("<sip:10.0.0.1>;q=1, <sip:10.0.0.2>;q=0.5", OWN, "", SEAL)
    assert shown("*", OWN, "", SEAL) == "*"


def test_a_phone_may_put_its_own_parameters_behind_the_seal() -> None:
    seen = uri(shown("<sip:600@10.0.0.1>", OWN, "", SEAL))
    assert real(f"{seen};user=phone", SEAL) == ("sip:600@10.0.0.1;user=phone", "")


def test_what_was_noted_of_the_way_to_a_phone_is_sealed_as_well() -> None:
    contact = "<sip:100@192.168.1.50:5062;transport=udp;alias=192.168.1.50~5062~1;ob>"
    seen = shown(contact, OWN, ROUTES, SEAL)
    assert "192.168.1.50" not in seen
    assert real(uri(seen), SEAL) == ("sip:100@192.168.1.50:5062;alias=192.168.1.50~5062~1;transport=udp;ob", ROUTES)


@given(st.text(max_size=300))
def test_a_seal_opens_to_what_was_closed_and_is_fit_for_a_uri(text: str) -> None:
    token = SEAL.close(text)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    assert SEAL.open(token) == text


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_what_was_not_sealed_here_is_refused(token: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  binascii.Error and UnicodeDecodeError among them
        SEAL.open(token)


def test_another_key_neither_opens_nor_gives_the_same() -> None:
    other = Seal(b"another")
    assert other.close("10.0.0.1") != SEAL.close("10.0.0.1")
    with pytest.raises(ValueError):  # noqa: PT011  as above
        other.open(SEAL.close("10.0.0.1"))


@pytest.mark.parametrize(("source", "callback"), [(PHONE, "ksr_from_hidden"), (PHONE6, "ksr_from_hidden"), (DESK, "")])
def test_answers_of_a_pbx_are_covered_for_parties_outside_only(tmp_path: Path, source: str, callback: str) -> None:
    edge = Edge(tmp_path, hide_topology=True).phone(si=source)
    assert [name for (name,) in edge.said("tm.t_on_reply") if "hidden" in str(name)] == ([callback] if callback else [])


def test_a_pbxs_request_shows_the_edge_as_the_one_it_came_from(tmp_path: Path) -> None:
    via = "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1"
    edge = Edge(tmp_path, hide_topology=True)
    edge.fake.variables |= {"$hdrc(Via)": 2, "$hdr(Via)": via, "$ct": "<sip:600@10.0.0.1>"}
    edge.pbx()
    assert edge.said("textops.remove_hf_idx") == [("Via", 1)]
    assert edge.said("textops.replace_hdrs_str") == [(via, f"SIP/2.0/UDP {OWN};branch=z9hG4bKvoxgate", "f")]
    done = edge.done()
    assert done.index("tm.t_newtran") < done.index("corex.set_source_address") < done.index("tm.t_relay")
    assert not any("10.0.0.1" in str(words) for words in edge.said("hdr.append"))


def test_a_repeated_request_of_a_pbx_goes_no_further(tmp_path: Path) -> None:
    edge = Edge(tmp_path, hide_topology=True)
    edge.fake.answers["tm.t_newtran"] = 0
    assert "tm.t_relay" not in edge.pbx().done()


def test_a_sealed_request_uri_is_opened_before_the_route_set_is_looked_at(tmp_path: Path) -> None:
    sealed = uri(shown("<sip:600@10.0.0.1:5060>", OWN, ROUTES, SEAL))
    edge = Edge(tmp_path)
    edge.fake.variables |= {"$nh(d)": "10.0.0.1", "$nh(p)": 5060, "$nh(P)": "UDP"}
    edge.phone("BYE", ru=sealed, tt="b")
    assert edge.said("seturi") == [("sip:600@10.0.0.1:5060",)]
    done = edge.done()
    assert done.index("seturi") < done.index("rr.loose_route") < done.index("tm.t_relay")
    assert edge.said("hdr.append") == [(f"Route: {ROUTES}\r\n",)]
    assert edge.said("setdsturi") == [("sip:10.0.0.8;lr",)]


def test_a_forged_seal_is_refused(tmp_path: Path) -> None:
    edge = Edge(tmp_path).phone("BYE", ru=f"sip:600@{OWN};n=AAAAAAAAAAAA", tt="b")
    assert edge.said("sl.send_reply") == [(403, "Forbidden")]
    assert "tm.t_relay" not in edge.done()


def test_proxies_behind_the_edge_go_into_the_seal_in_the_order_of_requests(tmp_path: Path) -> None:
    own = f"<sip:{INSIDE}:5060;transport=udp;e=o4udp;lr>"
    edge = Edge(tmp_path, hide_topology=True)
    edge.fake.variables |= {
        "$T_req($si)": PHONE,
        "$T_req($pr)": "udp",
        "$ct": "<sip:600@10.0.0.1>",
        "$(hdr(Record-Route)[*])": f"<sip:10.0.0.9:5080;lr>, <sip:10.0.0.8;lr>, {own}",
    }
    edge.fake.calls.clear()
    assert edge.reply("ksr_from_hidden") == 1
    routes, contact = (str(words[0]) for words in edge.said("hdr.append"))
    assert routes == f"Record-Route: <sip:{PUBLIC}:5060;transport=udp;lr>\r\n"
    assert real(uri(contact), SEAL) == ("sip:600@10.0.0.1", ROUTES)


def test_the_answer_to_a_request_inside_the_dialog_keeps_the_proxies_that_it_passed(tmp_path: Path) -> None:
    edge = Edge(tmp_path, hide_topology=True)
    edge.phone("INVITE", tt="b", ru=uri(shown("<sip:600@10.0.0.1:5060>", OWN, ROUTES, SEAL)))
    edge.fake.variables |= {"$T_req($si)": PHONE, "$T_req($pr)": "udp", "$ct": "<sip:600@10.0.0.1>"}
    edge.fake.calls.clear()
    assert edge.reply("ksr_from_hidden") == 1
    [(contact,)] = edge.said("hdr.append")
    assert real(uri(str(contact)), SEAL) == ("sip:600@10.0.0.1", ROUTES)
