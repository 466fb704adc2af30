"""One engine's life as a pure state machine: events in, commands out, time is an argument.

    Stopped -- StartWanted --> Starting -- ProbeGood --> Serving
       ^                        |    ^                    |
       |       never served     |    | Tick, or at once   | Exited, three missed probes
       +------------------------+    +----- Waiting <-----+
       +---- Stopping <---- StopWanted, from everywhere

A process is named by its `attempt`, counted from 1: what arrives about an earlier one is ignored. At any moment
there is one process at most: `Spawn` is only given when the former one's `Exited` or `SpawnFailed` has come.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from voxgate.supervise.life import (
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
    Step,
    Stopped,
    Stopping,
    StopWanted,
    Terminate,
    Then,
    Tick,
    Unit,
    Waiting,
)

PROBE_STARTING_S = 0.1  # calls wait for an engine that comes back
PROBE_SERVING_S = 5.0
MISSES = 3
START_DEADLINE_S = 20.0
KILL_AFTER_S = 5.0
BACK_OFF_FIRST_S = 0.5
BACK_OFF_MOST_S = 30.0
HEALTHY_AFTER_S = 60.0


def back_off_s(failures: int) -> float:
    """How long to wait before the next start after so many failures in a row: the first restart is at once."""
    if failures <= 0:
        return 0.0
    return min(BACK_OFF_FIRST_S * 2.0 ** min(failures - 1, 16), BACK_OFF_MOST_S)


def handle(unit: Unit, event: Event, now_s: float) -> Step:
    """Return what the unit is after `event`, and what must be done."""
    match event:
        case StartWanted():
            return _start_wanted(unit, now_s)
        case StopWanted():
            return _stop_wanted(unit, now_s)
        case Tick():
            return _tick(unit, now_s)
        case SpawnFailed() | Exited() | ProbeGood() | ProbeFailed():
            # What is about an earlier process has no meaning any more.
            return _of_process(unit, event, now_s) if event.attempt == unit.attempt else (unit, ())
        case _:
            assert_never(event)


def _of_process(unit: Unit, event: SpawnFailed | Exited | ProbeGood | ProbeFailed, now_s: float) -> Step:
    match event:
        case SpawnFailed(_, reason) | Exited(_, reason):
            return _gone(unit, reason, now_s)
        case ProbeGood():
            return _probe_good(unit, now_s)
        case ProbeFailed(_, reason):
            return _probe_failed(unit, reason, now_s)
        case _:
            assert_never(event)


def _start_wanted(unit: Unit, now_s: float) -> Step:
    match unit.life:
        case Stopped():
            return _spawn(replace(unit, failures=0), now_s, first=True)
        case Waiting():
            return _spawn(unit, now_s, first=False)
        case Starting() | Serving() | Stopping():
            return unit, ()
        case _:
            assert_never(unit.life)


def _stop_wanted(unit: Unit, now_s: float) -> Step:
    match unit.life:
        case Stopped():
            return unit, ()
        case Waiting():
            return replace(unit, life=Stopped()), (Report(Happening.STOPPED),)
        case Starting() | Serving():
            life = Stopping(now_s + KILL_AFTER_S, Then.STOP)
            return replace(unit, life=life), (Terminate(), Report(Happening.STOPPING))
        case Stopping():
            return replace(unit, life=replace(unit.life, then=Then.STOP)), ()
        case _:
            assert_never(unit.life)


def _tick(unit: Unit, now_s: float) -> Step:
    match unit.life:
        case Starting(deadline_s, _, first) if now_s >= deadline_s:
            why = f"did not become ready within {START_DEADLINE_S:g} s"
            life = Stopping(now_s + KILL_AFTER_S, Then.FAIL if first else Then.RESTART, why)
            return replace(unit, life=life), (Terminate(), Report(Happening.HUNG, why))
        case Starting(_, float(probe_at_s)) | Serving(_, float(probe_at_s)) if now_s >= probe_at_s:
            return replace(unit, life=replace(unit.life, probe_at_s=None)), (Probe(unit.attempt),)
        case Stopping(kill_at_s) if now_s >= kill_at_s:
            return replace(unit, life=replace(unit.life, kill_at_s=now_s + KILL_AFTER_S)), (Kill(),)
        case Waiting(until_s) if now_s >= until_s:
            return _spawn(unit, now_s, first=False)
        case Stopped() | Starting() | Serving() | Stopping() | Waiting():
            return unit, ()  # woken too early
        case _:
            assert_never(unit.life)


def _spawn(unit: Unit, now_s: float, *, first: bool) -> Step:
    attempt = unit.attempt + 1
    life = Starting(now_s + START_DEADLINE_S, now_s + PROBE_STARTING_S, first)
    restarts = unit.restarts if first else unit.restarts + 1
    return (
        replace(unit, life=life, attempt=attempt, restarts=restarts),
        (Spawn(attempt), Report(Happening.STARTING)),
    )


def _gone(unit: Unit, reason: str, now_s: float) -> Step:
    match unit.life:
        case Stopping(_, then, why):
            return _ended(unit, then, why, now_s)
        case Starting(_, _, first):
            return _failed(unit, reason) if first else _crashed(unit, reason, now_s)
        case Serving(since_s):
            healthy = now_s - since_s >= HEALTHY_AFTER_S
            return _crashed(replace(unit, failures=0) if healthy else unit, reason, now_s)
        case Stopped() | Waiting():
            return unit, ()
        case _:
            assert_never(unit.life)


def _ended(unit: Unit, then: Then, why: str, now_s: float) -> Step:
    match then:
        case Then.STOP:
            return replace(unit, life=Stopped()), (Report(Happening.STOPPED),)
        case Then.FAIL:
            return _failed(unit, why)
        case Then.RESTART:
            return _crashed(unit, why, now_s)
        case _:
            assert_never(then)


def _failed(unit: Unit, reason: str) -> Step:
    return replace(unit, life=Stopped(failed=True), last_reason=reason), (Report(Happening.FAILED, reason),)


def _crashed(unit: Unit, reason: str, now_s: float) -> Step:
    delay_s = back_off_s(unit.failures)
    unit = replace(unit, failures=unit.failures + 1, last_reason=reason)
    told = Report(Happening.CRASHED, reason)
    if delay_s > 0:
        return replace(unit, life=Waiting(now_s + delay_s)), (told,)
    unit, commands = _spawn(unit, now_s, first=False)
    return unit, (told, *commands)


def _probe_good(unit: Unit, now_s: float) -> Step:
    match unit.life:
        case Starting():
            life = Serving(now_s, now_s + PROBE_SERVING_S)
            return replace(unit, life=life), (Report(Happening.READY),)
        case Serving():
            life = replace(unit.life, probe_at_s=now_s + PROBE_SERVING_S, misses=0)
            return replace(unit, life=life), ()
        case Stopped() | Stopping() | Waiting():
            return unit, ()
        case _:
            assert_never(unit.life)


def _probe_failed(unit: Unit, reason: str, now_s: float) -> Step:
    match unit.life:
        case Starting():
            return replace(unit, life=replace(unit.life, probe_at_s=now_s + PROBE_STARTING_S)), ()
        case Serving(_, _, misses) if misses + 1 >= MISSES:
            # A process that does not answer would not obey SIGTERM either, and calls are waiting.
            why = f"did not answer {MISSES} times in a row: {reason}"
            stopping = Stopping(now_s + KILL_AFTER_S, Then.RESTART, why)
            return replace(unit, life=stopping), (Kill(), Report(Happening.HUNG, why))
        case Serving(_, _, misses):
            serving = replace(unit.life, probe_at_s=now_s + PROBE_SERVING_S, misses=misses + 1)
            return replace(unit, life=serving), ()
        case Stopped() | Stopping() | Waiting():
            return unit, ()
        case _:
            assert_never(unit.life)
