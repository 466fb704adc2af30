from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxgate.certs.schedule import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    MOST_ORDERS,
    ORDERS_WITHIN_S,
    Life,
    Memory,
    due_s,
    failed,
    ordered,
    succeeded,
    suggested,
)

DAY = 86400.0
NOW = 1_800_000_000.0
WANTED = "names"
#: As Let's Encrypt signs: for ninety days.
LIFE = Life(NOW, NOW + 90 * DAY, fits=True)


def shown(**more: float) -> Memory:
    """After one order that went well."""
    memory = succeeded(ordered(Memory(), WANTED, NOW), WANTED, chance=more.pop("chance", 0.5))
    return suggested(memory, more.get("suggested_s"), 0.0)


def test_what_was_never_ordered_is_due_at_once() -> None:
    assert due_s(None, Memory(), WANTED) <= NOW


@pytest.mark.parametrize(("chance", "days"), [(0.0, 60.0), (1.0, 57.0)])
def test_a_third_of_the_life_is_left_when_it_is_renewed_and_not_all_come_at_once(chance: float, days: float) -> None:
    assert due_s(LIFE, shown(chance=chance), WANTED) == pytest.approx(NOW + days * DAY)


def test_what_the_authority_suggests_counts_earlier_and_later_but_never_until_the_end() -> None:
    for asked, expected in (
        (NOW + DAY, NOW + DAY),
        (NOW + 70 * DAY, NOW + 70 * DAY),
        (NOW + 900 * DAY, NOW + 82.5 * DAY),
    ):
        assert due_s(LIFE, shown(suggested_s=asked), WANTED) == pytest.approx(expected)


def test_other_names_are_due_at_once_whatever_waits() -> None:
    waiting = failed(shown(), WANTED, "no", NOW, chance=0.5, retry_after_s=DAY)
    assert due_s(Life(LIFE.begins_s, LIFE.expires_s, fits=False), waiting, "other names") <= NOW
    assert due_s(Life(LIFE.begins_s, LIFE.expires_s, fits=False), waiting, WANTED) == NOW + DAY


def test_pauses_double_up_to_half_a_day_and_are_drawn_by_lot() -> None:
    memory, pauses = Memory(), []
    for _ in range(12):
        memory = failed(memory, WANTED, "no", NOW, chance=0.5)
        pauses.append(memory.not_before_s - NOW)
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    early, late = (failed(Memory(), WANTED, "no", NOW, chance=chance).not_before_s for chance in (0.0, 1.0))
    assert (early - NOW, late - NOW) == (0.75 * FIRST_PAUSE_S, 1.25 * FIRST_PAUSE_S)


def test_the_authoritys_word_on_waiting_is_longer_than_ours() -> None:
    assert failed(Memory(), WANTED, "rate limit", NOW, chance=0.5, retry_after_s=7 * DAY).not_before_s == NOW + 7 * DAY


def test_the_same_names_are_ordered_so_often_in_a_week_and_no_more() -> None:
    memory = Memory()
    for n in range(MOST_ORDERS):
        assert due_s(None, memory, WANTED) <= NOW + n
        memory = ordered(memory, WANTED, NOW + n)
    assert due_s(None, memory, WANTED) == NOW + ORDERS_WITHIN_S
    assert due_s(None, ordered(memory, "other names", NOW), "other names") <= NOW, "other names, another limit"


def test_a_life_of_a_day_knows_no_limit() -> None:
    memory = Memory()
    for n in range(9):
        memory = ordered(memory, WANTED, NOW + n)
    assert due_s(Life(NOW, NOW + 30, fits=True), memory, WANTED) < NOW + 30


def test_success_forgets_failures() -> None:
    memory = failed(Memory(), WANTED, "no", NOW, chance=0.5)
    after = succeeded(ordered(memory, WANTED, NOW), WANTED, chance=0.5)
    assert (after.failures, after.error, after.not_before_s) == (0, "", 0.0)


@given(
    st.floats(0, 1),
    st.floats(0, 400 * DAY),
    st.integers(0, 40),
    st.one_of(st.none(), st.floats(NOW - 900 * DAY, NOW + 900 * DAY)),
)
def test_it_is_always_renewed_before_its_end_unless_something_failed(
    chance: float, length: float, orders: int, wish: float | None
) -> None:
    life = Life(NOW, NOW + length, fits=True)
    memory = suggested(Memory(chance=chance, wanted=WANTED, orders_s=(NOW,) * min(orders, 3)), wish, 0.0)
    assert due_s(life, memory, WANTED) <= life.expires_s
