"""What of the section `turn` only the machine can contradict."""

from __future__ import annotations

import pytest

from voxgate.config.turn import Turn
from voxgate.config.turncheck import second_address_problems

HELD = {"203.0.113.45", "203.0.113.46", "192.168.1.10", "192.168.1.11", "2001:db8::1", "2001:db8::2"}
PUBLIC = {"203.0.113.45": "203.0.113.45", "2001:db8::1": "2001:db8::1"}
HOME = {"192.168.1.10": "203.0.113.45"}


@pytest.mark.parametrize(
    ("second", "ours", "message"),
    [
        (["203.0.113.46", "2001:db8::2"], PUBLIC, ""),
        (["203.0.113.45"], PUBLIC, "first address"),
        (["203.0.113.99"], PUBLIC, "this machine has no address"),
        (["192.168.1.11"], HOME, "beside no public address"),
        (["2001:db8::2"], HOME, "beside no public address"),
    ],
)
def test_a_second_address_is_the_machines_own_and_public_as_the_first(
    second: list[str], ours: dict[str, str], message: str
) -> None:
    problems = list(second_address_problems(Turn.model_validate({"second_address": second}), HELD, ours))
    assert len(problems) == bool(message)
    assert all(message in problem.message and problem.advice for problem in problems)
    assert list(second_address_problems(None, HELD, ours)) == []
