from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.unit.plan.world import FakeMachine
from tests.unit.supervise.edge_on_paper import BROKEN, MOVED, NOW, ONE, TWO, Edge, observed, read_texts, want
from voxgate.config.load import load
from voxgate.errors import ConfigError, ExitCode, HostError, UsageError
from voxgate.plan.apply import Applied, Kept
from voxgate.plan.history import History, Outcome
from voxgate.supervise.control import Caller
from voxgate.supervise.verbs import Machine, Operations, Reading, plan_offline
from voxgate.wire.control import ApplyRequest, PlanRequest

if TYPE_CHECKING:
    from pathlib import Path

    from voxgate.plan.desired import Desired


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


@pytest.fixture
def running(edge: Edge) -> Edge:
    edge.start()
    return edge


def test_a_first_start_is_generation_one(edge: Edge) -> None:
    assert edge.start() == Applied(1)
    assert edge.outcomes() == [(1, "run", Outcome.APPLIED)]
    assert set(edge.hands.processes) == {"rtpengine", "kamailio"}


def test_a_restart_with_the_same_files_keeps_the_number(running: Edge) -> None:
    running.apply(TWO)
    running.reboot()
    assert running.start() == Applied(2)
    assert [number for number, _, _ in running.outcomes()] == [1, 2]


def test_a_restart_with_other_files_is_a_new_generation(running: Edge) -> None:
    running.reboot()
    running.main.write_text(TWO)
    assert running.start() == Applied(2)


def test_a_broken_file_stops_the_start_before_anything(edge: Edge) -> None:
    edge.main.write_text(BROKEN)
    with pytest.raises(ConfigError):
        edge.start()
    assert not edge.hands.calls
    assert not edge.outcomes()


def test_an_apply_makes_a_new_generation_and_keeps_its_files(running: Edge) -> None:
    told = running.apply(TWO)
    assert told.exit_code is ExitCode.GOOD
    assert told.text.endswith("Generation 2 runs.")
    assert told.data["result"] == "applied"
    assert running.history.sources(2)[0].text == TWO
    assert running.hands.generations["kamailio"] == 2


def test_nothing_to_do_makes_no_generation(running: Edge) -> None:
    running.hands.calls.clear()
    assert running.apply(ONE + "# a comment\n").text == "Nothing to do: generation 1 runs as configured."
    assert running.outcomes() == [(1, "run", Outcome.APPLIED)]
    assert not running.hands.calls


def test_what_is_dangerous_needs_a_word(running: Edge) -> None:
    with pytest.raises(UsageError, match="calls in progress lose audio") as caught:
        running.apply(MOVED)
    assert "Repeat with --yes" in str(caught.value)
    assert len(running.outcomes()) == 1
    assert running.apply(yes=True).exit_code is ExitCode.GOOD


def test_a_failed_apply_is_recorded_with_its_reason_and_the_former_generation_runs(running: Edge) -> None:
    state = running.hands.state()
    running.hands.fail = frozenset({len(running.hands.calls) + 2})
    told = running.apply(TWO)
    assert told.exit_code is ExitCode.FAILED
    assert "Generation 1 runs on." in told.text
    assert told.data["generation"] == 1
    assert running.hands.state() == state
    assert running.outcomes()[-1] == (2, "apply", Outcome.ROLLED_BACK)
    assert "refused at call" in running.history.records()[-1].reason
    assert running.apply().text.endswith("Generation 3 runs.")


def test_a_refused_candidate_is_recorded_as_failed(running: Edge) -> None:
    running.hands.fail = frozenset({len(running.hands.calls)})
    running.apply(TWO)
    assert running.outcomes()[-1] == (2, "apply", Outcome.FAILED)


def test_what_could_not_be_put_back_is_told_and_recorded(running: Edge) -> None:
    called = len(running.hands.calls)
    running.hands.fail = frozenset({called + 2, called + 3})
    told = running.apply(TWO)
    assert told.data["result"] == "broken"
    assert "Not all could be put back:" in told.text
    assert running.outcomes()[-1] == (2, "apply", Outcome.BROKEN)


def test_files_changed_by_hand_are_put_right_by_apply(running: Edge) -> None:
    wanted = running.hands.disk["kamailio", "policy.json"]
    running.hands.disk["kamailio", "policy.json"] = b"9 mine"
    assert running.apply().exit_code is ExitCode.GOOD
    assert running.hands.disk["kamailio", "policy.json"] == wanted.replace(b"1 ", b"2 ", 1)


def test_a_rollback_is_a_new_generation_with_the_old_files(running: Edge) -> None:
    (running.folder / "conf.d").mkdir()
    (running.folder / "conf.d/more.yaml").write_text("health: {interval_seconds: 9}\n")
    running.apply(TWO, yes=True)
    told = running.rollback()
    assert told.exit_code is ExitCode.GOOD
    assert told.text.splitlines()[-2:] == [
        "voxgate.yaml is that of generation 1 again",
        "conf.d/more.yaml is moved away; it is kept in the history",
    ]
    assert running.main.read_text() == ONE
    assert not (running.folder / "conf.d/more.yaml").exists()
    assert running.outcomes()[-1] == (3, "rollback 1", Outcome.APPLIED)
    assert running.history.sources(3) == running.history.sources(1)


