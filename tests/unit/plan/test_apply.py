from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.plan.world import ACTIONS, FakeMachine, desired, edited, without_engine
from voxgate.engines.base import Action, EngineState, File, Process
from voxgate.plan.apply import Applied, Broken, Kept, Result, apply, forward
from voxgate.plan.commands import Check, Write
from voxgate.plan.diff import Plan, diff

if TYPE_CHECKING:
    from voxgate.plan.desired import Desired

TWO = [{"address": "172.16.0.10"}, {"address": "172.16.0.11"}]

#: Every kind of step: reloads, a restart of each engine, a start, a stop, files that come and go.
PLANS: dict[str, tuple[Desired | None, Desired]] = {
    "first start": (None, desired(edited(), 1)),
    "reloads": (desired(edited(), 1), desired(edited("pbxs.hq.nodes", TWO), 2, certificate=b"new")),
    "kamailio restarts": (desired(edited(), 1), desired(edited("listen.sip", {"udp": 5070}), 2)),
    "rtpengine restarts": (desired(edited(), 1), desired(edited("media.ports", "30000-40000"), 2)),
    "both restart": (desired(edited(), 1), desired(edited("edge.domain", "b.example.com"), 2)),
    "an engine goes": (desired(edited(), 1), without_engine(desired(edited(), 2), "kamailio")),
    "an engine comes": (without_engine(desired(edited(), 1), "kamailio"), desired(edited(), 2)),
}
PLANS["both restart"] = (
    PLANS["both restart"][0],
    desired(edited("media.dscp", 0).model_copy(update={"listen": edited("listen.sip", {"udp": 9}).listen}), 2),
)


def run(plan: Plan, machine: FakeMachine) -> Result:
    return asyncio.run(apply(plan, machine, lambda _: None))


CASES = [
    pytest.param(name, at, half, id=f"{name}: {command}{' (half)' if half else ''}")
    for name, (before, after) in PLANS.items()
    for at, command in enumerate(forward(diff(before, after)))
    for half in (False, True)
]


@pytest.mark.parametrize(("name", "at", "half"), CASES)
def test_whatever_step_fails_the_machine_is_as_before(name: str, at: int, half: bool) -> None:
    before, after = PLANS[name]
    machine = FakeMachine.holding(before)
    former = machine.state()
    machine.fail, machine.half = frozenset({at}), half

    result = run(diff(before, after), machine)

    assert isinstance(result, Kept)
    assert result.running == (before.generation if before else None)
    assert f"refused at call {at}" in result.reason
    assert machine.state() == former


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_leads_to_what_is_wanted(name: str) -> None:
    before, after = PLANS[name]
    machine = FakeMachine.holding(before)
    assert run(diff(before, after), machine) == Applied(after.generation)
    assert machine.state() == FakeMachine.holding(after).state()


@pytest.mark.parametrize("name", PLANS)
def test_everything_is_checked_before_anything_is_touched(name: str) -> None:
    commands = forward(diff(*PLANS[name]))
    checks = [at for at, command in enumerate(commands) if isinstance(command, Check)]
    assert checks == list(range(len(checks)))


def test_rtpengine_is_ready_before_kamailio_needs_it() -> None:
    machine = FakeMachine.holding(PLANS["both restart"][0])
    run(diff(*PLANS["both restart"]), machine)
    assert machine.calls.index("restart rtpengine") < machine.calls.index("restart kamailio")


def test_a_refused_candidate_touches_nothing() -> None:
    before, after = PLANS["kamailio restarts"]
    machine = FakeMachine.holding(before)
    machine.fail = frozenset({0})
    result = run(diff(before, after), machine)
    assert isinstance(result, Kept)
    assert not result.touched
    assert machine.calls == ["check kamailio 2"]


