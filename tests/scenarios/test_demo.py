"""The demo tells the truth: what it says of a series of calls, and of a claim that failed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.demo.claim import Claim, Outcome, Result
from lab.demo.failing import OTHER, VICTIM, Times, Try, judge
from lab.demo.run import trial
from lab.demo.show import as_json
from lab.demo.stage import TONES_HZ
from lab.demo.table import LANES, LAST
from lab.procs import LabError

if TYPE_CHECKING:
    from lab.demo.stage import Stage

A, B = TONES_HZ[VICTIM], TONES_HZ[OTHER]
TIMES = Times(deaf_s=10, down_s=15, cured_s=20, up_s=22)
GOOD = (Try(1, A), Try(2, B), Try(11, None, "no answer"), Try(12, B), Try(16, B), Try(17, B), Try(23, A), Try(24, B))


@pytest.mark.parametrize(
    ("tries", "words"),
    [
        pytest.param(GOOD, "", id="all well, one lost before it was noticed"),
        pytest.param(
            (*GOOD, Try(18, None, "refused with 503")), "refused with 503", id="one lost after it was noticed"
        ),
        pytest.param((*GOOD, Try(18, A)), "down took calls", id="the dead node took one"),
        pytest.param((*GOOD, Try(3, B, "no answer to BYE")), "no answer to BYE", id="one could not hang up before"),
        pytest.param((*GOOD[:6], Try(23, B)), "afterwards, not both", id="the node got no calls any more"),
        pytest.param(GOOD[1:], "before, not both", id="it never took any"),
        pytest.param((*GOOD[:4], *GOOD[6:]), "or there were none", id="nobody called while it was down"),
    ],
)
def test_a_series_of_calls_is_judged_by_what_happened_when(tries: tuple[Try, ...], words: str) -> None:
    outcome = judge(list(tries), TIMES)
    assert outcome.held is (not words)
    assert words in outcome.words


def test_a_lab_that_does_not_obey_is_a_claim_not_proven() -> None:
    def prove(stage: Stage) -> Outcome:
        raise LabError("pbx-branch: no heard within 5 s")

    result = trial(Claim("calls", "tones", prove), None)  # type: ignore[arg-type]
    assert result.outcome == Outcome(False, "pbx-branch: no heard within 5 s")


def test_one_failed_claim_makes_the_whole_fail_in_json() -> None:
    claim = Claim("calls", "tones", lambda _: Outcome(True, ""))
    good = Result(claim, Outcome(True, "both heard"), 1.26)
    assert json.loads(as_json([good, good], 2))["held"] is True
    told = json.loads(as_json([good, replace(good, outcome=Outcome(False, "one-way"))], 2))
    assert told["held"] is False
    assert told["claims"][1] == {"claim": "calls", "proof": "tones", "held": False, "words": "one-way", "seconds": 1.3}


def test_every_claim_has_a_title_of_its_own() -> None:
    titles = [claim.title for lane in (*LANES, LAST) for claim in lane]
    assert len(set(titles)) == len(titles)
