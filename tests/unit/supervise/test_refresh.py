"""The world around the edge changes: what runs is applied once more, without a word and without a generation more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.plan.world import desired, edited
from tests.unit.supervise.edge_on_paper import ONE, TWO, Edge
from voxgate.supervise.control import Caller
from voxgate.wire.control import ApplyRequest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def running(tmp_path: Path) -> Edge:
    edge = Edge(tmp_path)
    edge.start()
    return edge


def renewing(edge: Edge, certificate: bytes) -> None:
    """The world around the edge says something else; `certificate` is what changes."""
    edge.reading = replace(
        edge.reading, renew=lambda before, number: desired(before.config, number, certificate=certificate)
    )
    edge.operations._reading = edge.reading


def test_a_change_around_the_edge_is_applied_and_no_generation_of_its_own(running: Edge) -> None:
    running.apply(TWO)
    renewing(running, b"new")
    running.hands.calls.clear()
    asyncio.run(running.operations.refresh())
    assert [outcome[0] for outcome in running.outcomes()] == [1, 3]
    assert running.operations.running is not None
    assert running.operations.running.generation == 3
    assert not [call for call in running.hands.calls if "start" in str(call)]
    # The way back leads past it.
    running.rollback()
    assert running.main.read_text() == ONE


def test_a_person_waits_for_it_instead_of_being_sent_away(running: Edge) -> None:
    renewing(running, b"new")

    async def scene() -> None:
        request = ApplyRequest(yes=True)
        running.main.write_text(TWO)
        refresh = asyncio.create_task(running.operations.refresh())
        await asyncio.sleep(0)
        told = await running.operations.apply(request, Caller("ops", lambda _: None))
        assert "Generation 3 runs." in told.text
        await refresh

    asyncio.run(scene())


def test_without_a_change_around_the_edge_nothing_is_done(running: Edge) -> None:
    running.hands.calls.clear()
    asyncio.run(running.operations.refresh())
    assert (running.hands.calls, [outcome[0] for outcome in running.outcomes()]) == ([], [1])


def test_what_would_interrupt_waits_for_a_person(running: Edge) -> None:
    moved = edited("media.ports", "30000-40000")
    running.operations._reading = replace(running.reading, renew=lambda _, number: desired(moved, number))
    running.hands.calls.clear()
    asyncio.run(running.operations.refresh())
    assert (running.hands.calls, [outcome[0] for outcome in running.outcomes()]) == ([], [1])


def test_a_change_that_fails_leaves_the_former(running: Edge) -> None:
    renewing(running, b"new")
    running.hands.fail = frozenset({len(running.hands.calls) + 2})
    state = running.hands.state()
    asyncio.run(running.operations.refresh())
    assert [outcome[0] for outcome in running.outcomes()] == [1]
    assert running.hands.state() == state
