"""One engine's life: dialogues of (time, event, expected commands), then anything in any order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from voxgate.supervise.life import (
    Command,
    Event,
    Exited,
    Happening,
    Kill,
    Probe,
    ProbeFailed,
    ProbeGood,
    Report,
    Serving,
    Spawn,
    SpawnFailed,
    Starting,
    StartWanted,
    Stopped,
    StopWanted,
    Terminate,
    Tick,
    Unit,
    Waiting,
)
from voxgate.supervise.unit import back_off_s, handle

Dialogue = list[tuple[float, Event, tuple[Command, ...]]]

KILLED = "was killed with signal 9 (SIGKILL)"
HUNG = "did not answer 3 times in a row: no answer"
LATE = "did not become ready within 20 s"

START: Dialogue = [
    (0.0, StartWanted(), (Spawn(1), Report(Happening.STARTING))),
    (0.1, Tick(), (Probe(1),)),
]
SERVE: Dialogue = [*START, (0.2, ProbeGood(1), (Report(Happening.READY),))]
AGAIN = (Spawn(2), Report(Happening.STARTING))


@pytest.mark.parametrize(
    "dialogue",
    [
        pytest.param(
            [*START, (0.2, ProbeFailed(1, "nobody"), ()), (0.31, Tick(), (Probe(1),))],
            id="an engine that is not ready is asked again soon",
        ),
        pytest.param(
            [*SERVE, (9.0, Exited(1, KILLED), (Report(Happening.CRASHED, KILLED), *AGAIN))],
            id="after a crash the next process is started at once",
        ),
        pytest.param(
            [
                *SERVE,
                (9.0, Exited(1, KILLED), (Report(Happening.CRASHED, KILLED), *AGAIN)),
                (9.1, ProbeGood(1), ()),
                (9.1, ProbeFailed(1, "late"), ()),
                (9.1, Exited(1, KILLED), ()),
            ],
            id="what arrives about an earlier process is ignored",
        ),
        pytest.param(
            [
                *SERVE,
                (9.0, Exited(1, KILLED), (Report(Happening.CRASHED, KILLED), *AGAIN)),
                (9.1, Exited(2, "x"), (Report(Happening.CRASHED, "x"),)),
                (9.5, Tick(), ()),
                (9.6, Tick(), (Spawn(3), Report(Happening.STARTING))),
            ],
            id="the second crash in a row waits half a second",
        ),
        pytest.param(
            [*START, (0.2, Exited(1, "exited with code 255"), (Report(Happening.FAILED, "exited with code 255"),))],
            id="an engine that never served is not started again",
        ),
        pytest.param(
            [
                (0.0, StartWanted(), (Spawn(1), Report(Happening.STARTING))),
                (0.0, SpawnFailed(1, "not installed"), (Report(Happening.FAILED, "not installed"),)),
            ],
            id="a program that is missing is told at once",
        ),
        pytest.param(
            [
                *START,
                (20.0, Tick(), (Terminate(), Report(Happening.HUNG, LATE))),
                (21.0, Exited(1, "exited with code 0"), (Report(Happening.FAILED, LATE),)),
            ],
            id="a start that takes too long fails with that reason, not with the exit that it led to",
        ),
        pytest.param(
            [
                *SERVE,
                (6.0, Tick(), (Probe(1),)),
                (8.0, ProbeFailed(1, "no answer"), ()),
                (13.0, Tick(), (Probe(1),)),
                (15.0, ProbeFailed(1, "no answer"), ()),
                (20.0, Tick(), (Probe(1),)),
                (22.0, ProbeFailed(1, "no answer"), (Kill(), Report(Happening.HUNG, HUNG))),
                (22.0, Exited(1, KILLED), (Report(Happening.CRASHED, HUNG), *AGAIN)),
            ],
            id="an engine that misses three probes is killed and started again, and the reason is its silence",
        ),
        pytest.param(
            [
                *SERVE,
                (6.0, Tick(), (Probe(1),)),
                (8.0, ProbeFailed(1, "no answer"), ()),
                (13.0, Tick(), (Probe(1),)),
                (13.0, ProbeGood(1), ()),
                (18.0, Tick(), (Probe(1),)),
                (20.0, ProbeFailed(1, "no answer"), ()),
                (25.0, Tick(), (Probe(1),)),
                (27.0, ProbeFailed(1, "no answer"), ()),
            ],
            id="misses that are not in a row do no harm",
        ),
        pytest.param(
            [
                *SERVE,
                (9.0, StopWanted(), (Terminate(), Report(Happening.STOPPING))),
                (13.9, Tick(), ()),
                (14.0, Tick(), (Kill(),)),
                (19.0, Tick(), (Kill(),)),
                (19.1, Exited(1, KILLED), (Report(Happening.STOPPED),)),
            ],
            id="an engine that ignores SIGTERM is killed after five seconds",
        ),
        pytest.param(
            [
                *SERVE,
                (9.0, Exited(1, KILLED), (Report(Happening.CRASHED, KILLED), *AGAIN)),
                (9.1, Exited(2, "x"), (Report(Happening.CRASHED, "x"),)),
                (9.2, StopWanted(), (Report(Happening.STOPPED),)),
                (99.0, Tick(), ()),
            ],
            id="a stop while it waits for the next start is over at once",
        ),
        pytest.param(
            [
                (0.0, StartWanted(), (Spawn(1), Report(Happening.STARTING))),
                (0.0, StopWanted(), (Terminate(), Report(Happening.STOPPING))),
                (0.0, SpawnFailed(1, "not installed"), (Report(Happening.STOPPED),)),
            ],
            id="a stop that overtakes a failed start is a stop",
        ),
        pytest.param(
            [
                *START,
                (20.0, Tick(), (Terminate(), Report(Happening.HUNG, LATE))),
                (21.0, StopWanted(), ()),
                (22.0, Exited(1, KILLED), (Report(Happening.STOPPED),)),
            ],
            id="a stop while a hung start is ended is a stop",
        ),
    ],
)
def test_dialogue(dialogue: Dialogue) -> None:
    unit = Unit()
    for number, (now_s, event, expected) in enumerate(dialogue):
        unit, commands = handle(unit, event, now_s)
        assert commands == expected, f"line {number}: {event}"


def test_back_off_doubles_from_half_a_second_to_thirty() -> None:
    assert [back_off_s(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 10_000)] == [
        *(0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0)
    ]


@pytest.mark.parametrize(
    ("served_s", "failures"), [pytest.param(59.9, 5, id="shorter"), pytest.param(60.0, 1, id="a minute")]
)
def test_a_minute_of_health_forgives_earlier_crashes(served_s: float, failures: int) -> None:
    unit = Unit(Serving(100.0, 105.0), attempt=7, failures=4)
    unit, _ = handle(unit, Exited(7, "x"), 100.0 + served_s)
    assert unit.failures == failures


@dataclass
class World:
    """The processes there really are; a double for the driver."""

    unit: Unit = field(default_factory=Unit)
    now_s: float = 0.0
    running: set[int] = field(default_factory=set)
    spawning: set[int] = field(default_factory=set)
    probing: set[int] = field(default_factory=set)
    stop_asked: bool = True
    most_at_once: int = 0

    def send(self, event: Event) -> None:
        self.unit, commands = handle(self.unit, event, self.now_s)
        for command in commands:
            match command:
                case Spawn(attempt):
                    self.running.add(attempt)
                    self.most_at_once = max(self.most_at_once, len(self.running))
                case Probe(attempt):
                    assert attempt not in self.probing, "two probes at once"
                    self.probing.add(attempt)
                case Terminate() | Kill() | Report():
                    pass


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @rule()
    def start(self) -> None:
        self.world.send(StartWanted())

    @rule()
    def stop(self) -> None:
        self.world.send(StopWanted())

    @rule(after_s=st.floats(0, 100))
    def time_passes(self, after_s: float) -> None:
        self.world.now_s += after_s
        self.world.send(Tick())

    @precondition(lambda self: self.world.running)
    @rule(failed=st.booleans())
    def process_ends(self, failed: bool) -> None:
        attempt = self.world.running.pop()
        self.world.send(SpawnFailed(attempt, "x") if failed else Exited(attempt, "x"))

    @precondition(lambda self: self.world.probing)
    @rule(good=st.booleans())
    def probe_ends(self, good: bool) -> None:
        attempt = self.world.probing.pop()
        self.world.send(ProbeGood(attempt) if good else ProbeFailed(attempt, "x"))

    @invariant()
    def there_are_never_two_processes(self) -> None:
        assert self.world.most_at_once <= 1

    @invariant()
    def a_unit_without_a_process_says_so(self) -> None:
        assert bool(self.world.running) != isinstance(self.world.unit.life, Stopped | Waiting)

    @invariant()
    def something_will_happen_within_thirty_seconds(self) -> None:
        wake_at_s = self.world.unit.wake_at_s
        match self.world.unit.life:
            case Stopped():
                assert wake_at_s is None
            case Serving(_, None, _):
                assert self.world.probing, "it waits for a probe that nobody makes"
            case Starting() | Serving() | Waiting() | _:
                assert wake_at_s is not None
                assert wake_at_s - self.world.now_s <= 30


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