def test_a_rollback_that_is_dangerous_needs_a_word_before_files_are_touched(running: Edge) -> None:
    running.apply(TWO)
    with pytest.raises(UsageError, match="removes PBX branch"):
        running.rollback(yes=False)
    assert running.main.read_text() == TWO


@pytest.mark.parametrize("edit", [MOVED, BROKEN], ids=["a good edit", "a broken edit"])
def test_a_rollback_does_not_lose_edits(running: Edge, edit: str) -> None:
    running.apply(TWO)
    running.main.write_text(edit)
    with pytest.raises(UsageError, match=r"voxgate.yaml: edits that were never applied"):
        running.rollback(1)
    assert running.main.read_text() == edit

    assert running.rollback(1, force=True).exit_code is ExitCode.GOOD
    assert running.main.read_text() == ONE
    assert running.outcomes()[2:] == [(3, "rollback", Outcome.SAVED), (4, "rollback 1", Outcome.APPLIED)]
    assert running.history.sources(3)[0].text == edit


def test_a_comment_is_kept_without_asking(running: Edge) -> None:
    running.apply(TWO)
    running.main.write_text(TWO + "# mine\n")
    assert running.rollback(1).exit_code is ExitCode.GOOD
    assert running.history.sources(3)[0].text == TWO + "# mine\n"


def test_a_rollback_that_fails_leaves_the_files_as_they_were(running: Edge) -> None:
    running.apply(TWO)
    running.hands.fail = frozenset({len(running.hands.calls)})
    assert running.rollback(1).exit_code is ExitCode.FAILED
    assert running.main.read_text() == TWO


def test_without_an_earlier_generation_there_is_no_way_back(running: Edge) -> None:
    with pytest.raises(UsageError, match="no generation before this one"):
        running.rollback()


@dataclass
class SlowMachine(FakeMachine):
    """A machine whose checks wait for `gate`."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def check(self, desired: Desired, engine: str) -> None:
        await self.gate.wait()
        await super().check(desired, engine)


def test_two_applies_at_once_are_one_too_many(edge: Edge) -> None:
    async def scene() -> None:
        hands = SlowMachine()
        hands.gate.set()
        edge.operations = Operations(edge.main, edge.reading, Machine(hands, lambda _: {}, observed, lambda: NOW))
        await edge.operations.start("root")
        hands.gate.clear()
        edge.main.write_text(TWO)
        caller = Caller("ops", lambda _: None)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(edge.operations.apply(ApplyRequest(), caller))
            await asyncio.sleep(0)
            with pytest.raises(HostError, match="another apply runs"):
                await edge.operations.apply(ApplyRequest(), caller)
            hands.gate.set()
        assert first.result().exit_code is ExitCode.GOOD

    asyncio.run(scene())


def test_a_plan_changes_nothing_and_shows_files_when_asked(running: Edge) -> None:
    running.main.write_text(TWO)
    state = running.hands.state()
    told = asyncio.run(running.operations.plan(PlanRequest(diff=True)))
    assert "+ adds PBX branch: 1 service name, 1 node" in told.text
    assert "--- kamailio/policy.json" in told.text
    assert isinstance(told.data["file_diffs"], list)
    assert running.hands.state() == state


def test_before_the_start_is_done_everything_else_waits(edge: Edge) -> None:
    with pytest.raises(HostError, match="Voxgate is starting"):
        asyncio.run(edge.operations.status())


def test_history_and_status_are_for_both_kinds_of_readers(running: Edge) -> None:
    history = asyncio.run(running.operations.history())
    assert history.text == "*     1  2026-03-01T12:00:00Z  applied      root        run           first start"
    assert history.data["running"] == 1
    status = asyncio.run(running.operations.status())
    assert (status.data["overall"], status.exit_code) == ("ok", ExitCode.GOOD)


def test_without_engines_the_plan_is_against_what_was_applied_last(running: Edge) -> None:
    running.main.write_text(TWO)
    plan = plan_offline(running.main, running.reading)
    assert [change.sentence for change in plan.changes] == ["adds PBX branch: 1 service name, 1 node"]
    fresh = Reading(load, read_texts, want, History(running.folder / "other"))
    assert plan_offline(running.main, fresh).before is None


def test_a_start_that_fails_leaves_nothing_running(edge: Edge) -> None:
    edge.hands.fail = frozenset({8})
    result = edge.start()
    assert isinstance(result, Kept)
    assert result.running is None
    assert edge.hands.state() == FakeMachine().state()
    assert edge.outcomes() == [(1, "run", Outcome.ROLLED_BACK)]
