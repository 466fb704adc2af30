"""What a plan says of STUN and TURN, secrets never."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.plan.world import edited
from voxgate.config.secrets import Secret
from voxgate.plan.sentences import changes

if TYPE_CHECKING:
    from voxgate.config.model import Config

OLD, NEW = Secret("an old secret of ours"), Secret("another secret of ours")


def with_turn(**keys: object) -> Config:
    return edited("turn", keys)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (edited(), with_turn(), ["+ serves STUN and TURN: STUN only on port 3478"]),
        (
            edited(),
            with_turn(accounts={"a": OLD}, shared_secret=OLD),
            ["+ serves STUN and TURN: accounts on port 3478; time-limited credentials on port 3480"],
        ),
        (with_turn(), edited(), ["- no longer serves STUN and TURN"]),
        (with_turn(), with_turn(accounts={"a": OLD}), ["+ TURN: adds account a"]),
        (
            with_turn(accounts={"a": OLD, "b": OLD}),
            with_turn(accounts={"b": NEW}),
            [
                "- TURN: removes account a: no new allocations, those it has go on",
                "~ TURN: account b has another password, allocations go on",
            ],
        ),
        (
            with_turn(shared_secret=OLD),
            with_turn(shared_secret=[NEW, OLD]),
            ["~ TURN: secrets of time-limited credentials change (1 -> 2), allocations go on"],
        ),
        (
            with_turn(shared_secret=OLD),
            with_turn(shared_secret=OLD, accounts={"a": OLD}),
            ["+ TURN: adds account a", "~ TURN: time-limited credentials move from port 3478 to port 3480"],
        ),
        (with_turn(), with_turn(port=3500), ["~ TURN: its port: 3478 -> 3500"]),
        (
            with_turn(),
            with_turn(peers=["172.16.0.0/24"]),
            ["~ TURN: networks that may be reached: none -> 172.16.0.0/24"],
        ),
        (with_turn(), with_turn(quota={"total": 9}), ["~ TURN: allocations altogether: 1000 -> 9"]),
    ],
)  # fmt: skip
def test_a_change_is_told(before: Config, after: Config, told: list[str]) -> None:
    said = [str(change) for change in changes(before, after)]
    assert said == told
    assert not any(secret.reveal() in line for line in said for secret in (OLD, NEW))
