"""CSeq inside a dialog that a provider has challenged, and whom To names there: the arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.voxgate_sip.test_trunk_calls import CARRIER
from voxgate_sip.callerid import dialled
from voxgate_sip.inside import STEP, raised_at, stepped
from voxgate_sip.trunks import Rule


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
