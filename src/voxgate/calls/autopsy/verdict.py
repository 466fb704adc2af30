"""Asks all rules; the strongest finding is the paragraph, others that were seen follow. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from voxgate.calls.autopsy import access, dialogs, media, refusals, replies
from voxgate.calls.autopsy.finding import Finding

if TYPE_CHECKING:
    from voxgate.calls.autopsy.case import Case

RULES: Final = (*refusals.RULES, *replies.RULES, *media.RULES, *dialogs.RULES, *access.RULES)
#: What is weaker is told only where nothing else is.
_ALSO: Final = 44
_NOTHING: Final = Finding(
    "nothing-known",
    0,
    "Nothing is known that would explain it.",
    "`voxgate cdr` lists calls with their numbers. Traces are kept for `records.trace.minutes`.",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`findings`, the strongest first; at least one."""

    subject: str
    findings: tuple[Finding, ...]

    @property
    def text(self) -> str:
        """One paragraph in words."""
        first, *others = self.findings
        said = [first.cause, first.cure, *(f"Besides: {one.cause}" for one in others)]
        return " ".join(words for words in said if words)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"subject": self.subject, "text": self.text, "findings": [asdict(one) for one in self.findings]}


def explain(case: Case) -> Verdict:
    """Why."""
    found = sorted((one for rule in RULES if (one := rule(case))), key=lambda one: -one.weight)
    if not found:
        return Verdict(case.subject, (_NOTHING,))
    first, *others = found
    names, also = {first.name}, []
    for one in others:
        if one.weight > _ALSO and one.name not in names:
            names.add(one.name)
            also.append(one)
    return Verdict(case.subject, (first, *also))
