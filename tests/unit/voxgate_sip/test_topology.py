"""Which messages topoh leaves alone, judged by what stands in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.offices import DESK, OFFICE, PHONE, PHONE6, policy
from voxgate_sip.topology import sender

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ksr.fake import Value

VIA = "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1"
SENDERS = {
    "request": (f"<null>\n{VIA}\n<sip:600@10.0.0.9>", "10.0.0.1"),
    "request-ipv6": ("<null>\nSIP / 2.0 / TCP [fd00::7]:5060;branch=x\n<null>", "[fd00::7]"),
    "request-of-the-edge-itself": ("<null>\n<null>\n<null>", ""),
    "answer": (f"200\n{VIA}\n<sip:600@10.0.0.2:5060;transport=udp>", "10.0.0.2"),
    "answer-ipv6": ('200\n<null>\n"Desk" <sip:[fd00::7]:5060>', "[fd00::7]"),
    "answer-without-contact": (f"180\n{VIA}\n<null>", ""),
    "contact-without-brackets": ("200\n<null>\nsip:600@10.0.0.2;x=y", "10.0.0.2"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("values", "host"), SENDERS.values(), ids=SENDERS)
def test_a_message_tells_who_sends_it(values: str, host: str) -> None:
    assert sender(values) == host


def left_alone(folder: Path, to: str, *, hide: bool, **variables: Value) -> bool:
    """Whether a message to `to` leaves as it is; the office's PBX hides or not."""
    office = replace(OFFICE, hide_topology=hide)
    edge = Edge(folder, pbxs={**policy().pbxs, "office": office})
    edge.fake.variables = {"$sndto(ip)": to, **{f"${name}": value for name, value in variables.items()}}
    edge.script.ksr_topoh_event(None, "topoh:msg-sending")
    return "set_drop" in edge.done()


def test_insiders_and_pbxs_see_everything(tmp_path: Path) -> None:
    assert left_alone(tmp_path, DESK, hide=True)
    assert left_alone(tmp_path, "198.51.100.7", hide=True)
    assert left_alone(tmp_path, "[fd00::99]", hide=True)


@pytest.mark.parametrize("to", [PHONE, f"[{PHONE6}]"])
@pytest.mark.parametrize("hide", [True, False])
def test_phones_outside_see_the_pbx_that_does_not_mind(tmp_path: Path, to: str, hide: bool) -> None:
    assert left_alone(tmp_path, to, hide=hide, **{"(hdr(Via)[1])": VIA}) is not hide
    assert left_alone(tmp_path, to, hide=hide, rs=200, ct="<sip:600@10.0.0.2>") is not hide


def test_what_a_phone_forges_into_its_own_via_reveals_no_hidden_pbx(tmp_path: Path) -> None:
    forged: dict[str, Value] = {"rs": 200, "(hdr(Via)[1])": VIA, "ct": "<sip:600@198.51.100.9>"}
    assert not left_alone(tmp_path, PHONE, hide=False, **forged)


def test_where_all_pbxs_hide_no_message_is_looked_into(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.fake.variables = {"$sndto(ip)": PHONE}
    edge.fake.calls.clear()
    edge.script.ksr_topoh_event(None, "topoh:msg-sending")
    assert edge.said("pv.get") == [("$sndto(ip)",)]