def test_what_cannot_be_put_back_is_told_and_the_rest_is_put_back() -> None:
    before, after = PLANS["reloads"]
    plan = diff(before, after)
    policy = [str(command) for command in forward(plan)].index("kamailio: reload policy")
    machine = FakeMachine.holding(before)
    machine.fail = frozenset({policy, policy + 2})

    result = run(plan, machine)

    assert isinstance(result, Broken)
    assert result.at == "kamailio: reload policy"
    assert len(result.failures) == 1
    assert "refused at call" in result.failures[0]
    on_disk = {key: content for key, content in machine.disk.items() if content != b"new"}
    assert set(FakeMachine.holding(before).disk) - set(on_disk) <= {("kamailio", "dispatcher.list")}


def test_an_engine_that_does_not_take_its_former_files_back_is_started_anew() -> None:
    before, after = PLANS["reloads"]
    plan = diff(before, after)
    commands = [str(command) for command in forward(plan)]
    policy = commands.index("kamailio: reload policy")
    back = FakeMachine.holding(before)
    back.fail = frozenset({policy})
    run(plan, back)
    reload_back = next(at for at, call in enumerate(back.calls) if at > policy and call.startswith("reload"))
    machine = FakeMachine.holding(before)
    former = machine.state()
    machine.fail = frozenset({policy, reload_back})

    result = run(plan, machine)

    assert isinstance(result, Kept)
    assert machine.calls[reload_back + 1] == "restart kamailio"
    assert machine.state() == former


def test_each_command_is_said_before_it_is_done() -> None:
    said: list[str] = []
    plan = diff(*PLANS["first start"])
    asyncio.run(apply(plan, FakeMachine(), said.append))
    assert said == [str(command) for command in forward(plan)]


PATHS = {"kamailio.cfg": Action.RESTART, "more.cfg": Action.RESTART} | ACTIONS
CONTENTS = st.sampled_from([b"1", b"2", b"3"])


@st.composite
def engines(draw: st.DrawFn, generation: int) -> tuple[EngineState, ...]:
    """Two engines at most, each with any of the files and one of two processes."""
    states = []
    for name in draw(st.lists(st.sampled_from(["rtpengine", "kamailio"]), unique=True)):
        held = draw(st.dictionaries(st.sampled_from(sorted(set(PATHS) - {"policy.json"})), CONTENTS))
        files = [File(path, content, PATHS[path]) for path, content in held.items()]
        names = draw(CONTENTS)
        files.append(File("policy.json", b"%d %s" % (generation, names), Action.POLICY, fingerprint=names))
        process = Process((name, draw(st.sampled_from(["-a", "-b"]))), draw(st.sampled_from(["one", "two"])))
        states.append(EngineState(name, process, tuple(files)))
    return tuple(sorted(states, key=lambda state: state.name, reverse=True))


@given(engines(1), engines(2))
def test_from_any_state_a_plan_leads_to_exactly_any_other(
    olds: tuple[EngineState, ...], news: tuple[EngineState, ...]
) -> None:
    before, after = replace(desired(edited(), 1), engines=olds), replace(desired(edited(), 2), engines=news)
    machine, plan = FakeMachine.holding(before), diff(before, after)

    assert isinstance(run(plan, machine), Applied)

    wanted = FakeMachine.holding(before if plan.nothing_to_do else after)
    assert machine.state() == wanted.state()


@given(engines(1), engines(2), st.integers(0, 40), st.booleans())
def test_from_any_point_on_any_way_it_leads_back(
    olds: tuple[EngineState, ...], news: tuple[EngineState, ...], at: int, half: bool
) -> None:
    before, after = replace(desired(edited(), 1), engines=olds), replace(desired(edited(), 2), engines=news)
    machine, plan = FakeMachine.holding(before), diff(before, after)
    former = machine.state()
    machine.fail, machine.half = frozenset({at}), half

    result = run(plan, machine)

    if at < len(forward(plan)):
        assert isinstance(result, Kept)
        assert machine.state() == former


def test_only_what_differs_is_written() -> None:
    plan = diff(desired(edited(), 1), desired(edited("pbxs.hq.nodes", TWO), 2))
    written = [command.file.path for command in forward(plan) if isinstance(command, Write)]
    assert written == ["dispatcher.list", "policy.json"]
