"""CSeq inside a dialog that a provider has challenged, and whom To names there: the arithmetic."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.voxgate_sip.edges import Edge
from tests.unit.voxgate_sip.test_trunk_calls import CARRIER
from voxgate_sip.callerid import dialled
from voxgate_sip.inside import STEP, raised_at, stepped
from voxgate_sip.trunks import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ksr.fake import Value

HEADERS = ("Proxy-Authenticate", "WWW-Authenticate")


@pytest.mark.parametrize(
    ("steps", "raised"),
    [("", {1: 0, 99: 0}), ("5:10", {4: 0, 5: 10, 6: 10}), ("5:10 9:20", {1: 0, 5: 10, 8: 10, 9: 20, 99: 20})],
)
def test_what_the_pbx_counts_is_raised_from_a_challenge_on(steps: str, raised: dict[int, int]) -> None:
    assert {cseq: raised_at(steps, cseq) for cseq in raised} == raised


@pytest.mark.parametrize(
    ("before", "cseq", "after"),
    [("", 5, "5:10"), ("5:10", 9, "5:10 9:20"), ("5:10", 5, "5:20"), ("5:10 9:20", 7, "5:10 7:30")],
    ids=["first", "later", "stale", "overtaken"],
)
def test_each_challenge_adds_a_step(before: str, cseq: int, after: str) -> None:
    assert stepped(before, cseq) == after


def test_no_request_that_is_sent_anew_has_a_number_that_was_used() -> None:
    steps, sent = "", []
    for cseq in range(1, 200):
        sent.append(cseq + raised_at(steps, cseq))
        if cseq % 3 == 0:
            steps = stepped(steps, cseq)
            sent.append(cseq + raised_at(steps, cseq))
    assert sent == sorted(set(sent))
    assert len(steps.split()) < 20
    assert sent[-1] < 200 + 67 * STEP


@pytest.mark.parametrize(
    ("user", "tag", "display", "to"),
    [
        ("030", "", "", "<sip:+4930@sip.carrier.example>"),
        ("030", "x", '"Bo"', '"Bo" <sip:+4930@sip.carrier.example>;tag=x'),
        ("110", "", "", "<sip:110@sip.carrier.example>"),
        ("anna", "", "", ""),
        ("1>evil", "", "", ""),
    ],
)
def test_to_names_the_number_as_the_provider_writes_it(user: str, tag: str, display: str, to: str) -> None:
    assert dialled(user, tag, display, replace(CARRIER, rules_out=(Rule("0", 1, "+49"),))) == to


ASKS = 'Digest realm="carrier", nonce="n"'
ANSWERED: dict[str, Value] = {"$rs": 407, "$ci": "call-1", "$ft": "ours"}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"$(hdr(Proxy-Authenticate)[0])": ASKS}, [[ASKS]]),
        ({"$(hdr(Proxy-Authenticate)[0])": ASKS, "$(hdr(Proxy-Authenticate)[1])": "Basic"}, [[ASKS, "Basic"]]),
        ({"$rs": 401, "$(hdr(WWW-Authenticate)[0])": ASKS, "$(hdr(Proxy-Authenticate)[0])": "other"}, [[ASKS]]),
        ({"$(hdr(Proxy-Authenticate)[0])": "Digest " + "x" * 2000}, [[]]),
        ({"$rs": 200}, []),
        ({"$rs": 403}, []),
    ],
    ids=["asked", "twice", "by the user agent", "endless", "good", "refused"],
)
def test_a_challenge_of_the_edges_own_bye_is_told(
    tmp_path: Path, answer: dict[str, Value], told: list[list[str]]
) -> None:
    edge = Edge(tmp_path, trunks={"carrier": replace(CARRIER, password="x")})  # noqa: S106 - nobody's
    edge.fake.variables |= {f"$(hdr({name})[{index}])": "<null>" for name in HEADERS for index in (0, 1)}
    edge.fake.variables |= ANSWERED | answer
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "events.sock"))
        receiver.setblocking(False)
        assert edge.reply("ksr_own_bye") == 1
        found = []
        with suppress(BlockingIOError):
            found.append(json.loads(receiver.recv(65536)))
    code = answer.get("$rs", 407)
    assert found == [
        {"event": "bye_challenged", "call_id": "call-1", "tag": "ours", "code": code, "challenges": one} for one in told
    ]
    assert "event=bug" not in str(edge.said("err"))


def test_a_worker_that_had_no_request_since_a_change_looks_at_a_failure_for_the_new_account(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    (other := tmp_path / "other").mkdir()
    known = Edge(other, trunks={"carrier": replace(CARRIER, password="x")})  # noqa: S106 - nobody's
    edge.path.write_text(json.dumps(json.loads(known.path.read_text()) | {"generation": 8}))
    edge.fake.variables["$shv(generation)"] = 8
    edge.fake.answers["tm.t_get_status_code"] = 486
    assert edge.reply("ksr_inside_failure") == 1
    assert len(edge.said("tm.t_get_status_code")) == 1
    assert "event=bug" not in str(edge.said("err"))
