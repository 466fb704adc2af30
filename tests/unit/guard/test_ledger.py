"""What is counted against whom, and that no flood makes the ledger grow."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.guard.world import START, net, seen
from voxgate.guard.ledger import MOST_EVIDENCE, MOST_FORGEABLE_EVIDENCE, WINDOW_S, Evidence, Ledger
from voxgate.guard.networks import requester

HOST = net("203.0.113.9/32")


def at(seconds: float) -> Evidence:
    return Evidence(seen(at=START + timedelta(seconds=seconds)), 1, "")


@given(st.lists(st.tuples(st.floats(0, 300), st.integers(1, 50)), max_size=60))
def test_the_score_is_the_sum_of_the_last_minute_to_the_second(steps: list[tuple[float, int]]) -> None:
    ledger, told = Ledger(), []
    for moment, weight in sorted(steps):
        told.append((moment, weight))
        score = ledger.count(HOST, at(moment).observation, weight)
        surely = sum(one for when, one in told if when > moment - 59)
        perhaps = sum(one for when, one in told if when > moment - 61)
        assert surely <= score <= perhaps


def test_a_score_is_gone_after_a_minute_and_when_it_is_cleared() -> None:
    ledger = Ledger()
    assert ledger.count(HOST, seen(), 5) == 5
    assert ledger.score(HOST, START + timedelta(seconds=59)) == 5
    assert ledger.score(HOST, START + timedelta(seconds=61)) == 0
    ledger.count(HOST, seen(), 5)
    ledger.clear(HOST)
    assert ledger.score(HOST, START) == 0


def test_what_was_cleared_is_not_subtracted_once_more_when_its_minute_is_over() -> None:
    ledger = Ledger()
    ledger.count(HOST, at(0).observation, 5)
    ledger.clear(HOST)
    assert ledger.count(HOST, at(50).observation, 3) == 3
    assert ledger.score(HOST, START + timedelta(seconds=70)) == 3


def test_what_counts_nothing_tells_the_score_and_is_not_remembered() -> None:
    ledger = Ledger()
    assert ledger.count(HOST, seen(), 0) == 0
    assert len(ledger) == 0
    ledger.count(HOST, seen(), 5)
    assert ledger.count(HOST, seen(), 0) == 5


def test_the_window_is_a_minute_and_no_more() -> None:
    ledger = Ledger()
    ledger.count(HOST, seen(), 5)
    assert ledger.score(HOST, START + timedelta(seconds=WINDOW_S)) == 0


def test_a_flood_within_one_second_is_one_entry() -> None:
    ledger = Ledger()
    for part in range(1000):
        ledger.count(HOST, at(part / 1000).observation, 1)
    ledger.count(HOST, at(1).observation, 1)
    assert len(ledger._proven[HOST].counted) == 2
    assert ledger.score(HOST, START + timedelta(seconds=59)) == 1001


def test_somebody_is_told_of_a_requester_once_a_minute_even_when_he_goes_on() -> None:
    ledger = Ledger()
    told = [second for second in range(0, 130, 10) if ledger.may_alert(HOST, START + timedelta(seconds=second))]
    assert told == [0, 60, 120]
    assert ledger.may_alert(net("203.0.113.10/32"), START)


def test_a_clock_that_is_set_back_keeps_nobody_in_the_window_for_ever() -> None:
    ledger = Ledger()
    ledger.count(HOST, at(3600).observation, 5)
    assert ledger.count(HOST, at(0).observation, 1) == 1


def test_evidence_is_bounded_and_in_order() -> None:
    ledger = Ledger()
    for second in range(MOST_EVIDENCE + 10):
        ledger.note(HOST, at(second))
    for second in range(MOST_FORGEABLE_EVIDENCE + 10):
        ledger.note(HOST, Evidence(seen(at=START + timedelta(seconds=second), proven=False), 0, ""))
    kept = ledger.evidence(HOST)
    assert len(kept) == MOST_EVIDENCE + MOST_FORGEABLE_EVIDENCE
    assert [piece.observation.at for piece in kept] == sorted(piece.observation.at for piece in kept)
    assert kept[0].observation.at == START + timedelta(seconds=10)
    assert kept[-1].observation.at == START + timedelta(seconds=MOST_EVIDENCE + 9)


def test_a_flood_of_forged_addresses_pushes_no_attacker_out() -> None:
    ledger = Ledger(most_proven=100, most_forgeable=10)
    ledger.count(HOST, seen(), 7)
    for number in range(1000):
        forged = seen(str(IPv4Address(number + 1)), proven=False)
        ledger.note(requester(forged.requester, 32, 64), Evidence(forged, 0, ""))
    assert len(ledger) == 11
    assert ledger.score(HOST, START) == 7


def test_a_flood_of_attackers_is_bounded_and_the_busiest_stay() -> None:
    ledger = Ledger(most_proven=100)
    for number in range(1000):
        ledger.count(HOST, seen(), 1)
        ledger.count(net(f"10.0.{number // 250}.{number % 250}/32"), seen(), 1)
    assert len(ledger) == 100
    assert ledger.score(HOST, START) == 1000


def test_who_was_quiet_for_longest_is_forgotten_first() -> None:
    ledger = Ledger(most_proven=2)
    quiet, busy, new = (net(f"203.0.113.{number}/32") for number in (1, 2, 3))
    for one in (quiet, busy, new):
        ledger.count(one, seen(), 1)
    assert [ledger.score(one, START) for one in (quiet, busy, new)] == [0, 1, 1]
