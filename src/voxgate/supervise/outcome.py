"""What the control socket's verbs answer: plans, results and the history, for people and for programs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from voxgate.errors import ExitCode
from voxgate.plan.apply import Applied, Broken, Kept, Result
from voxgate.plan.history import Outcome, Record
from voxgate.supervise.control import Told

if TYPE_CHECKING:
    from voxgate.plan.diff import Plan


def plan_told(plan: Plan, *, with_diff: bool) -> Told:
    """A plan for both kinds of readers; `file_diffs` only where asked for."""
    data, text = plan.to_json(), str(plan)
    if with_diff:
        diffs = plan.file_diffs()
        data["file_diffs"] = [{"engine": one.engine, "path": one.path, "diff": one.text} for one in diffs]
        text = "\n\n".join((text, *(one.text for one in diffs)))
    return Told(data, text)


def result_told(result: Result, plan: Plan) -> Told:
    """`{"result": "applied" | "kept" | "broken", "generation": what runs, "at", "reason", "failures", "plan"}`."""
    data: dict[str, object] = {"plan": plan.to_json(), "at": "", "reason": "", "failures": []}
    match result:
        case Applied(generation):
            data |= {"result": "applied", "generation": generation}
            return Told(data, f"{plan}\n\nGeneration {generation} runs.")
        case Kept(running, at, reason):
            data |= {"result": "kept", "generation": running, "at": at, "reason": reason}
            runs = f"Generation {running} runs on." if running else "Nothing runs."
            text = f"Generation {plan.generation} was not applied: {at}: {reason}\n{runs}"
            return Told(data, text, ExitCode.FAILED)
        case Broken(at, reason, failures):
            data |= {"result": "broken", "generation": None, "at": at, "reason": reason, "failures": list(failures)}
            text = f"Generation {plan.generation} was not applied: {at}: {reason}\nNot all could be put back:"
            text = "\n".join((text, *(f"  ! {failure}" for failure in failures)))
            return Told(data, f"{text}\nSee `voxgate status`.", ExitCode.FAILED)
        case _:
            assert_never(result)


def history_table(records: tuple[Record, ...], running: int | None) -> str:
    """One line for each generation, the running one marked."""
    lines = [
        f"{'*' if r.generation == running else ' '} {r.generation:>5}  {r.time:%Y-%m-%dT%H:%M:%SZ}  "
        f"{r.outcome.value:<11}  {r.by:<10}  {r.verb:<12}  {r.summary}"
        + (f" ({' '.join(r.reason.split())})" if r.reason else "")
        for r in records
    ]
    return "\n".join(lines) or "nothing was applied yet"


def reason_of(result: Result) -> str:
    """Why it was not applied, empty when it was."""
    return outcome_of(result)[1]


def outcome_of(result: Result) -> tuple[Outcome, str]:
    """What the history says of it, and why it was not applied."""
    match result:
        case Applied():
            return Outcome.APPLIED, ""
        case Kept(_, at, reason, touched):
            return Outcome.ROLLED_BACK if touched else Outcome.FAILED, f"{at}: {reason}"
        case Broken(at, reason, failures):
            return Outcome.BROKEN, f"{at}: {reason}; not put back: {', '.join(failures)}"
        case _:
            assert_never(result)
