"""Times of thousands of connections: what is due comes, once, and what was dropped or set anew does not."""

from __future__ import annotations

from voxgate.router.driver.wheel import STEP_S, Timed, Wheel

NOW_S = 1000.0


class Item(Timed):
    def abort(self) -> None:
        raise AssertionError


def test_an_item_is_due_once_not_before_its_time_and_a_step_later_at_most() -> None:
    for after_s in (0.0, 0.1, STEP_S, 1.0, 15.0):
        wheel, item = Wheel(NOW_S), Item()
        wheel.set(item, NOW_S + after_s)
        assert not [found for found in wheel.due(NOW_S + after_s - 0.001) if after_s]
        assert wheel.due(NOW_S + after_s + 2 * STEP_S) == [item]
        assert wheel.due(NOW_S + 1000) == []
        assert len(wheel) == 0


def test_a_time_set_anew_takes_the_place_of_the_former_one() -> None:
    wheel, item = Wheel(NOW_S), Item()
    wheel.set(item, NOW_S + 1)
    wheel.set(item, NOW_S + 5)
    assert wheel.due(NOW_S + 3) == []
    assert wheel.due(NOW_S + 6) == [item]


def test_what_was_dropped_is_never_due_and_leaves_nothing_behind() -> None:
    wheel = Wheel(NOW_S)
    items = [Item() for _ in range(1000)]
    for number, item in enumerate(items):
        wheel.set(item, NOW_S + number / 100)
    for item in items[1:]:
        wheel.drop(item)
        wheel.drop(item)
    assert wheel.due(NOW_S + 60) == items[:1]
    assert len(wheel) == 0


def test_after_a_long_sleep_everything_is_due_in_its_order() -> None:
    wheel, items = Wheel(NOW_S), [Item() for _ in range(5)]
    for number, item in enumerate(items):
        wheel.set(item, NOW_S + number)
    assert wheel.due(NOW_S + 86_400) == items


def test_an_item_may_be_set_again_when_its_time_has_come() -> None:
    wheel, item = Wheel(NOW_S), Item()
    wheel.set(item, NOW_S + 1)
    assert wheel.due(NOW_S + 2) == [item]
    wheel.set(item, NOW_S + 2)
    assert wheel.due(NOW_S + 3) == [item]
