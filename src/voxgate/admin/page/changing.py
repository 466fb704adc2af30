"""Changes of the configuration from a form: foretold or done, and what became of it, as a value for a template."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fastapi import Response

from voxgate.admin.api.editing import Outcome, edit
from voxgate.admin.page.mistakes import problem
from voxgate.admin.problems import ApiError, ProblemBody
from voxgate.errors import VoxgateError
from voxgate.supervise.editing import DangerError, StaleError

if TYPE_CHECKING:
    from voxgate.admin.page.forms import Form
    from voxgate.admin.surroundings import Surroundings
    from voxgate.wire.admin_request import EditRequest


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of it: `outcome` where it was foretold or done; else `problem`.

    `dangers`: it needs a word. `stale`: somebody else has changed it meanwhile.
    """

    outcome: Outcome | None = None
    problem: ProblemBody | None = None
    dangers: tuple[str, ...] = ()
    stale: bool = False

    @property
    def done(self) -> bool:
        """Whether it is effective, or was so before."""
        return self.outcome is not None and self.outcome.result != "planned"

    @property
    def status(self) -> int:
        """Of the answer."""
        if self.dangers:
            return 409
        return self.problem.status if self.problem else 200

    @property
    def diff(self) -> list[tuple[str, str]]:
        """The difference of the files: (added | gone | where | same, line)."""
        return diff_lines(self.outcome.yaml_diff) if self.outcome else []


async def attempt(around: Surroundings, who: str, request: EditRequest, form: Form) -> Attempt:
    """As the form's button says: `do` is `plan` or `apply`; `yes` is the word for dangers."""
    wanted = replace(request, dry=form.text("do") != "apply", yes=form.has("yes"))
    try:
        outcome = await edit(around, who, wanted, Response())
    except DangerError as error:
        return Attempt(dangers=tuple(error.dangers))
    except (VoxgateError, ApiError) as error:
        return Attempt(problem=problem(error)[0], stale=isinstance(error, StaleError))
    dangers: list[Any] = outcome.plan.get("dangers", []) if outcome.result == "planned" else []
    return Attempt(outcome=outcome, dangers=tuple(map(str, dangers)))


def diff_lines(text: str) -> list[tuple[str, str]]:
    """A difference in the unified form, for a template."""
    kinds = {"+": "added", "-": "gone", "@": "where"}
    return [
        ("where" if line.startswith(("+++", "---")) else kinds.get(line[:1], "same"), line)
        for line in text.splitlines()
    ]
