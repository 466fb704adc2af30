"""A worker and encrypted media: offers of phones and PBXs under each policy, answers, offers that come late."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.voxgate_sip.edges import Edge, next_hop
from tests.unit.voxgate_sip.offices import OFFICE, PHONE, VAULT
from tests.unit.voxgate_sip.test_crypto import HEAD, KEY, PLAIN, PRINT
from voxgate_sip.media import NOTE

if TYPE_CHECKING:
    from pathlib import Path

SDES = f"{HEAD}m=audio 4000 RTP/SAVP 0\r\n{KEY}"
DTLS = f"{HEAD}m=audio 4000 UDP/TLS/RTP/SAVP 0\r\n{PRINT}"
OPEN = HEAD + PLAIN
CHOICE = HEAD + PLAIN + KEY
CALLER, CALLEE = "$_s($si $(ct{nameaddr.uri}{uri.user}))", f"{PHONE} bob"


def edge(folder: Path, *, phones: str = "optional", pbx: str = "off") -> Edge:
    made = Edge(folder, media=True, srtp=phones, pbxs={"office": replace(OFFICE, srtp=pbx)}, domains=DOMAINS)
    made.fake.answers["htable.sht_get"] = None
    return made


DOMAINS = {"pbx.example.com": "office"}


def offered(made: Edge) -> str:
    ((flags,),) = made.said("rtpengine.rtpengine_offer")
    return str(flags)


def test_by_default_the_offer_of_a_phone_is_not_looked_at(tmp_path: Path) -> None:
    made = edge(tmp_path).phone(rb=SDES)
    assert "RTP/AVP" in offered(made)
    assert ("$rb",) not in made.said("pv.get")
    assert "488" not in str(made.said("sl.send_reply"))


@pytest.mark.parametrize(
    ("policies", "body", "reason"),
    [
        ({"phones": "required"}, OPEN, "srtp-required"),
        ({"phones": "off"}, SDES, "srtp-off"),
        ({"phones": "off"}, DTLS, "srtp-off"),
    ],
)
@pytest.mark.parametrize("inside", [False, True], ids=["first", "inside-a-dialog"])
def test_an_offer_of_a_phone_against_policy_gets_488_and_a_word(
    tmp_path: Path, policies: dict[str, str], body: str, reason: str, inside: bool
) -> None:
    dialog: dict[str, Any] = {"tt": "b", "nh(d)": "10.0.0.1", "nh(p)": 5060, "nh(P)": "UDP"} if inside else {}
    made = edge(tmp_path, **policies).phone(rb=body, **dialog)
    assert made.said("sl.send_reply") == [(488, "Not Acceptable Here")]
    assert made.said("htable.sht_inc") == [("refused", reason)]
    assert "tm.t_relay" not in made.done()
    assert "rtpengine.rtpengine_offer" not in made.done()


def test_an_offer_of_a_pbx_against_policy_gets_488(tmp_path: Path) -> None:
    assert edge(tmp_path).pbx(rb=SDES).said("sl.send_reply") == [(488, "Not Acceptable Here")]
    assert edge(tmp_path, pbx="required").pbx(rb=OPEN).said("htable.sht_inc") == [("refused", "srtp-required")]


def test_a_pbx_that_requires_encryption_gets_it(tmp_path: Path) -> None:
    assert "RTP/SAVP" in offered(edge(tmp_path, pbx="required").phone(rb=OPEN))


def test_a_phone_on_tls_may_choose_and_one_on_udp_gets_plain_rtp(tmp_path: Path) -> None:
    made = edge(tmp_path)
    assert "OSRTP" not in offered(made.pbx(rb=OPEN))
    assert "OSRTP-offer" in offered(made.pbx(rb=OPEN, **tls()))
    assert "OSRTP" not in offered(made.pbx(rb=OPEN, tt="b", **tls()))


def tls() -> dict[str, Any]:
    return {name[1:]: value for name, value in next_hop(PHONE, 40000, "TLS").items()}


@pytest.mark.parametrize(
    ("body", "note", "kept", "gets"),
    [(SDES, "sdes", 2, "RTP/SAVP"), (DTLS, "dtls", 3, "UDP/TLS/RTP/SAVP")],
)
def test_a_phone_on_tls_that_insists_is_called_as_it_offered(
    tmp_path: Path, body: str, note: str, kept: int, gets: str
) -> None:
    made = edge(tmp_path).phone(pr="tls", rb=body)
    assert made.said("tm.t_on_reply") == [("ksr_from_pbx_noted_answer",)]
    assert (NOTE, note) in made.said("pv.sets")
    assert not made.said("htable.sht_setxi")
    made.fake.answers["pv.get", "$_s($T_req($si) $T_req($(ct{nameaddr.uri}{uri.user})))"] = CALLEE
    for status, written in ((180, []), (486, []), (200, [("insisting", CALLEE, kept, 30 * 86400)])):
        made.fake.calls.clear()
        made.fake.variables |= {"$rs": status, "$si": "10.0.0.1"}
        made.reply("ksr_from_pbx_noted_answer")
        assert made.said("htable.sht_setxi") == written
    made.fake.answers["htable.sht_get", "insisting", CALLEE] = kept
    flags = offered(made.pbx(pr="udp", rb=OPEN, rU="bob", **tls()))
    assert gets in flags.split()


@pytest.mark.parametrize(
    ("kept", "note", "table", "then"),
    [
        (None, "tried-either", "htable.sht_setxi", 2),
        (2, "tried-sdes", "htable.sht_setxi", 3),
        (3, "tried-dtls", "htable.sht_rm", None),
    ],
)
def test_a_phone_that_refuses_is_called_otherwise_the_next_time(
    tmp_path: Path, kept: int | None, note: str, table: str, then: int | None
) -> None:
    made = edge(tmp_path)
    made.fake.answers["htable.sht_get", "insisting", CALLEE] = kept
    assert made.pbx(rb=OPEN, rU="bob", **tls()).said("tm.t_on_reply") == [("ksr_from_phone_noted_answer",)]
    assert (NOTE, note) in made.said("pv.sets")
    made.fake.answers["pv.get", "$_s($si $T_req($rU))"] = CALLEE
    for status, told in ((180, 0), (486, 0), (488, 1)):
        made.fake.calls.clear()
        made.fake.variables |= {"$rs": status, "$si": PHONE}
        made.reply("ksr_from_phone_noted_answer")
        learned = [args[2:3] for args in made.said(table) if args[:2] == ("insisting", CALLEE)]
        assert learned == [(then,) if then else ()] * told


def test_a_phone_that_no_longer_insists_is_forgotten(tmp_path: Path) -> None:
    made = edge(tmp_path)
    made.fake.answers["pv.get", CALLER] = CALLEE
    assert made.phone(pr="tls", rb=CHOICE).said("htable.sht_rm") == [("insisting", CALLEE)]
    assert made.said("tm.t_on_reply") == [("ksr_from_pbx_answer",)]


def test_each_offer_is_judged_for_itself_by_the_same_worker(tmp_path: Path) -> None:
    made = edge(tmp_path)
    assert not made.pbx(rb=OPEN).said("sl.send_reply")
    assert made.pbx(rb=SDES).said("sl.send_reply") == [(488, "Not Acceptable Here")]
    for kept, note in ((None, "tried-either"), (2, "tried-sdes")):
        made.fake.answers["htable.sht_get", "insisting", CALLEE] = kept
        assert (NOTE, note) in made.pbx(rb=OPEN, rU="bob", **tls()).said("pv.sets")
    made = edge(tmp_path)
    for body, note in ((SDES, "sdes"), (DTLS, "dtls")):
        assert (NOTE, note) in made.phone(pr="tls", rb=body).said("pv.sets")


def test_where_encryption_is_off_the_choice_is_answered_without_keys(tmp_path: Path) -> None:
    made = edge(tmp_path, phones="off").phone(rb=CHOICE)
    assert made.said("tm.t_on_reply") == [("ksr_from_pbx_noted_answer",)]
    made.fake.variables |= {"$rs": 183, "$si": "10.0.0.1"}
    made.reply("ksr_from_pbx_noted_answer")
    ((flags,),) = made.said("rtpengine.rtpengine_answer")
    assert str(flags).split()[-1] == "RTP/AVP"
    assert edge(tmp_path).pbx(rb=CHOICE).said("tm.t_on_reply") == [("ksr_from_phone_noted_answer",)]


@pytest.mark.parametrize(("first", "expected"), [(1, "OSRTP-offer"), (0, "SDES-no")], ids=["first", "inside"])
def test_a_late_offer_is_judged_in_the_reply(tmp_path: Path, first: int, expected: str) -> None:
    made = edge(tmp_path)
    late(made, "10.0.0.1", f"{PHONE} tls optional off {first}")
    made.reply("ksr_from_pbx_late_offer")
    assert expected in offered(made)
    assert ("OSRTP" in offered(made)) is bool(first)


def test_a_request_without_an_offer_notes_who_asks_and_both_policies(tmp_path: Path) -> None:
    made = edge(tmp_path, phones="required")
    made.fake.answers["textops.has_body_type"] = -1
    assert (NOTE, "10.0.0.1 udp off required 1") in made.pbx().said("pv.sets")
    assert made.said("tm.t_on_reply") == [("ksr_from_phone_late_offer",)]


def test_a_late_offer_against_policy_is_taken_out_also_by_a_worker_with_an_older_one(tmp_path: Path) -> None:
    made = edge(tmp_path, phones="optional")
    late(made, PHONE, "10.0.0.1 udp off required 1")
    made.reply("ksr_from_phone_late_offer")
    assert "textopsx.remove_body" in made.done()
    assert made.said("htable.sht_inc") == [("refused", "srtp-required")]
    assert "rtpengine.rtpengine_offer" not in made.done()


def late(made: Edge, source: str, asked: str) -> None:
    made.fake.variables |= {"$rs": 200, "$si": source, "$pr": "udp", "$rb": OPEN}
    made.fake.variables[NOTE] = asked
    made.fake.calls.clear()


def test_a_session_name_in_another_character_set_does_not_hide_the_offer(tmp_path: Path) -> None:
    made = edge(tmp_path, phones="required")
    body = SDES.replace("s=-", "s=B\u00fcro").encode("latin-1")
    made.fake.variables["$(rb{s.encode.hexa})"] = body.hex()
    assert "sl.send_reply" not in made.phone(rb=body).done()
    made.fake.variables["$(rb{s.encode.hexa})"] = OPEN.encode("latin-1").hex()
    assert made.phone(rb=body).said("sl.send_reply") == [(488, "Not Acceptable Here")]


def test_a_pbx_on_tls_that_another_one_calls_is_left_the_choice(tmp_path: Path) -> None:
    secure = replace(VAULT, srtp="optional")
    made = Edge(
        tmp_path,
        media=True,
        pbxs={"office": OFFICE, "vault": secure},
        domains={"vault.example.com": "vault"},
    )
    made.fake.answers["htable.sht_get"] = None
    made.pbx(rd="vault.example.com", rb=OPEN)
    assert made.said("tm.t_on_reply") == [("ksr_from_pbx_noted_answer",)]
    assert "OSRTP-offer" in offered(made)
